"""The sides of `ingest`. Each runs in a process of its own: imports, then the work that counts.

All arguments are texts; those that are data are JSON.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.measure import work

BLOCK = 1 << 20


def copy(uri: str, csv: str, table: str) -> None:
    """The limit: the file as it is, into an empty table."""
    import psycopg

    statement = f"COPY {table} FROM STDIN (FORMAT csv, HEADER)".encode()
    with psycopg.connect(uri) as connection, work():
        with open(csv, "rb") as file, connection.cursor().copy(statement) as out:
            while block := file.read(BLOCK):
                out.write(block)
        connection.commit()


def insert(uri: str, source: str, table: str) -> None:
    """The limit of rows that are looked at before they are published: they are moved once more."""
    import psycopg

    statement = f"INSERT INTO {table} SELECT * FROM {source}".encode()
    with psycopg.connect(uri) as connection, work():
        connection.execute(statement)
        connection.commit()


def download(url: str, path: str) -> None:
    """What the task `download` does."""
    import requests

    from factory.stores.disk import Disk
    from factory.transfer.download import download as transfer

    disk = Disk()
    Path(path).parent.mkdir(parents=True)
    with work(), requests.Session() as session:
        transfer(session, url, disk, path)


def convert(source: str, parquet: str, format: str) -> None:
    """What the task `to_parquet` does, with a format's options."""
    from factory.definitions import formats
    from factory.stores.disk import Disk
    from factory.transfer import formats as readers
    from factory.transfer.to_parquet import to_parquet as transfer

    disk, given = Disk(), formats.of(json.loads(format))
    importlib.import_module(f"{readers.__name__}.{given.__struct_config__.tag}")
    with work():
        transfer(disk, [source], disk, parquet, format=given)


def to_parquet(csv: str, parquet: str) -> None:
    """What the task `to_parquet` does."""
    from factory.definitions.formats import Csv
    from factory.stores.disk import Disk
    from factory.transfer.to_parquet import to_parquet as transfer

    disk = Disk()
    with work():
        transfer(disk, [csv], disk, parquet, format=Csv())


def load(uri: str, parquet: str, table: str, load_id: str, write: str, checks: str) -> None:
    """What the task `load` does."""
    from factory.definitions import checks as definitions
    from factory.definitions import writes
    from factory.stores.disk import Disk
    from factory.transfer.postgres.load import load as transfer

    disk = Disk()
    with work():
        transfer(
            uri,
            disk,
            [parquet],
            table=table,
            write=writes.parse(json.loads(write)),
            checks=[definitions.parse(each) for each in json.loads(checks)],
            load_id=load_id,
        )


def count(uri: str, table: str) -> None:
    """The limit of the checks: one scan."""
    import psycopg

    query = f"SELECT count(*) FROM {table}".encode()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(query)  # a new connection knows no table yet
        with work():
            connection.execute(query)


def audit(uri: str, table: str, columns: str, as_of: str, checks: str) -> None:
    """Checks of a table's rows."""
    import psycopg

    from factory.definitions.checks import parse as check
    from factory.transfer.postgres.rows import Rows
    from factory.transfer.postgres.table import parse
    from factory.transfer.warehouse.audit import audit as judge
    from factory.transfer.warehouse.rows import Subject

    moment = datetime.fromisoformat(as_of)
    subject = Subject(parse(table), json.loads(columns), as_of=moment, previous_rows=1)
    asked = [check(each) for each in json.loads(checks)]
    with psycopg.connect(uri, autocommit=True) as connection:
        judge(Rows(connection, subject), asked)  # as for `count`
        with work():
            judge(Rows(connection, subject), asked)


def dlt(uri: str, csv: str, dataset: str, home: str) -> None:
    """dlt's fastest way: Arrow tables, kept as Parquet, sent by ADBC."""
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        # two files, loaded side by side: faster than one, or than four
        "DATA_WRITER__FILE_MAX_ITEMS": "1000000",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # or it would import Airflow and ask it
    }
    import adbc_driver_postgresql.dbapi
    import dlt as peer
    import psycopg2  # noqa: F401
    import pyarrow.csv
    import pyarrow.parquet

    def trips() -> Iterator[pyarrow.RecordBatch]:
        options = pyarrow.csv.ReadOptions(block_size=8 << 20)
        with pyarrow.csv.open_csv(csv, read_options=options) as reader:
            yield from reader

    with work():
        pipeline = peer.pipeline(
            pipeline_name="trips",
            pipelines_dir=home,
            dataset_name=dataset,
            destination=peer.destinations.postgres(uri.replace("@", ":any@")),
        )
        done = pipeline.run(
            trips(),
            table_name="trips",
            write_disposition="replace",
            loader_file_format="parquet",
        )
    (package,) = done.load_packages
    formats = {job.job_file_info.file_format for job in package.jobs["completed_jobs"]}
    assert "parquet" in formats, formats
    assert adbc_driver_postgresql.dbapi


def pandas(uri: str, csv: str, table: str, rows: str) -> None:
    """What tutorials teach."""
    import pandas as peer
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri.replace("postgresql://", "postgresql+psycopg2://"))
    times = ["tpep_pickup_datetime", "tpep_dropoff_datetime"]
    with work():
        chunks = peer.read_csv(csv, chunksize=100_000, nrows=int(rows), parse_dates=times)
        for chunk in chunks:
            chunk.to_sql(table, engine, if_exists="append", index=False)
