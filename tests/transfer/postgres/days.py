"""Whole ingests, file by file, into a table that is there or not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from factory.definitions import formats, writes
from factory.stores.disk import Disk
from factory.transfer.postgres.load import load
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.target import Target
from factory.transfer.to_parquet import to_parquet
from factory.transfer.values.types import Known
from factory.transfer.warehouse.load import Loaded

from .conftest import APPEND, Warehouse

Day: TypeAlias = str | pa.Table


class Days:
    """Each day's files are read by a task for each, then loaded by one."""

    def __init__(self, warehouse: Warehouse, format: Mapping[str, Any]) -> None:
        self.warehouse = warehouse
        self.format = {**format}
        self.disk = Disk()
        self.number = 0
        self.asks = True

    def ingest(
        self, *tasks: Day | Sequence[Day], write: Mapping[str, Any] = APPEND, **options: Any
    ) -> Loaded:
        self.number += 1
        folder = self.warehouse.stage / f"day-{self.number}"
        folder.mkdir()
        staged = [
            self._converted([task] if isinstance(task, Day) else task, folder / f"{number}")
            for number, task in enumerate(tasks)
        ]
        return load(
            self.warehouse.uri,
            self.disk,
            staged,
            table=f"{self.warehouse.schema}.trips",
            write=writes.parse(write),
            **{"load_id": f"day {self.number}", **options},
        )

    def _converted(self, files: Sequence[Day], path: Path) -> str:
        sources = []
        for number, file in enumerate(files):
            source = path.with_name(f"{path.name}-{number}.{self.format['type']}")
            sources.append(str(source))
            if isinstance(file, str):
                source.write_text(file)
            else:
                pq.write_table(file, source)
        target, format = f"{path}.staged", formats.of(self.format)
        known = self._known() if self.asks else {}
        to_parquet(self.disk, sources, self.disk, target, format=format, into=Target(known=known))
        return target

    def _known(self) -> Mapping[str, Known]:
        with WAREHOUSE.connected(self.warehouse.uri, 60) as session:
            table = WAREHOUSE.table(f"{self.warehouse.schema}.trips")
            return WAREHOUSE.known(session, table, "fail")
