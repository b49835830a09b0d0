"""A folder in some store, which a test uses as it would use a `Path`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.stores.disk import Disk
from factory.stores.model import Place, Store


@dataclass(frozen=True)
class Folder:
    """A place in a store; `str` is its path there."""

    place: Place

    def __truediv__(self, name: str) -> Folder:
        return Folder(self.place.below(*name.split("/")))

    def __str__(self) -> str:
        return self.place.path

    @property
    def store(self) -> Store:
        return self.place.store

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def parent(self) -> Folder:
        return Folder(self.place.parent)

    @property
    def size(self) -> int:
        file = self.store.file(self.place.path)
        assert file is not None
        return file.size

    def exists(self) -> bool:
        return self.store.file(self.place.path) is not None

    def read_bytes(self) -> bytes:
        with self.store.open(self.place.path) as file:
            return file.read()

    def read_text(self) -> str:
        return self.read_bytes().decode()

    def write_bytes(self, data: bytes) -> None:
        with self.store.writer(self.place.path) as out:
            out.write(data)

    def write_text(self, text: str) -> None:
        self.write_bytes(text.encode())

    def write_table(self, table: pa.Table, **options: Any) -> None:
        with self.store.writer(str(self)) as out:
            pq.write_table(table, out, **options)

    def parquet(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.store.open(str(self)))

    def iterdir(self) -> list[Folder]:
        """All that is here, on a disk also what the store itself does not show."""
        store, path = self.place
        if isinstance(store, Disk):
            names = os.listdir(path) if os.path.isdir(path) else []
        else:
            found = [entry for page in store.list(path) for entry in page.entries]
            names = [entry.path.rpartition("/")[2] for entry in found]
        return [self / name for name in sorted(names)]
