"""How many rows a staged Parquet file stands for; kept in the file itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

SOURCES = b"factory.sources"
MOST_SOURCES = 1000
"""Of more files, a staged one does not say which rows are whose."""
READ, QUARANTINED = b"factory.rows_read", b"factory.rows_quarantined"


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
    def by_source(counted: Sequence[tuple[str, int]]) -> dict[bytes, bytes]:
        """How many rows each source has left, in their order, as metadata."""
        return {SOURCES: json.dumps(counted).encode()} if len(counted) <= MOST_SOURCES else {}

    @staticmethod
    def place(parquet: pq.ParquetFile, row: int) -> str | None:
        """Of which source a row is, counted from 1, and which of its rows."""
        for source, rows in json.loads((parquet.metadata.metadata or {}).get(SOURCES, b"[]")):
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
