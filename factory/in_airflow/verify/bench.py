"""Loads into tables of our own, and what is in them then: by pipelines that a real Airflow runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from factory.in_airflow import run as real
from factory.project import FOLDER, Project

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "factory_verify_"
_MOMENT = "2024-01-01T00:00:00+00:00"
_FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)

Row = tuple[Any, ...]


class Failed(Exception):
    """A pipeline that failed, in the words of its task."""


@dataclass(frozen=True)
class Place:
    """What is verified: a target's `type`, a connection, a schema, and more of the target's fields.

    `stage` is where files wait; empty: a folder on this disk.
    """

    word: str
    conn_id: str
    schema: str
    options: Mapping[str, Any] = field(default_factory=dict)
    stage: str = ""


@dataclass
class Bench:
    """A place, and a folder of this disk for pipelines and files.

    Each table and each pipeline has a name of its own: what is there before is not touched.
    """

    place: Place
    folder: Path
    tables: list[str] = field(default_factory=list)
    _reads: int = 0

    def __post_init__(self) -> None:
        (self.folder / FOLDER).mkdir(parents=True)

    def table(self) -> str:
        """The name of a new table."""
        name = f"{PREFIX}{uuid4().hex[:12]}"
        self.tables.append(f"{self.place.schema}.{name}" if self.place.schema else name)
        return self.tables[-1]

    def load(
        self,
        table: str,
        rows: pa.Table,
        write: Mapping[str, Any],
        *,
        run: int,
        checks: Sequence[Mapping[str, Any]] = (),
        once: bool = False,
        **more: Any,
    ) -> None:
        """Load rows; two loads of a table with one number for `run` are one run, repeated.

        With `once` they are of a file that stays, and is to be loaded once. Raises `Failed`.
        """
        import pyarrow.parquet as pq

        name = table.rpartition(".")[2]
        file = self.folder / f"{name}.parquet"
        if not (once and file.exists()):
            pq.write_table(rows, file)
        source: dict[str, Any] = {"type": "file", "path": file.as_uri(), "format": "parquet"}
        source |= {"only_new": True} if once else {}
        own = {"type": self.place.word, "conn_id": self.place.conn_id, "table": table}
        target = {**own, **self.place.options, **more}
        self._run(name, run, source, target, write, checks)

    def rows(self, table: str) -> list[Row]:
        """What is in a table, as the source of the same name reads it. Raises `Failed`."""
        import pyarrow.parquet as pq

        self._reads += 1
        folder = self.folder / f"back-{self._reads}"
        source = {"type": self.place.word, "conn_id": self.place.conn_id, "table": table}
        target = {"type": "file", "path": folder.as_uri()}
        self._run(f"{PREFIX}back_{self._reads}", 0, source, target, {"mode": "replace"}, ())
        files = [pq.read_table(file) for file in sorted(folder.rglob("*.parquet"))]
        found = [row for each in files for row in _plain(each)]
        return sorted(found, key=repr)

    def _run(
        self,
        name: str,
        run: int,
        source: Mapping[str, Any],
        target: Mapping[str, Any],
        write: Mapping[str, Any],
        checks: Sequence[Mapping[str, Any]],
    ) -> None:
        step: dict[str, Any] = {"source": source, "target": target, "write": write}
        if checks:
            step["checks"] = list(checks)
        stage = self.place.stage or (self.folder / "stage").as_uri()
        spec: dict[str, Any] = {"version": 1, "start_date": "2024-01-01", "stage": stage}
        spec["tasks"] = [{"id": "load", "uses": "ingest", "with": step}]
        # JSON is YAML
        root = self.folder / FOLDER
        (root / f"{name}.yaml").write_text(json.dumps(spec), "utf-8")
        plan = Project(root).plan(name)
        errors: list[BaseException] = []

        def watch(event: real.Event) -> None:
            if event.error is not None:
                errors.append(event.error)

        since = _FIRST + timedelta(hours=run)
        done = real.run(plan, root, _MOMENT, "", watch, since=since)
        if done.stopped:
            raise done.stopped
        if not done.succeeded:
            raise Failed(_words(errors[0]) if errors else "the run failed")


def _words(error: BaseException) -> str:
    from factory.in_airflow.failure import ATTRIBUTE

    told = getattr(error, ATTRIBUTE, None)
    return str(told.what if told is not None else error)


def _plain(table: pa.Table) -> list[Row]:
    """Rows of values that are alike whatever the warehouse: what has no zone is UTC."""
    columns = [column.to_pylist() for column in table.columns]
    return [tuple(map(plain, row)) for row in zip(*columns, strict=True)]


def plain(value: Any) -> Any:
    """A value, in one form for all that are equal."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc)
    if isinstance(value, bool):  # a warehouse may have none
        return int(value)
    if isinstance(value, Decimal):
        return value.normalize()
    return value
