"""How files of a lake are written: one module a format, with `open`, imported when it is named."""

from __future__ import annotations

import importlib
from typing import BinaryIO, Protocol, cast

import pyarrow as pa

from factory.definitions.output import Output
from factory.fields import word_of
from factory.stores.model import Writer


class Sheet(Protocol):
    """A file that takes rows."""

    def write(self, rows: pa.Table) -> None:
        """Append them. Raises `BadRow` for a value that the format has no way to write."""

    def close(self) -> None:
        """All is written; the file beneath stays open."""


def open(out: Writer, schema: pa.Schema, format: Output) -> Sheet:
    """Begin a file."""
    module = importlib.import_module(f"{__name__}.{word_of(format)}")
    sheet: Sheet = module.open(cast(BinaryIO, out), schema, format)
    return sheet


def refuse(schema: pa.Schema, format: Output) -> None:
    """Raise `BadRow` for a column of a type that the format has no way to write."""
    importlib.import_module(f"{__name__}.{word_of(format)}").refuse(schema)
