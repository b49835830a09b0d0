"""How long `only_new` takes to find what is new in a large folder: against the look at each file
that nobody can do without."""

from __future__ import annotations

import logging
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from benchmarks.measure import Line
from factory.stores.disk import Disk
from factory.transfer.files import listed
from factory.transfer.postgres.load import load
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.warehouse.arrivals import Arrival, Arrivals, KeepsFiles, choose
from factory_embedded.services.postgres import running

FILES = int(os.environ.get("BENCH_FILES", 100_000))
NEW = FILES // 100
ROUNDS = 5
STEP = "bench/files"
BOUND = 3.0


def lines(folder: Path) -> Iterator[Line]:
    """The ratio, and what it is of."""
    logging.disable(logging.WARNING)
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        (many / f"orders_{number:06}.csv").touch()
    with running(folder / "postgres") as server:
        _note(folder, many, server.uri)
        scans, plans = [], []
        for _ in range(ROUNDS):  # in turn, so that both have the same machine
            scans.append(_seconds(lambda: _scan(many)))
            plans.append(_seconds(lambda: _plan(many, server.uri)))
    scan, plan = statistics.median(scans), statistics.median(plans)
    yield Line(
        name=f"`only_new` over {FILES:,} files, of os.scandir with stat",
        value=plan / scan,
        bound=BOUND,
        detail=f"{plan:.2f} s, {NEW:,} of them new; scandir {scan:.2f} s",
    )


def _scan(many: Path) -> int:
    with os.scandir(many) as entries:
        return len([(entry.name, entry.stat()) for entry in entries])


def _plan(many: Path, uri: str) -> None:
    """What the task `list_files` does."""
    store = Disk()
    files = {store.uri(file.path): file for file in listed(store, f"{many}/*.csv")}
    assert isinstance(WAREHOUSE, KeepsFiles)
    with WAREHOUSE.connected(uri, 0) as session:
        known = WAREHOUSE.files_in(session, WAREHOUSE.table("public.orders"))
    found = [Arrival(name, file.size, file.version) for name, file in files.items()]
    new = choose(found, known[STEP], "run 2", "fail")
    assert len(new) == NEW


def _note(folder: Path, many: Path, uri: str) -> None:
    """All but the new ones are in."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from factory.definitions import writes

    path, store = folder / "row.parquet", Disk()
    pq.write_table(pa.table({"id": [1]}), path)
    files = [
        Arrival(store.uri(file.path), file.size, file.version)
        for file in listed(store, f"{many}/*.csv")[NEW:]
    ]
    write = writes.parse({"mode": "append"})
    arrivals = Arrivals(STEP, files)
    load(uri, store, [str(path)], table="orders", write=write, load_id="run 1", arrivals=arrivals)
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
