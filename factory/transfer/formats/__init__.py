"""How source files are read: one module a format, with `open`, imported when it is named."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from factory.definitions.formats import Format
from factory.fields import word_of
from factory.stores.model import Store
from factory.transfer.bad_rows import BadRows
from factory.transfer.target import ANY, Target


@dataclass(frozen=True)
class Reader:
    """Files that were opened as one table."""

    schema: pa.Schema  # final names and types
    batches: Callable[[str], Iterator[pa.RecordBatch]]  # of one source, each of `schema`


def open(
    fs: Store, sources: Sequence[str], format: Format, bad: BadRows, target: Target = ANY
) -> Reader:
    """Settle the schema of all `sources` (at least one). Raises `BadRow`, `BadOption`.

    Rows that do not fit, or that the `target` can't hold, are given to `bad` while the batches are
    read.
    """
    module = importlib.import_module(f"{__name__}.{word_of(format)}")
    reader: Reader = module.open(fs, sources, format, bad, target)
    return reader
