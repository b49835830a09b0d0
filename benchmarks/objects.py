"""The sides of `stores`. Each runs in a process of its own; all arguments are texts.

The server, and the key for it, are those of the environment, as AWS' own programs take them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.measure import work

if TYPE_CHECKING:
    from factory.stores.model import Store

BUCKET = "lake"
COLUMNS = 18
BATCH = 128 << 10  # rows
PEER = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # or it would import Airflow and ask it
}


def bucket() -> Store:
    """As a task has it, without Airflow's connection."""
    import boto3
    from botocore.config import Config

    from factory.stores.s3 import S3, SETTINGS

    client = boto3.client("s3", config=Config(**SETTINGS))
    return S3(BUCKET, "bench", lambda conn_id: client)


def copy_out(uri: str, table: str) -> None:
    """The limit: what the server sends, dropped."""
    import psycopg

    statement = f"COPY {table} TO STDOUT (FORMAT csv)".encode()
    with (
        psycopg.connect(uri) as connection,
        work(),
        connection.cursor().copy(statement) as rows,
    ):
        for _ in rows:
            pass


def read(uri: str, table: str, key: str) -> None:
    """What the task `read` does, with a stage on S3."""
    from factory.definitions.reads import Rows
    from factory.transfer.postgres.read import read as transfer

    store = bucket()
    with work():
        transfer(uri, Rows(table=table), store, key)


def dlt(uri: str, table: str, folder: str, home: str) -> None:
    """dlt's fastest way: connectorx, and Parquet. It is spared the upload: s3fs, by which it goes
    to S3, wants an older botocore than Airflow's provider."""
    os.environ |= PEER
    import connectorx
    import dlt as peer
    import pandas  # noqa: F401
    import sqlalchemy  # noqa: F401
    from dlt.sources.sql_database import sql_table

    with work():
        pipeline = peer.pipeline(
            pipeline_name="trips",
            pipelines_dir=home,
            dataset_name="trips",
            destination=peer.destinations.filesystem(bucket_url=f"file://{folder}"),
        )
        rows = sql_table(
            credentials=uri.replace("@", ":any@"),
            table=table,
            backend="connectorx",
            backend_kwargs={"return_type": "arrow_stream"},
        )
        pipeline.run(rows, write_disposition="replace", loader_file_format="parquet")
    assert connectorx


def load(uri: str, path: str, table: str, load_id: str, where: str) -> None:
    """What the task `load` does with a file of `where`: `disk` or `s3`."""
    from factory.definitions import writes
    from factory.stores.disk import Disk
    from factory.transfer.postgres.load import load as transfer

    store = bucket() if where == "s3" else Disk()
    write = writes.parse({"mode": "replace"})
    with work():
        transfer(uri, store, [path], table=table, write=write, load_id=load_id)


def send(path: str, key: str) -> None:
    """What the kind `copy` does with a file of the disk."""
    from factory.stores.disk import Disk

    _copied(Disk(), path, bucket(), key)


def receive(key: str, path: str) -> None:
    """What the kind `copy` does with an object."""
    from factory.stores.disk import Disk

    _copied(bucket(), key, Disk(), path)


def _copied(source: Store, path: str, target: Store, to: str) -> None:
    from factory.stores.model import Place
    from factory.transfer import copies
    from factory.transfer.files import named

    with work():
        given = copies.pairs(source, named(source, path), Place(target, to))
        copies.copy(source, given, target, "replace")


def aws(*arguments: str) -> None:
    """AWS' own program: the whole process counts, for whoever calls it waits for all of it."""
    from awscli.clidriver import main

    sys.argv = ["aws", *arguments]
    sys.exit(main())


def straight(key: str, batches: str) -> None:
    """Parquet as a task stages it, on S3."""
    store = bucket()
    reader = _numbers(int(batches))
    with work():
        _staged(reader, store, key)


def around(key: str, batches: str, path: str) -> None:
    """The same into a local file, which boto3 uploads then."""
    import boto3

    from factory.stores.disk import Disk

    client = boto3.client("s3")
    reader = _numbers(int(batches))
    with work():
        _staged(reader, Disk(), path)
        client.upload_file(path, BUCKET, key)


def _numbers(batches: int) -> Any:
    import numpy as np
    import pyarrow as pa

    from factory.transfer.formats import Reader

    random = np.random.default_rng(14)
    names = [f"x{number}" for number in range(COLUMNS)]
    one = pa.RecordBatch.from_arrays([pa.array(random.random(BATCH)) for _ in names], names)

    def again(source: str) -> Iterator[pa.RecordBatch]:
        for _ in range(batches):
            yield one

    return Reader(one.schema, again)


def _staged(reader: Any, store: Store, path: str) -> None:
    from factory.transfer.to_parquet import staged

    staged(lambda bad: reader, ["numbers"], store, path)


def many(prefix: str, rows: str) -> None:
    """What `list_files` and the tasks `to_parquet` do with small objects."""
    import factory.transfer.formats.jsonl  # noqa: F401
    from factory.definitions.formats import Jsonl
    from factory.transfer.files import named, shares
    from factory.transfer.to_parquet import to_parquet

    store = bucket()
    with work():
        found = [each.file for each in named(store, f"{prefix}/*.jsonl")]
        paths, sizes = [file.path for file in found], [file.size for file in found]
        seen, count = {file.path: file for file in found}, 0
        for number, part in enumerate(shares(paths, sizes, 4, sum(sizes) // 4)):
            path = f"rows/{number:05}.parquet"
            done = to_parquet(store, part, store, path, format=Jsonl(), seen=seen)
            count += done.rows
    assert count == int(rows), count
