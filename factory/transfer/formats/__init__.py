"""Formats of source files. One is one module with `OPTIONS` and `open`, imported when named."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import pyarrow as pa

from factory.stores.model import Store
from factory.transfer import options as opt
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, unknown

FORMATS = ("csv", "jsonl", "parquet")


@dataclass(frozen=True)
class Reader:
    """Files that were opened as one table."""

    schema: pa.Schema  # final names and types
    batches: Callable[[str], Iterator[pa.RecordBatch]]  # of one source, each of `schema`


class Format(Protocol):
    """What a format module provides."""

    OPTIONS: Sequence[str]

    def open(
        self,
        fs: Store,
        sources: Sequence[str],
        options: Mapping[str, object],
        bad: BadRows,
    ) -> Reader:
        """Settle the schema of all `sources` (at least one). Raises `BadRow`, `BadOption`.

        Rows that do not fit are given to `bad` while the batches are read.
        """


def find(options: Mapping[str, object]) -> Format:
    """The format that the word `type` names; its options are checked by name."""
    name = options.get("type")
    if not isinstance(name, str):
        raise BadOption("a format needs a `type`", f"Known are: {', '.join(FORMATS)}")
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    found = cast(Format, importlib.import_module(f"{__name__}.{name}"))
    opt.only(f"format {name}", options, ("type", *found.OPTIONS))
    return found
