"""How many rows a staged Parquet file stands for; kept in the file itself."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.parquet as pq

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

    @classmethod
    def of(cls, parquet: pq.ParquetFile) -> Counts:
        """From a file's metadata; one without them holds all that was read."""
        found = parquet.metadata.metadata or {}
        read = int(found.get(READ, parquet.metadata.num_rows))
        return cls(read, int(found.get(QUARANTINED, 0)), READ in found)
