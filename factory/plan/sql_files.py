"""SQL that a spec says: inline, or as the name of a `.sql` file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File

import msgspec
from msgspec import UNSET, UnsetType

from factory.diagnostics import Path
from factory.problem import Problem
from factory.spec.beside import missing

_READ_AS_FILE = (".sql", ".json")  # what an operator takes for a template file's name


def places(sql: str, place: Path) -> tuple[Path, ...] | UnsetType:
    """The place of an argument, where it names a SQL file."""
    return (place,) if is_file(sql) else UNSET


def is_file(sql: str) -> bool:
    """Whether it is a file's name: one word that ends in `.sql`."""
    return sql.endswith(".sql") and len(sql.split()) == 1


def as_template(sql: str) -> str:
    """The text as Airflow takes it: SQL that happens to end like a file's name gets a blank."""
    return f"{sql} " if sql.endswith(_READ_AS_FILE) and not is_file(sql) else sql


def problems(sql: str, folder: File, path: Path) -> Iterator[Problem]:
    """A file that is not there, or whose name is a template."""
    if not is_file(sql):
        return
    if "{{" in sql:
        message = "the name of a SQL file cannot be a template"
        hint = "use a template inside the file, or write the SQL here"
        yield Problem(path, "file", message, expected="the name of a file", hint=hint)
    elif (problem := missing(sql, folder)) is not None:
        yield msgspec.structs.replace(problem, path=path)


__all__ = ["as_template", "is_file", "places", "problems"]
