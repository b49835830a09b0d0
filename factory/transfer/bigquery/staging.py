"""Rows → Parquet on Cloud Storage → a staging table, by one load job."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from factory import stores
from factory.stores.model import Place
from factory.transfer.bigquery import columns as cols
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Facts
from factory.transfer.bigquery.jobs import Done, Jobs
from factory.transfer.bigquery.modes import Staged
from factory.transfer.bigquery.table import OURS, Table
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.progress import Progress
from factory.transfer.warehouse.parquet import Files, wire
from factory.transfer.warehouse.parts import Column

SCHEME = "gs"
_COMPRESSION = "snappy"
_NUMBER = "INT64"


def digest(*parts: object) -> str:
    """16 letters of anything."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def name(target: Table, load_id: str, content: str) -> str:
    """The staging table of these rows of this load."""
    return f"{OURS}{digest(str(target))[:8]}_{digest(load_id, content)}"


@contextmanager
def staging(jobs: Jobs, *made: Table) -> Iterator[None]:
    """Drop staging tables at the end, however that comes, unless a job may work with them still."""
    try:
        yield
    finally:
        for table in () if jobs.left else made:
            tables.drop(jobs.api, table)


def made(jobs: Jobs, table: Table, columns: Sequence[Column], number: str | None) -> int:
    """Make the staging table, or take up that of a try that was left or killed.

    When was it made?
    """
    fields = fields_of(columns, number)
    now = time.time()
    more = {"expirationTime": str(round((now + tables.EXPIRES) * 1000))}
    for _ in range(3):
        new = tables.make(jobs.api, table, fields, more)
        facts = new or tables.look(jobs.api, table)
        if facts is None:  # dropped in between
            continue
        if [f["name"] for f in tables.fields_of(facts)] == [f["name"] for f in fields]:
            return int(facts["creationTime"])
        tables.drop(jobs.api, table)
    raise TransferError(
        f"the staging table {table} is not to be made: is another load dropping it?"
    )


def fields_of(columns: Sequence[Column], number: str | None) -> list[Facts]:
    """The columns of the staging table."""
    found = [tables.field_of(column.name, staged_type(column)) for column in columns]
    return [*found, tables.field_of(number, _NUMBER)] if number else found


def staged_type(column: Column) -> str:
    """Rows arrive as what Parquet has."""
    if column.empty:
        return "STRING"
    return column.sent or column.type


@dataclass(frozen=True)
class Source:
    """The files of a load, and the folder on Cloud Storage that they go through."""

    files: Files
    via: Place

    def copy(self, jobs: Jobs, staged: Staged, job: str) -> None:
        """Fill the staging table. Raises `BadRow`, `TransferError`."""

        def batches() -> Iterable[pa.RecordBatch]:
            return self.files.batches(staged.given, cols.on_wire(staged.given), staged.number)

        fill(jobs, self.via, staged, job, batches)


def fill(
    jobs: Jobs,
    via: Place,
    staged: Staged,
    job: str,
    batches: Callable[[], Iterable[pa.RecordBatch]],
) -> None:
    """Fill a staging table by way of a file in a folder, which goes then.

    Raises `BadRow`, `TransferError`, and `Running`: the job is left.
    """
    folder = via.below(staged.table.name, "")
    fill_from(jobs, folder.below(f"{job}.parquet"), staged, job, batches)
    folder.store.delete_below(folder.path)


def fill_from(
    jobs: Jobs,
    place: Place,
    staged: Staged,
    job: str,
    batches: Callable[[], Iterable[pa.RecordBatch]],
    *,
    keeps: bool = False,
) -> None:
    """Fill a staging table from a file, which is written where no job has read it.

    It is written, too, where it is to be kept and is gone. Raises as `fill` does.
    """
    done = jobs.find(job, leave=True)
    if done is None or (keeps and place.store.file(place.path) is None):
        _upload(place, staged, batches())
    if done is None:
        done = jobs.run(job, {"load": _load(jobs, place, staged)}, leave=True)
    _require(done, staged)


def _upload(place: Place, staged: Staged, batches: Iterable[pa.RecordBatch]) -> None:
    with (
        Progress("sending rows"),
        place.store.writer(place.path) as out,
        pq.ParquetWriter(
            out, wire(staged.given, staged.number), compression=_COMPRESSION
        ) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def _load(jobs: Jobs, place: Place, staged: Staged) -> Facts:
    names = [column.name for column in staged.given]
    plain = all(cols.PLAIN_NAME.fullmatch(name) for name in names)
    return {
        "sourceUris": [stores.without_connection(place.uri)],
        "sourceFormat": "PARQUET",
        "destinationTable": staged.table.reference(jobs.api),
        "schema": {"fields": fields_of(staged.given, staged.number)},
        "createDisposition": "CREATE_NEVER",
        "writeDisposition": "WRITE_TRUNCATE",
        "parquetOptions": {"enableListInference": True},
        **({} if plain else {"columnNameCharacterMap": "V2"}),
    }


def _require(done: Done, staged: Staged) -> None:
    """Every row has arrived. Raises `TransferError`."""
    found = done.facts.get("statistics", {}).get("load", {}).get("outputRows")
    if found is not None and int(found) != staged.rows:
        raise TransferError(f"{found} rows arrived, but the files hold {staged.rows}")


def require_store(via: Place) -> None:
    """BigQuery reads from Cloud Storage alone. Raises `BadOption`."""
    if stores.scheme_of(via.uri) != SCHEME:
        raise BadOption(
            f"BigQuery loads from Cloud Storage, and {via.uri} is not there",
            "Say `via: gs://bucket/folder/` at the target, or let the stage be one of `gs://`",
        )


__all__ = [
    *("Source", "digest", "fields_of", "fill", "fill_from", "made", "name", "require_store"),
    "staging",
]
