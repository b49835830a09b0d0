"""What a Python file defines, read with `ast` and never run."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from factory.context import CONTEXT
from factory.diagnostics import shortened
from factory.spec.text import Unreadable, bytes_of

MAX_BYTES = 256 * 1024
"""Python's parser takes up to a thousand times as much memory, and 20 s for a MiB of f-strings."""


class Unfit(Exception):
    """A file that cannot be read as Python; `python`: it is none, by its syntax."""

    def __init__(self, message: str, *, python: bool = True) -> None:
        super().__init__(message)
        self.python = python


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a function takes: `named` by name; `positional` cannot be, and must be given."""

    named: tuple[str, ...]
    required: tuple[str, ...]
    positional: tuple[str, ...]
    any_name: bool
    known: bool = True

    def refuses(self, name: str) -> bool:
        """Whether an argument of this name cannot be given."""
        return self.known and not self.any_name and name not in self.named

    def lacking(self, given: Iterable[str]) -> list[str]:
        """Arguments that nobody gives."""
        if not self.known:
            return []
        return [name for name in self.required if name not in {*given, *CONTEXT}]


class Names(dict[str, "Signature | None"]):
    """Names that a module defines, with the signature of a function or class.

    `open`: it may define others, by `import *` or `__getattr__`.
    """

    open = False


def find(module: str) -> Path | None:
    """The source of an importable module, found without importing any package."""
    parts = module.split(".")
    for entry in sys.path:
        base = Path(entry or ".").joinpath(*parts)
        for candidate in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            try:
                if candidate.is_file():
                    return candidate
            except (OSError, ValueError):  # a name too long: there is no such file
                continue
    return None


def names(path: Path) -> Names:
    """What a module defines at its top level. A file that has not changed is read once.

    :raises Unfit: it cannot be read, or is not Python, or is so large or so deep that it would
        take the process with it.
    """
    try:
        status = path.stat()
        found = _names(path, (status.st_mtime_ns, status.st_size, status.st_ino))
    except OSError as error:
        raise Unfit(f"cannot be read: {error.strerror}") from None
    if isinstance(found, Unfit):
        raise found
    return found


@lru_cache(maxsize=256)
def _names(path: Path, version: tuple[int, ...]) -> Names | Unfit:
    try:
        data, _ = bytes_of(path)
    except Unreadable as error:
        return Unfit(f"cannot be read: {error}")
    if len(data) > MAX_BYTES:
        return Unfit("is too large to be looked at: more than 256 KiB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its style
            return _defined(ast.parse(data).body)
    except (RecursionError, MemoryError):  # what the parser raises for depth
        return Unfit("is nested too deeply to be looked at")
    except (SyntaxError, ValueError) as error:
        number = getattr(error, "lineno", None)
        line = f" in line {number}" if number else ""
        reason = shortened(str(getattr(error, "msg", error)), 200)
        return Unfit(f"is not Python{line}: {reason}", python=False)


def _defined(body: list[ast.stmt]) -> Names:
    found = Names()
    for statement in _top(body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[statement.name] = signature(statement)
        elif isinstance(statement, ast.ClassDef):
            found[statement.name] = _ANY
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                found[alias.asname or alias.name.partition(".")[0]] = None
        else:
            for node in _own(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found[node.id] = None
    found.open = "*" in found or "__getattr__" in found
    return found


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements in it."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        todo += (each for each in ast.iter_child_nodes(node) if not isinstance(each, _INNER))


_INNER: Any = (ast.stmt, ast.excepthandler, ast.match_case)


def _top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those inside its `if`, `try`, `with` and loops."""
    todo = [iter(body)]  # no recursion: each `elif` is one deeper
    while todo:
        statement = next(todo[-1], None)
        if statement is None:
            todo.pop()
            continue
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        parts = [getattr(statement, part, ()) for part in ("body", "orelse", "finalbody")]
        for several in ("handlers", "cases"):
            parts += [each.body for each in getattr(statement, several, ())]
        todo += [iter(part) for part in reversed(parts) if part]


def signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    """What a function takes; not known when it is decorated."""
    takes = function.args
    listed = [*takes.posonlyargs, *takes.args]
    optional = {arg.arg for arg in listed[len(listed) - len(takes.defaults) :]}
    optional |= {
        arg.arg
        for arg, default in zip(takes.kwonlyargs, takes.kw_defaults, strict=True)
        if default is not None
    }
    named = tuple(arg.arg for arg in (*takes.args, *takes.kwonlyargs))
    known = not function.decorator_list
    return Signature(
        named=named,
        required=tuple(name for name in named if name not in optional),
        positional=tuple(arg.arg for arg in takes.posonlyargs if arg.arg not in optional and known),
        any_name=takes.kwarg is not None,
        known=known,
    )


_ANY = Signature(named=(), required=(), positional=(), any_name=True, known=False)
