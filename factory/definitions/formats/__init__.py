"""What files look like: one module a format, with its Struct and what lint tells of it.

How a format is read is `factory.transfer.formats`, in a module of the same name: that needs
pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from factory.definitions.formats import csv, json, jsonl, names, parquet, xlsx
from factory.definitions.formats.csv import Csv
from factory.definitions.formats.json import Json
from factory.definitions.formats.jsonl import Jsonl
from factory.definitions.formats.parquet import Parquet
from factory.definitions.formats.xlsx import Xlsx
from factory.diagnostics import Path
from factory.fields import word_of
from factory.problem import Problem

Format = Csv | Jsonl | Json | Parquet | Xlsx
"""A format with all of its options."""
_MODULES: dict[type[Format], ModuleType] = {
    Csv: csv,
    Jsonl: jsonl,
    Json: json,
    Parquet: parquet,
    Xlsx: xlsx,
}


INFERRED = ("csv", "jsonl", "json", "xlsx")
"""Formats whose files tell no types: what a table says of them counts more than a guess."""
_BY_WORD = {word_of(struct): struct for struct in _MODULES}
WORDS = frozenset(_BY_WORD)

if TYPE_CHECKING:
    Written = str | Format
else:
    Written = Literal[tuple(_BY_WORD)] | Format
"""A word for a format as it comes, or a mapping with its options."""


def typed(given: Written) -> Format:
    """`csv` and `{type: csv}` alike as `Csv()`."""
    return _BY_WORD[given]() if isinstance(given, str) else given


def plain(given: Format) -> dict[str, Any]:
    """What a task is given: the options that are not as they come."""
    found: dict[str, Any] = msgspec.to_builtins(given)
    return found


def of(given: Any) -> Format:
    """What `plain` gave, typed again.

    :raises msgspec.ValidationError: there is no such format, or no such option of it.
    """
    found: Format = msgspec.convert(given, Format)
    return found


def problems(given: Written) -> Iterator[Problem]:
    """Options that no file can be read with, with their paths below the format."""
    if not isinstance(given, str):
        yield from _MODULES[type(given)].problems(given)


def known(given: Written) -> frozenset[str] | None:
    """Every name that a column may have in the end; None when only the files tell."""
    if isinstance(given, str):
        return None
    found: frozenset[str] | None = _MODULES[type(given)].known(given)
    return found


def named(given: Written) -> Iterator[tuple[Path, str]]:
    """The columns that it names, by their last names, with their paths below the format."""
    if not isinstance(given, str):
        yield from names.named(given, getattr(given, "columns", ()))


def final_types(given: Format) -> dict[str, str]:
    """The words for columns' types that are declared, by the names that columns have in the end."""
    columns: dict[str, Any] = getattr(given, "columns", {})
    words = {name: getattr(word, "type", None) or word for name, word in columns.items()}
    if isinstance(given, Csv | Xlsx) and not given.header:  # declared by the file's own names
        return {given.rename.get(name, name): word for name, word in words.items()}
    return words


def infers(given: Written) -> bool:
    """Whether types are guessed that nobody declared."""
    return word_of(typed(given)) in INFERRED


def renamed(given: Written) -> frozenset[str]:
    """Names that columns are given."""
    return frozenset() if isinstance(given, str) else names.renamed(given)


__all__ = [
    "INFERRED",
    "WORDS",
    "Csv",
    "Format",
    "Json",
    "Jsonl",
    "Parquet",
    "Written",
    "Xlsx",
    "final_types",
    "infers",
    "known",
    "named",
    "of",
    "plain",
    "problems",
    "renamed",
    "typed",
]
