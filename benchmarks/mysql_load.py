"""Parquet into a table of MariaDB: against LOAD DATA of the same rows as a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import mysql
from benchmarks.measure import Cost, Line, Side, cost, work
from factory_embedded.services.mariadb import running

ROWS = mysql.ROWS
ROUNDS = 3
_OPTIONS = ("--skip-ssl", "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M")


def lines(folder: Path) -> Iterator[Line]:
    """The ratio of seconds, and the memory."""
    with running(folder / "mariadb", options=_OPTIONS) as at:
        mysql.fill(at)
        here = (str(at.port), str(folder / "rows.parquet"))
        cost(Side(code=_code("prepare"), arguments=here), folder)
        with at.connect() as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE trips")
        rounds: dict[str, list[Cost]] = {"load": [], "load_data": []}
        for _ in range(ROUNDS):  # in turn, so that both have the same machine
            for name, costs in rounds.items():
                costs.append(cost(Side(code=_code(name), arguments=here), folder))
    ours, plain = (min(one.seconds for one in costs) for costs in rounds.values())
    yield Line(
        name=f"{ROWS:,} rows of Parquet into MariaDB, of LOAD DATA of them as a file",
        value=ours / plain,
        bound=1.5,
        detail=f"{ours:.2f} s, LOAD DATA {plain:.2f} s",
    )
    yield Line(
        name="memory above its start",
        value=max(one.megabytes for one in rounds["load"]),
        unit="MB",
        bound=300,
    )


def _code(name: str) -> str:
    return f"import sys; from benchmarks import mysql_load; mysql_load.{name}(*sys.argv[1:])"


def prepare(port: str, path: str) -> None:
    """The rows as Parquet, and as the file that LOAD DATA reads fastest: without quotes."""
    import pyarrow.parquet as pq

    from factory.transfer.mysql import lines, types

    mysql.ours(port, path)
    columns = types.columns(pq.read_schema(path))
    with pq.ParquetFile(path) as parquet, Path(f"{path}.tsv").open("wb") as out:
        schema = parquet.schema_arrow
        for batch in parquet.iter_batches():
            for chunk in lines.lines(types.wire_of(columns)(batch, schema)):
                out.write(chunk)


def load(port: str, path: str) -> None:
    """What the task `load` does, into a table that is not there."""
    from factory.definitions import writes
    from factory.stores.disk import Disk
    from factory.transfer.mysql.load import load
    from factory.transfer.mysql.session import Address

    logging.disable(logging.INFO)
    where = Address("127.0.0.1", int(port), "root", database="factory")
    _drop(port, "loaded")
    with work():
        append = writes.parse({"mode": "append"})
        done = load(where, Disk(), [path], table="loaded", write=append, load_id=str(os.getpid()))
    assert done.rows == ROWS


def load_data(port: str, path: str) -> None:
    """PyMySQL's own LOAD DATA LOCAL, into a table of the same types."""
    import pyarrow.parquet as pq
    import pymysql

    from factory.transfer.mysql import lines, types

    _drop(port, "plain")
    fields = ", ".join(
        f"`{column.name}` {column.type} NULL" for column in types.columns(pq.read_schema(path))
    )
    with pymysql.connect(
        host="127.0.0.1", port=int(port), user="root", database="factory", local_infile=True
    ) as connection:
        connection.query(f"CREATE TABLE plain ({fields}) ENGINE=InnoDB CHARSET=utf8mb4")
        connection.query("SET time_zone = '+00:00'")
        with work():
            connection.query(f"LOAD DATA LOCAL INFILE '{path}.tsv' INTO TABLE plain {lines.FORMAT}")
            connection.commit()


def _drop(port: str, table: str) -> None:
    import pymysql

    with pymysql.connect(
        host="127.0.0.1", port=int(port), user="root", database="factory"
    ) as connection:
        connection.query(f"DROP TABLE IF EXISTS {table}")
