"""A CSV until it is handed over: converted, and made into what each warehouse is given.

All but the warehouse's own work: the processor time of one process. PostgreSQL and MariaDB are
real, and work in processes of their own; BigQuery and Snowflake are given files, which are only
written.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import trips
from benchmarks.measure import Cost, Line, Side, cost, work
from factory_embedded.services import mariadb, postgres

if TYPE_CHECKING:
    from factory.transfer.warehouse.parquet import Files

ROWS = int(os.environ.get("ROWS", "2000000"))
ROUNDS = 3
_MARIADB = ("--skip-ssl", "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M")


def lines(folder: Path) -> Iterator[Line]:
    """Each against the same for PostgreSQL."""
    csv = folder / "trips.csv"
    trips.write_csv(csv, ROWS)
    with (
        postgres.running(folder / "postgres") as first,
        mariadb.running(folder / "mariadb", options=_MARIADB) as second,
    ):
        where = {"postgres_load": first.uri, "mysql_load": str(second.port)}
        where |= {"bigquery_files": "", "snowflake_files": ""}
        rounds: dict[str, list[Cost]] = {name: [] for name in where}
        for _ in range(ROUNDS):  # in turn, so that all have the same machine
            for name, costs in rounds.items():
                costs.append(
                    cost(Side(code=_code(name), arguments=(str(csv), where[name])), folder)
                )
    best = {name: min(one.processor for one in costs) for name, costs in rounds.items()}
    postgres_, *others = best
    for name in others:
        yield Line(
            name=f"{ROWS:,} × 18 of a CSV, converted and handed over: {name.partition('_')[0]}",
            value=best[name] / best[postgres_],
            bound=1.2,
            detail=f"{best[name]:.1f} s of the processor, for PostgreSQL {best[postgres_]:.1f} s",
        )


def _code(name: str) -> str:
    return f"import sys; from benchmarks import handover; handover.{name}(*sys.argv[1:])"


def _converted(csv: str) -> Files:
    from factory.definitions.formats import Csv
    from factory.stores.disk import Disk
    from factory.transfer.to_parquet import to_parquet
    from factory.transfer.warehouse import parquet

    path = f"{csv}.{os.getpid()}.parquet"
    to_parquet(Disk(), [csv], Disk(), path, format=Csv())
    return parquet.read(Disk(), [path])


def postgres_load(csv: str, uri: str) -> None:
    """Into a table that is not there, as the task `load` does."""
    from factory.definitions import writes
    from factory.stores.disk import Disk
    from factory.transfer.postgres.load import load

    logging.disable(logging.INFO)
    append = writes.parse({"mode": "append"})
    with work():
        files = _converted(csv)
        table = f"public.t{os.getpid()}"
        load(uri, Disk(), [*files.paths], table=table, write=append, load_id="a")


def mysql_load(csv: str, port: str) -> None:
    """Into a table that is not there, as the task `load` does."""
    from factory.definitions import writes
    from factory.stores.disk import Disk
    from factory.transfer.mysql.load import load
    from factory.transfer.mysql.session import Address

    logging.disable(logging.INFO)
    append = writes.parse({"mode": "append"})
    where = Address("127.0.0.1", int(port), "root", database="factory")
    with work():
        files = _converted(csv)
        load(where, Disk(), [*files.paths], table=f"t{os.getpid()}", write=append, load_id="a")


def bigquery_files(csv: str, _: str) -> None:
    """The file that a load job reads, and the digest of an append."""
    from factory.stores import open_uri
    from factory.transfer.bigquery import columns as cols
    from factory.transfer.bigquery import staging
    from factory.transfer.bigquery.modes import Staged
    from factory.transfer.bigquery.table import Table

    logging.disable(logging.INFO)
    with work():
        files = _converted(csv)
        columns = tuple(cols.columns(files.schema, nulls=files.nulls))
        files.digest(columns)
        staged = Staged(Table("d", "t"), columns, files.rows)
        batches = files.batches(columns, cols.on_wire(columns))
        staging._upload(open_uri(f"file://{csv}.{os.getpid()}.sent"), staged, batches)


def snowflake_files(csv: str, _: str) -> None:
    """The files that COPY reads, and the digest of an append."""
    from factory.stores import open_uri
    from factory.transfer.progress import Progress
    from factory.transfer.snowflake import stages, staging, types
    from factory.transfer.snowflake.names import Table

    logging.disable(logging.INFO)
    folder = open_uri(f"file://{csv}.{os.getpid()}.sent")
    with work():
        files = _converted(csv)
        columns = tuple(types.columns(files.schema, nulls=files.nulls))
        files.digest(columns)
        staged = staging.plan(Table("S", "T", "D"), "a", columns, files.rows, None, True)
        batches = staging._sent(files.batches(columns, types.on_wire(columns)), Progress("sending"))
        stage: Any = stages.External(staged.table, "", folder, "account")
        with stage.filled(None, staged.table, staging._by_size(batches)):
            pass
