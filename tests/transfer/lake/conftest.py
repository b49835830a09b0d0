"""A lake, and loads into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest

from factory.definitions import checks as defined
from factory.definitions.output import Output, ParquetFiles
from factory.stores.disk import Disk
from factory.stores.model import Place
from factory.transfer.lake.load import Loaded, load
from factory.transfer.lake.manifest import Manifest, live
from factory.transfer.lake.write import Shape
from tests.stores.contract import there
from tests.stores.folders import Folder


@dataclass(frozen=True)
class Lake:
    """A folder, and a stage beside it."""

    folder: Folder

    @property
    def place(self) -> Place:
        return (self.folder / "lake").place

    def load(
        self,
        *tables: pa.Table,
        run: str = "run 1",
        mode: str = "append",
        format: Output | None = None,
        checks: Sequence[dict[str, Any]] = (),
        **shape: Any,
    ) -> Loaded:
        paths = []
        for table in tables:
            file = self.folder / f"stage/{uuid4().hex}.parquet"
            file.write_table(table)
            paths.append(str(file))
        return load(
            self.folder.store,
            paths,
            self.place,
            load_id=f"shop/orders.load/{run}",
            mode=mode,
            shape=Shape(format or ParquetFiles(), **shape),
            checks=[defined.parse(check) for check in checks],
        )

    def files(self) -> list[str]:
        """What readers of the folder see."""
        return [path for path in there(self.place) if not path.startswith("_")]

    def hidden(self) -> list[str]:
        return [path for path in there(self.place) if path.startswith("_")]

    def manifests(self) -> list[Manifest]:
        return live(self.place)

    def read(self, path: str) -> pa.Table:
        with self.place.store.open(self.place.below(path).path) as file:
            if path.endswith(".parquet"):
                return pq.read_table(file, partitioning=None)
            return pc_csv.read_csv(file)

    def ids(self) -> list[int]:
        """Those of all files, in order; the manifests name the same files."""
        named = sorted(file.path for manifest in self.manifests() for file in manifest.files)
        assert named == self.files()
        return sorted(i for path in self.files() for i in self.read(path)["id"].to_pylist())


def on_disk(path: Path) -> Lake:
    return Lake(Folder(Place(Disk(), str(path))))


@pytest.fixture
def lake(folder: Folder) -> Lake:
    return Lake(folder)


def rows(*ids: int, **columns: list[Any]) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), **columns})
