"""What an operator or a trigger takes, read from its source and that of its bases, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import TypeGuard

from factory.lint.rendered import imported, tree_of

_MAX_BASES = 12
_NAMING = ("globals", "exec", "setattr")
"""What may give a module names that do not stand in it."""
_MAKING = ("__init__", "__new__")
_ROOTS = ("BaseOperator", "BaseTrigger")
"""Their own bases take no argument by name."""
_BARE = (("typing", "Generic"), ("abc", "ABC"))
"""Bases that have no `__init__`, of modules that give others one: `AwsBaseHookMixin`'s."""


@cache
def classes(module: str) -> frozenset[str] | None:
    """The names that a module defines or imports; None where its source does not tell."""
    tree = tree_of(module)
    if tree is None:
        return None
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Name) and node.id in _NAMING:
            return None
    return None if {"*", "__getattr__"} & found else frozenset(found)


@cache
def parameters(module: str, name: str, wanted: frozenset[str]) -> frozenset[str] | None:
    """The arguments that a class takes, its bases looked at only for those that are left.

    None where a source does not tell.
    """
    return _parameters(module, name, wanted, _MAX_BASES)


def _parameters(module: str, name: str, wanted: frozenset[str], left: int) -> frozenset[str] | None:
    tree = tree_of(module)
    if tree is None or not left:
        return None
    defined = [node for node in ast.walk(tree) if _is_class(node, name)]
    if defined:
        plain = name in _ROOTS or (len(defined) == 1 and _is_plain(defined[0], tree))
        return _of_class(defined[0], module, wanted, left) if plain else None
    found = imported(tree, name)
    if found in _BARE:
        return frozenset()
    return _parameters(*found, wanted, left - 1) if found else None


def untaken(operator: str, given: frozenset[str]) -> frozenset[str]:
    """The arguments that an operator does not take, as far as the sources tell."""
    module, _, name = operator.rpartition(".")
    taken = parameters(module, name, given)
    return frozenset() if taken is None else given - taken


@cache
def declared(operator: str, argument: str) -> str:
    """`bool`, `int` or `float`, where an operator says that an argument is nothing but that."""
    module, _, name = operator.rpartition(".")
    return _declared(module, name, argument, _MAX_BASES)


def _declared(module: str, name: str, argument: str, left: int) -> str:
    tree = tree_of(module)
    if tree is None or not left:
        return ""
    node = next((one for one in ast.walk(tree) if _is_class(one, name)), None)
    if node is None:
        found = imported(tree, name)
        return _declared(*found, argument, left - 1) if found else ""
    init = next((one for one in node.body if _is_init(one)), None)
    if isinstance(init, ast.FunctionDef):
        every = (*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs)
        for one in every:
            if one.arg == argument:
                said = ast.unparse(one.annotation) if one.annotation else ""
                plain = said.removesuffix(" | None")
                return plain if plain in _PLAIN else ""
    bases = (base.id for base in node.bases if isinstance(base, ast.Name))
    said_below = (_declared(module, base, argument, left - 1) for base in bases)
    return next(filter(None, said_below), "")


_PLAIN = ("bool", "int", "float")


def required(module: str, name: str) -> tuple[str, ...]:
    """The arguments that a class cannot be made without; none where its source does not tell."""
    return _required(module, name, _MAX_BASES)


def _required(module: str, name: str, left: int) -> tuple[str, ...]:
    tree = tree_of(module)
    if tree is None or not left:
        return ()
    defined = [node for node in ast.walk(tree) if _is_class(node, name)]
    if defined:
        plain = len(defined) == 1 and _is_plain(defined[0], tree)
        return _of_init(defined[0], module, left) if plain else ()
    found = imported(tree, name)
    return _required(*found, left - 1) if found else ()


def _of_init(node: ast.ClassDef, module: str, left: int) -> tuple[str, ...]:
    """Those of its `__init__`, which its bases have for it where it has none."""
    init = next((one for one in node.body if _is_init(one)), None)
    if isinstance(init, ast.FunctionDef):
        given = init.args
        plain = [one.arg for one in (*given.posonlyargs, *given.args)][1:]
        named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
        without = plain[: len(plain) - len(given.defaults)]
        return (*without, *(one.arg for one, default in named if default is None))
    first = node.bases[0] if node.bases else None
    return _required(module, first.id, left - 1) if isinstance(first, ast.Name) else ()


def _is_class(node: ast.AST, name: str) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef) and node.name == name


def _is_plain(node: ast.ClassDef, tree: ast.Module) -> bool:
    """Whether what it takes is what stands in its `def __init__`, which nothing else changes."""
    own = [one for one in node.body if _is_init(one)]
    decorated = [*node.decorator_list, *(d for one in own for d in _decorators(one))]
    return not (decorated or node.keywords or _makes_otherwise(node, own) or _sets_one(tree))


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return node.decorator_list if isinstance(node, ast.FunctionDef) else []


def _makes_otherwise(node: ast.ClassDef, own: list[ast.stmt]) -> bool:
    """Whether a class has its `__init__` or `__new__` in another way: by `if`, by assignment."""
    names = [
        one.id if isinstance(one, ast.Name) else one.name
        for one in ast.walk(node)
        if isinstance(one, ast.FunctionDef)
        or (isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
    ]
    return sum(name in _MAKING for name in names) > len(own)


def _sets_one(tree: ast.Module) -> bool:
    """`Operator.__init__ = …`, of whichever class of the module."""
    return any(
        isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store) and one.attr in _MAKING
        for one in ast.walk(tree)
    )


def _of_class(
    node: ast.ClassDef, module: str, wanted: frozenset[str], left: int
) -> frozenset[str] | None:
    init = next((one for one in node.body if _is_init(one)), None)
    own: frozenset[str] = frozenset()
    if isinstance(init, ast.FunctionDef):
        given = init.args
        own = frozenset(one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs))
        if given.kwarg is None or node.name in _ROOTS or wanted <= own:
            return own
        if _looks_into(init, given.kwarg.arg):
            return None
    for base in node.bases:
        named = base.value if isinstance(base, ast.Subscript) else base
        if not isinstance(named, ast.Name):
            return None
        below = _parameters(module, named.id, wanted - own, left - 1)
        if below is None:
            return None
        own |= below
    return own


def _is_init(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _looks_into(init: ast.FunctionDef, name: str) -> bool:
    """Whether `**kwargs` is more than handed to the bases: `kwargs.pop("name")`."""
    return any(entry != "handed on" for entry in _uses(init, name))


def _uses(init: ast.FunctionDef, name: str) -> Iterator[str]:
    handed = {
        id(word.value)
        for call in ast.walk(init)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "__init__"
        for word in call.keywords
        if word.arg is None
    }
    for node in ast.walk(init):
        if isinstance(node, ast.Name) and node.id == name:
            yield "handed on" if id(node) in handed else "looked into"


__all__ = ["classes", "declared", "parameters", "required", "untaken"]
