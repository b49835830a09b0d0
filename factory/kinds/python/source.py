"""What a Python file defines, read with `ast` and never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

CONTEXT = frozenset(
    {
        "asset_state_store",
        "conn",
        "dag",
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "inlet_events",
        "inlets",
        "logical_date",
        "macros",
        "map_index_template",
        "outlet_events",
        "outlets",
        "params",
        "partition_date",
        "partition_key",
        "prev_data_interval_end_success",
        "prev_data_interval_start_success",
        "prev_end_date_success",
        "prev_start_date_success",
        "run_id",
        "task",
        "task_instance",
        "task_instance_key_str",
        "task_reschedule_count",
        "task_state_store",
        "ti",
        "triggering_asset_events",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "var",
    }
)
"""Names that Airflow has a value for while a task runs."""


class Names(dict[str, "ast.stmt | None"]):
    """Names that a module defines, with the statement of a function or class.

    `open`: it may define others, by `import *` or `__getattr__`.
    """

    open = False


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


def find(module: str) -> Path | None:
    """The source of an importable module, found without importing any package."""
    parts = module.split(".")
    for entry in sys.path:
        base = Path(entry or ".").joinpath(*parts)
        for candidate in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if candidate.is_file():
                return candidate
    return None


def names(text: bytes) -> Names:
    """What a module defines at its top level.

    :raises SyntaxError: it is not Python.
    :raises ValueError: it holds NUL bytes.
    """
    found = Names()
    for statement in _top(ast.parse(text).body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[statement.name] = statement
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                found[alias.asname or alias.name.partition(".")[0]] = None
        else:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found[node.id] = None
    found.open = "*" in found or "__getattr__" in found
    return found


def _top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those inside its `if`, `try`, `with` and loops."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _top(getattr(statement, part, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from _top(handler.body)


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
