"""Formats of source files. One is one module with `OPTIONS` and `read`, imported when named."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import fsspec
import pyarrow as pa

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown

FORMATS = ("csv", "parquet")


@dataclass(frozen=True)
class Batches:
    """Record batches of one schema, read as they are asked for."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class Format(Protocol):
    """What a format module provides."""

    OPTIONS: Sequence[str]

    def read(
        self, fs: fsspec.AbstractFileSystem, sources: Sequence[str], options: Mapping[str, object]
    ) -> Batches:
        """All `sources` (at least one) as one stream. Raises `BadRow`, `BadOption`."""


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
