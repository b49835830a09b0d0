"""Files to and from GCS, against Google's own client; what a worker imports for it.

The server is the one of the tests, its folder in memory. What it does with a request costs more
than either client: after each part of an upload it sums all that it has.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Line, Side, best, cost, typical, work
from factory.stores.model import Store
from factory_embedded.services import gcs

SIZE = 50 << 20
BUCKET = "bench"
BLOCK = 1 << 20
ROUNDS = 9
IMPORTS = {"GCS": 250, "BigQuery": 600}
"""Milliseconds on top of `airflow.sdk`, of a task that has logged in."""

_IMPORTS = """
import time, json, os
import airflow.sdk
os.environ["AIRFLOW_CONN_IT"] = json.dumps(
    {{"conn_type": "google_cloud_platform", "extra": {{"is_anonymous": True, "project": "p"}}}}
)
begin = time.process_time()
import {operator}
from factory.in_airflow.clients.{client} import client
client("it")
took(time.process_time() - begin)
"""
_OF = {
    "GCS": {"operator": "factory.in_airflow.operators.copy", "client": "gcs"},
    "BigQuery": {
        "operator": "factory.in_airflow.operators.ingest.load_bigquery, "
        "factory.transfer.bigquery.load",
        "client": "bigquery",
    },
}
_MEMORY = Path("/dev/shm")


def lines(folder: Path) -> Iterator[Line]:
    """Both ways, memory, imports."""
    file = folder / "file"
    file.write_bytes(os.urandom(SIZE))
    with (
        tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as home,
        gcs.running(Path(home)) as server,
    ):
        server.create_bucket(BUCKET)
        yield from _way("to", server.endpoint, file, folder, "in parts of 32 MB, too")
        yield from _way("from", server.endpoint, file, folder, "in one request")
        ours, theirs = _sides(server.endpoint, file, "to_gcs", "to_gcs_by_google_in_one")
        yield _speed("to GCS, against a file that it sends in one request", ours, theirs, folder)
    sides = [Side(code=_IMPORTS.format(**given)) for given in _OF.values()]
    for name, took in zip(_OF, typical(sides, ROUNDS, folder), strict=True):
        yield Line(
            name=f"imports of a task on {name}, on top of `airflow.sdk`",
            value=took * 1000,
            unit="ms",
            bound=IMPORTS[name],
            detail="processor time",
        )


def _way(way: str, endpoint: str, file: Path, folder: Path, how: str) -> Iterator[Line]:
    ours, theirs = _sides(endpoint, file, f"{way}_gcs", f"{way}_gcs_by_google")
    yield _speed(f"{way} GCS, against Google's client, {how}", ours, theirs, folder, bound=0.95)
    yield Line(
        name=f"peak memory {way} GCS",
        value=cost(ours, folder).megabytes,
        unit="MB",
        bound=100,
        detail=f"Google's client: {cost(theirs, folder).megabytes:.0f} MB",
    )


def _speed(
    what: str, ours: Side, theirs: Side, folder: Path, *, bound: float | None = None
) -> Line:
    mine, other = best([ours, theirs], ROUNDS, folder)  # the machine may be busy
    return Line(
        name=f"50 MB {what}",
        value=other / mine,
        bound=bound,
        at_least=True,
        detail=f"times as fast: {mine:.2f} s against {other:.2f}",
    )


def _sides(endpoint: str, file: Path, *names: str) -> Iterator[Side]:
    for name in names:
        code = f"import sys; from benchmarks.gcs import {name}; {name}(*sys.argv[1:])"
        yield Side(code=code, arguments=(endpoint, str(file)))


def to_gcs(endpoint: str, file: str) -> None:
    """What a task does that copies a file there."""
    store = _store(endpoint)
    with work(), open(file, "rb") as source, store.writer("file") as out:
        shutil.copyfileobj(source, out, BLOCK)


def from_gcs(endpoint: str, file: str) -> None:
    """What a task does that copies a file from there."""
    store = _store(endpoint)
    with work(), store.open("file") as source, open(f"{file}.ours", "wb") as out:
        shutil.copyfileobj(source, out, BLOCK)
    _compare(file, f"{file}.ours")


def to_gcs_by_google(endpoint: str, file: str) -> None:
    """As it writes what has no length yet, in parts as ours; of itself it takes 40 MB."""
    from factory.stores.gcs.writer import CHUNK

    blob = _blob(endpoint)
    with work(), open(file, "rb") as source, blob.open("wb", chunk_size=CHUNK) as out:
        shutil.copyfileobj(source, out, BLOCK)


def to_gcs_by_google_in_one(endpoint: str, file: str) -> None:
    """As it sends a file of known length: parts are of 100 MB, which it reads from the disk again
    when one fails."""
    blob = _blob(endpoint)
    with work():
        blob.upload_from_filename(file)


def from_gcs_by_google(endpoint: str, file: str) -> None:
    """One request."""
    blob = _blob(endpoint)
    with work():
        blob.download_to_filename(f"{file}.theirs")
    _compare(file, f"{file}.theirs")


def _store(endpoint: str) -> Store:
    import requests

    from factory.stores.gcs import GCS
    from factory.stores.gcs.api import Api

    store = GCS(BUCKET, "lake", lambda _: Api(requests.Session(), endpoint))
    store.file("warm")
    return store


def _blob(endpoint: str) -> Any:
    from google.auth.credentials import AnonymousCredentials

    storage = importlib.import_module("google.cloud.storage")
    options = {"api_endpoint": endpoint}
    login = AnonymousCredentials()  # type: ignore[no-untyped-call]
    bucket = storage.Client("x", login, client_options=options).bucket(BUCKET)
    bucket.get_blob("warm")
    return bucket.blob("file")


def _compare(file: str, other: str) -> None:
    assert Path(file).read_bytes() == Path(other).read_bytes()
