"""What an operator tells of its templates, read from its source and never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from factory.kinds.python import source
from factory.spec.text import Unreadable, bytes_of

_FIELDS = "template_fields"
_ENDINGS = "template_ext"
_MAX_BASES = 12


def rendered(operator: str) -> frozenset[str]:
    """The arguments that an operator hands to Jinja; none, where its source does not tell."""
    module, _, name = operator.rpartition(".")
    return frozenset(_known(_FIELDS, module, name))


def endings(operator: str) -> tuple[str, ...]:
    """How a text in those ends that Airflow takes for the name of a template's file."""
    module, _, name = operator.rpartition(".")
    return _known(_ENDINGS, module, name)


class _Untold(Exception):
    """It is reckoned, in a way that is not known here."""


@cache  # many steps have one operator
def _known(what: str, module: str, name: str) -> tuple[str, ...]:
    try:
        return _told(what, module, name, _MAX_BASES) or ()
    except _Untold:
        return ()


def _told(what: str, module: str, name: str, left: int) -> tuple[str, ...] | None:
    """What a class says, or the first of its bases that says it; None: none does."""
    tree = tree_of(module)
    if tree is None or not left:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            said = _said(what, node)
            if said is not None:
                return tuple(_values(what, said, module, tree, left))
            bases = (base.id for base in node.bases if isinstance(base, ast.Name))
            found = (_elsewhere(what, base, module, tree, left) for base in bases)
            return next((fields for fields in found if fields is not None), None)
    return None


def _said(what: str, node: ast.ClassDef) -> ast.expr | None:
    for entry in node.body:
        if not isinstance(entry, ast.AnnAssign | ast.Assign):
            continue
        targets = entry.targets if isinstance(entry, ast.Assign) else [entry.target]
        if any(getattr(target, "id", "") == what for target in targets):
            return entry.value
    return None


def _values(what: str, node: ast.expr, module: str, tree: ast.Module, left: int) -> Iterator[str]:
    """The texts of a tuple, with those of `*Base.template_fields` in it, or added to it."""
    if not left:
        raise _Untold
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for entry in node.elts:
            yield from _values(what, entry, module, tree, left)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Starred):
        yield from _values(what, node.value, module, tree, left)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr):
        yield from _values(what, node.left, module, tree, left)
        yield from _values(what, node.right, module, tree, left)
    elif isinstance(node, ast.Attribute) and node.attr == what and isinstance(node.value, ast.Name):
        above = _elsewhere(what, node.value.id, module, tree, left)
        if above is None:
            raise _Untold
        yield from above
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "union") not in _MAKERS:
        found, home = _returned(node, module, tree)
        yield from _values(what, found, home, tree_of(home) or tree, left - 1)
    elif isinstance(node, ast.Call):  # tuple({…}.union(Base.template_fields))
        before = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        if before and getattr(node.func, "attr", "") != "union":
            raise _Untold
        for entry in (*before, *node.args):
            yield from _values(what, entry, module, tree, left)
    else:
        raise _Untold


_MAKERS = ("union", "tuple", "list", "set", "frozenset", "sorted")


def _returned(call: ast.Call, module: str, tree: ast.Module) -> tuple[ast.expr, str]:
    """What a function returns for its `*args`, and its module: `aws_template_fields("subject")`."""
    from copy import deepcopy

    name = getattr(call.func, "id", "")
    home, name = imported(tree, name) or (module, name)
    source_of = tree_of(home)
    for node in source_of.body if source_of else ():
        if isinstance(node, ast.FunctionDef) and node.name == name and node.args.vararg:
            last = node.body[-1]
            if isinstance(last, ast.Return) and last.value and not call.keywords:
                given = _Given(node.args.vararg.arg, call.args)
                return given.visit(deepcopy(last.value)), home  # the tree is kept
    raise _Untold


class _Given(ast.NodeTransformer):
    """Puts what was given where a function reads its `*args`."""

    def __init__(self, name: str, values: list[ast.expr]) -> None:
        self.name = name
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The arguments, in place of their name."""
        return ast.Tuple(elts=self.values) if node.id == self.name else node


def _elsewhere(
    what: str, name: str, module: str, tree: ast.Module, left: int
) -> tuple[str, ...] | None:
    """Those of a class that is defined here, or imported."""
    home, own = imported(tree, name) or (module, name)
    return _told(what, home, own, left - 1)


def imported(tree: ast.Module, name: str) -> tuple[str, str] | None:
    """The module that a name is imported from, and what it is called there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


def _beside_loaded(module: str) -> Path | None:
    """The file of a module whose package is loaded, from wherever that was."""
    top, _, rest = module.partition(".")
    folders = getattr(sys.modules.get(top), "__path__", ()) if rest else ()
    for folder in folders:
        base = Path(folder).joinpath(*rest.split("."))
        for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if file.is_file():
                return file
    return None


@cache
def tree_of(module: str) -> ast.Module | None:
    """The source of a module, parsed; None where it cannot be found or read."""
    path = _beside_loaded(module) or source.find(module)
    if path is None:
        return None
    try:
        data, size = bytes_of(path)
        return ast.parse(data) if size <= source.MAX_BYTES else None
    except (Unreadable, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
