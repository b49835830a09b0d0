"""A table of MariaDB into Parquet: against PyMySQL as it comes, in processor time."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, Line, Side, cost, work
from factory_embedded.services.mariadb import Server, running

ROWS = int(os.environ.get("BENCH_MYSQL_ROWS", 300_000))
ROUNDS = 3
_COLUMNS = {
    "id": ("BIGINT UNSIGNED", "n.seq"),
    "vendor": ("TINYINT", "n.seq % 3"),
    "picked_up": ("DATETIME", "'2024-01-01' + INTERVAL n.seq * 7 SECOND"),
    "dropped_off": ("DATETIME(6)", "'2024-01-01 00:10:00.5' + INTERVAL n.seq * 9 SECOND"),
    "changed": ("TIMESTAMP", "'2024-02-01' + INTERVAL n.seq SECOND"),
    "day": ("DATE", "'2020-01-01' + INTERVAL n.seq % 1500 DAY"),
    "passengers": ("SMALLINT", "IF(n.seq % 20 = 0, NULL, n.seq % 6)"),
    "distance": ("DOUBLE", "n.seq / 7"),
    "zone": ("INT", "n.seq % 265"),
    "flag": ("CHAR(1)", "IF(n.seq % 90 = 0, 'Y', 'N')"),
    "place": ("VARCHAR(60)", "CONCAT('a street of some length, ', n.seq % 4000)"),
    "paid_by": ("ENUM('card', 'cash', 'none')", "1 + n.seq % 3"),
    "fare": ("DECIMAL(10,2)", "n.seq % 9000 / 100"),
    "tip": ("DECIMAL(10,2)", "IF(n.seq % 4 = 0, NULL, n.seq % 800 / 100)"),
    "tolls": ("DECIMAL(10,2)", "n.seq % 50 / 10"),
    "surcharge": ("DECIMAL(10,2)", "2.5"),
    "total": ("DECIMAL(12,2)", "n.seq % 12345 / 10"),
    "note": ("VARCHAR(200)", "IF(n.seq % 10 = 0, REPEAT('text ', 1 + n.seq % 12), NULL)"),
}


def lines(folder: Path) -> Iterator[Line]:
    """The ratio of processor times, and the memory."""
    with running(
        folder / "mariadb", options=("--skip-ssl", "--innodb-buffer-pool-size=512M")
    ) as at:
        fill(at)
        here = (str(at.port), str(folder / "rows.parquet"))
        sides = [
            Side(code=f"import sys; from benchmarks import mysql; mysql.{name}(*sys.argv[1:])")
            for name in ("ours", "plain")
        ]
        rounds: list[list[Cost]] = [[], []]
        for _ in range(ROUNDS):  # in turn, so that both have the same machine
            for costs, side in zip(rounds, sides, strict=True):
                costs.append(cost(Side(code=side.code, arguments=here), folder))
    ours, plain = (min(one.seconds for one in costs) for costs in rounds)
    memory, theirs = (max(one.megabytes for one in costs) for costs in rounds)
    yield Line(
        name=f"{ROWS:,} rows of MariaDB to Parquet, of PyMySQL's SSCursor: processor time",
        value=ours / plain,
        bound=0.6,
        detail=f"{ours:.2f} s, PyMySQL {plain:.2f} s",
    )
    yield Line(
        name="memory above its start",
        value=memory,
        unit="MB",
        bound=300,
        detail=f"PyMySQL {theirs:.0f} MB",
    )


def fill(server: Server) -> None:
    """Make the table `trips`."""
    types = ", ".join(f"`{name}` {kind}" for name, (kind, _) in _COLUMNS.items())
    values = ", ".join(value for _, value in _COLUMNS.values())
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE trips ({types})")
        cursor.execute(f"INSERT INTO trips SELECT {values} FROM seq_1_to_{ROWS} AS n")


def ours(port: str, path: str) -> None:
    """What the task `read` does."""
    from factory.definitions.reads import Rows
    from factory.stores.disk import Disk
    from factory.transfer.mysql.read import read
    from factory.transfer.mysql.session import Address

    logging.disable(logging.INFO)
    where = Address("127.0.0.1", int(port), "root", database="factory")
    with _processor(), work():
        done = read(where, Rows(table="trips"), Disk(), path)
    assert done.rows == ROWS


def plain(port: str, path: str) -> None:
    """PyMySQL's server-side cursor with the values that it makes, and the same file of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pymysql
    from pymysql.cursors import SSCursor

    schema = pq.read_schema(path)  # of ours, which ran before
    named: dict[str, Any] = {"host": "127.0.0.1", "port": int(port), "user": "root"}
    with _processor(), work():
        connection = pymysql.connect(**named, database="factory", cursorclass=SSCursor)
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM trips")
        with pq.ParquetWriter(f"{path}.plain", schema, compression="lz4") as writer:
            while rows := cursor.fetchmany(20_000):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        connection.close()
    assert pq.read_table(f"{path}.plain").equals(pq.read_table(path))


@contextmanager
def _processor() -> Iterator[None]:
    """What counts is the processor's time, of all threads: the last seconds that a side tells."""
    began = _spent()
    yield
    print(f"SECONDS {_spent() - began}")


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
