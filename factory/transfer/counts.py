"""How many rows a staged Parquet file stands for; kept in the file itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow.parquet as pq

from factory.amounts import counted

SOURCES = b"factory.sources"
MOST_SOURCES = 1000
"""Of more files, a staged one does not say which rows are whose."""
READ, QUARANTINED = b"factory.rows_read", b"factory.rows_quarantined"
_MOST_SHOWN = 20


class Source(NamedTuple):
    """A source, the rows that it has left, and how many of its rows were set aside."""

    name: str
    rows: int
    quarantined: int = 0


def each(sources: Sequence[Source]) -> Iterator[str]:
    """What came of each, where they are several."""
    if len(sources) < 2:
        return
    names = [source.name.rpartition("/")[2] for source in sources]
    if len(set(names)) < len(names):
        names = [source.name for source in sources]
    for name, (_, rows, quarantined) in zip(names[:_MOST_SHOWN], sources, strict=False):
        aside = f", {quarantined:,} set aside" if quarantined else ""
        yield f"{name}: {counted(rows + quarantined, 'row')} read{aside}"
    if (more := len(sources) - _MOST_SHOWN) > 0:
        yield f"… and {counted(more, 'more file')}"


@dataclass(frozen=True)
class Counts:
    """Rows of the sources, and how many of them were set aside."""

    read: int
    quarantined: int
    noted: bool = True  # false: another program wrote the file

    def metadata(self) -> dict[bytes, bytes]:
        """As key-value metadata of a Parquet file."""
        return {READ: b"%d" % self.read, QUARANTINED: b"%d" % self.quarantined}

    @staticmethod
    def by_source(found: Sequence[Source]) -> dict[bytes, bytes]:
        """How many rows each source has left, in their order, as metadata."""
        return {SOURCES: json.dumps(found).encode()} if len(found) <= MOST_SOURCES else {}

    @staticmethod
    def sources(parquet: pq.ParquetFile) -> list[Source]:
        """As they were noted; none when there were too many, or another program wrote the file."""
        noted = (parquet.metadata.metadata or {}).get(SOURCES, b"[]")
        return [Source(*one) for one in json.loads(noted)]

    @staticmethod
    def place(parquet: pq.ParquetFile, row: int) -> str | None:
        """Of which source a row is, counted from 1, and which of its rows."""
        for source, rows, _ in Counts.sources(parquet):
            if row <= rows:
                return f"row {row} of {source}"
            row -= rows
        return None

    @classmethod
    def of(cls, parquet: pq.ParquetFile) -> Counts:
        """From a file's metadata; one without them holds all that was read."""
        found = parquet.metadata.metadata or {}
        read = int(found.get(READ, parquet.metadata.num_rows))
        return cls(read, int(found.get(QUARANTINED, 0)), READ in found)
