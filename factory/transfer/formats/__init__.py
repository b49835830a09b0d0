"""How source files are read: one module a format, with `open`, imported when it is named."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from factory.definitions.formats import INFERRED, Format
from factory.definitions.warehouses import ANYTHING, Holds
from factory.fields import word_of
from factory.stores.model import Store
from factory.transfer.bad_rows import BadRows
from factory.transfer.types import NOTHING_KNOWN, Known


@dataclass(frozen=True)
class Reader:
    """Files that were opened as one table."""

    schema: pa.Schema  # final names and types
    batches: Callable[[str], Iterator[pa.RecordBatch]]  # of one source, each of `schema`


def open(
    fs: Store,
    sources: Sequence[str],
    format: Format,
    bad: BadRows,
    holds: Holds = ANYTHING,
    known: Mapping[str, Known] = NOTHING_KNOWN,
) -> Reader:
    """Settle the schema of all `sources` (at least one). Raises `BadRow`, `BadOption`.

    Rows that do not fit, or that no column `holds`, are given to `bad` while the batches are read.
    `known` are columns of the table that the rows are for.
    """
    word = word_of(format)
    module = importlib.import_module(f"{__name__}.{word}")
    more = {"known": known} if word in INFERRED else {}
    reader: Reader = module.open(fs, sources, format, bad, holds, **more)
    return reader
