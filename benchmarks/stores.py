"""Objects of S3, and tables that are read: against AWS' own program, PostgreSQL's COPY and dlt."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import psycopg
import pyarrow.parquet as pq

from benchmarks import gateway, trips
from benchmarks.measure import Cost, Line, Side, cost, typical
from benchmarks.objects import BUCKET
from factory_embedded.services import postgres, s3
from tests.stores import proxy

SHRINK = int(os.environ.get("BENCH_SHRINK", 1))  # so many times less, to try the part itself
ROWS = 2_000_000 // SHRINK
BYTES = (1 << 30) // SHRINK
BATCHES = 32 // SHRINK  # of 18.9 MB
OBJECTS = 10_000 // SHRINK
ROUNDS = 3
PEERS = {"PYTHONPATH": str(Path(sys.prefix) / "peers")}
MEMORY = Path("/dev/shm")
TABLE, LOADED = "public.trips", "public.loaded"
COLUMNS_OF_TRIPS = """
    vendor_id smallint, pickup timestamp, dropoff timestamp, passengers int, distance float8,
    rate int, flag text, pickup_zone int, dropoff_zone int, payment int, fare numeric(10, 2),
    extra numeric(10, 2), mta_tax float8, tip numeric(10, 2), tolls numeric(10, 2),
    surcharge float8, total numeric(12, 2), congestion float8
"""


@dataclass
class Bench:
    """What each side has cost so far, and the server that the next one asks."""

    folder: Path
    fast: Path  # in memory, where there is such a folder: disks are not what is measured
    gateway: str | None = None  # the program that serves S3; None: SeaweedFS
    server: s3.Server | None = None
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    def run(self, called: str, function: str, *arguments: object, peers: bool = False) -> Cost:
        """A function of `benchmarks.objects` in a process of its own."""
        code = f"import sys; from benchmarks.objects import {function}; {function}(*sys.argv[1:])"
        env = self.login | (PEERS if peers else {})
        found = cost(Side(code=code, arguments=tuple(map(str, arguments)), env=env), self.folder)
        self.costs.setdefault(called, []).append(found)
        return found

    @property
    def login(self) -> dict[str, str]:
        """How a process reaches the server."""
        assert self.server is not None
        return {
            "AWS_ENDPOINT_URL_S3": self.server.endpoint,
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_DEFAULT_REGION": self.server.region,
        }

    @contextmanager
    def s3(self) -> Iterator[s3.Server]:
        """A new server: what others have left costs it nothing."""
        with (
            TemporaryDirectory(dir=self.fast) as folder,
            gateway.running(Path(folder), self.gateway) as self.server,
        ):
            self.server.create_bucket(BUCKET)
            yield self.server

    def seconds(self, called: str) -> float:
        """The best: what disturbs only ever adds."""
        return min(found.seconds for found in self.costs[called])

    def processor(self, called: str) -> float:
        """The same of processor time."""
        return min(found.processor for found in self.costs[called])

    def megabytes(self, *called: str) -> float:
        """The most that any run took."""
        return max(found.megabytes for name in called for found in self.costs[name])


def lines(folder: Path) -> Iterator[Line]:
    """Ratios, memory, requests."""
    memory = MEMORY if MEMORY.is_dir() else folder
    with TemporaryDirectory(dir=memory, prefix="benchmarks-") as fast:
        bench = Bench(folder, Path(fast), gateway.program())
        print(f"  the S3 server is {gateway.NAME if bench.gateway else 'SeaweedFS'}", flush=True)
        yield imports(bench)
        yield from of_files(bench)
        yield from of_parquet(bench)
        yield from of_many(bench)
        yield from of_tables(bench)
        yield from of_memory(bench)


# What a task imports, and the client that it makes; the connection is in the environment. The
# modules are compiled, as installed ones are.
_IMPORTS = """
import time, airflow.sdk
begin = time.process_time()
from factory.in_airflow.operators.copy import Copy
from factory.in_airflow.storage import place
import factory.transfer.copies
place("s3://lake/x").store.client
took(time.process_time() - begin)
"""
_CONNECTION = """
{"conn_type": "aws", "login": "some-key", "password": "some-secret", "extra": {
  "region_name": "us-east-1", "endpoint_url": "http://127.0.0.1:9"}}
"""


def imports(bench: Bench) -> Line:
    env = {
        "AIRFLOW_CONN_AWS_DEFAULT": _CONNECTION,
        "PYTHONPYCACHEPREFIX": str(bench.folder / "compiled"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    (found,) = typical([Side(code=_IMPORTS, env=env)], 5, bench.folder)
    return Line(
        name="import what a worker needs for S3, on top of `import airflow.sdk`",
        value=1000 * found,
        unit="ms",
        bound=350,
        detail="processor time, with the client",
    )


def of_files(bench: Bench) -> Iterator[Line]:
    """One large file, there and back."""
    given, back = bench.fast / "given", bench.fast / "back"
    with given.open("wb") as file:
        for _ in range(BYTES >> 20):
            file.write(os.urandom(1 << 20))
    address = f"s3://{BUCKET}/large"
    for _ in range(ROUNDS):
        with bench.s3():
            bench.run("send", "send", given, "large")
            bench.run("receive", "receive", "large", back)
            back.unlink()
        with bench.s3():
            for called, source, target in (("aws to", given, address), ("aws from", address, back)):
                copy = ("s3", "cp", "--only-show-errors", source, target)
                bench.run(called, "aws", *copy, peers=True)
            assert back.stat().st_size == BYTES
            back.unlink()
    given.unlink()
    for name, own, peer, bound in (
        ("to S3", "send", "aws to", 1.2),
        ("from S3", "receive", "aws from", 2),
    ):
        yield times(f"{BYTES >> 20:,} MiB {name}, against `aws s3 cp`", bench, own, peer, bound)
        yield Line(
            name="  and its processor time",
            value=bench.processor(own) / bench.processor(peer),
            bound=0.75 if own == "send" else None,
            detail=f"{bench.processor(own):.1f} s against {bench.processor(peer):.1f}",
        )


def of_parquet(bench: Bench) -> Iterator[Line]:
    """Rows that become a file."""
    local = bench.fast / "local.parquet"
    for _ in range(ROUNDS):
        for called in ("straight", "around"):
            with bench.s3() as server:
                rest = (local,) if called == "around" else ()
                bench.run(called, called, "numbers.parquet", BATCHES, *rest)
                found = server.client().head_object(Bucket=BUCKET, Key="numbers.parquet")
                size = found["ContentLength"] / 1e6
                local.unlink(missing_ok=True)
    name = f"Parquet of {size:,.0f} MB straight to S3, against local and `upload_file`"
    yield times(name, bench, "straight", "around", 1.3)


def of_many(bench: Bench) -> Iterator[Line]:
    """Small objects: how often the server is asked, as the proxy before it counts."""
    with bench.s3() as server, proxy.before(server.endpoint) as between:
        client = server.client()

        def put(number: int) -> None:
            text = "".join(f'{{"id": {number}, "line": {line}}}\n' for line in range(40))
            client.put_object(Bucket=BUCKET, Key=f"in/{number:05}.jsonl", Body=text.encode())

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, range(OBJECTS)))
        bench.server = replace(server, endpoint=between.url)
        found = bench.run("many", "many", "in", 40 * OBJECTS)
        asked = [(method, path.partition("?")) for method, path in between.asked]
    lists = sum("list-type" in query for _, (_, _, query) in asked)
    gets = sum(path.endswith(".jsonl") and "*" not in unquote(path) for _, (path, _, _) in asked)
    what = f"{OBJECTS:,} objects of 1 KB"
    yield Line(
        name=f"{what}: list calls a thousand keys",
        value=1000 * lists / OBJECTS,
        unit="calls",
        bound=2,
        detail=f"{lists} calls",
    )
    yield Line(
        name=f"{what}: requests an object, list, plan and read",
        value=gets / OBJECTS,
        unit="calls",
        bound=1,
        detail=f"{found.processor:.1f} s of processor time, {found.seconds:.1f} s by the proxy",
    )


def of_tables(bench: Bench) -> Iterator[Line]:
    """PostgreSQL → Parquet on S3 → PostgreSQL."""
    csv, disk = bench.fast / "trips.csv", bench.fast / "trips.parquet"
    trips.write_csv(csv, ROWS)
    with (
        postgres.running(bench.folder / "postgres", log=bench.folder / "server.log") as server,
        psycopg.connect(server.uri, autocommit=True) as database,
        bench.s3() as store,
    ):
        database.execute(f"CREATE TABLE {TABLE} ({COLUMNS_OF_TRIPS})".encode())
        copy = f"COPY {TABLE} FROM STDIN (FORMAT csv, HEADER)".encode()
        with csv.open("rb") as file, database.cursor().copy(copy) as out:
            while block := file.read(1 << 20):
                out.write(block)
        csv.unlink()
        database.execute(f"VACUUM (FREEZE, ANALYZE) {TABLE}".encode())
        for number in range(ROUNDS + 1):
            database.execute(b"CHECKPOINT")
            bench.run("copy", "copy_out", server.uri, TABLE)
            bench.run("read", "read", server.uri, TABLE, "trips.parquet")
            if number < 2:
                folder = bench.fast / f"dlt_{number}"
                bench.run("dlt", "dlt", server.uri, "trips", folder, folder / "home", peers=True)
                files = folder.glob("trips/trips/*.parquet")
                assert sum(pq.read_metadata(path).num_rows for path in files) == ROWS
                shutil.rmtree(folder)
        store.client().download_file(BUCKET, "trips.parquet", str(disk))
        assert pq.read_metadata(disk).num_rows == ROWS
        for number in range(ROUNDS + 1):
            for where, path in (("disk", disk), ("s3", "trips.parquet")):
                database.execute(b"CHECKPOINT")
                bench.run(f"load from {where}", "load", server.uri, path, LOADED, number, where)
                rows = database.execute(f"SELECT count(*) FROM {LOADED}".encode()).fetchone()
                assert rows == (ROWS,), rows
                database.execute(f"DROP TABLE {LOADED}".encode())
    what = f"{ROWS:,} × 18 of PostgreSQL to Parquet on S3, against"
    yield against(f"{what} COPY … TO STDOUT", bench, "read", "copy", 1.5)
    yield times(f"{what} dlt (connectorx, a stream of Arrow, no upload)", bench, "read", "dlt", 1.5)
    most, theirs = bench.megabytes("read"), bench.megabytes("dlt")
    yield Line(
        name="  and its peak memory",
        value=most / theirs,
        bound=0.4,
        detail=f"{most:.0f} MB against {theirs:.0f}",
    )
    name = f"{ROWS:,} × 18 from Parquet on S3 into PostgreSQL, against from a disk"
    yield against(name, bench, "load from s3", "load from disk", 1.15)


def of_memory(bench: Bench) -> Iterator[Line]:
    for called, what in (
        ("send", "of a copy to S3"),
        ("receive", "of a copy from S3"),
        ("straight", "of Parquet to S3"),
        ("many", "of many small objects"),
        ("read", "of `read`"),
        ("load from s3", "of `load` from S3"),
    ):
        yield Line(
            name=f"peak memory {what} above its start",
            value=bench.megabytes(called),
            unit="MB",
            bound=300,
        )


def against(name: str, bench: Bench, own: str, limit: str, bound: float) -> Line:
    """How many times as long."""
    found, least = bench.seconds(own), bench.seconds(limit)
    detail = f"{found:.2f} s against {least:.2f}"
    used = f"processor {bench.processor(own):.2f} s against {bench.processor(limit):.2f}"
    return Line(name=name, value=found / least, bound=bound, detail=f"{detail}; {used}")


def times(name: str, bench: Bench, own: str, peer: str, bound: float) -> Line:
    """How many times as fast."""
    found, theirs = bench.seconds(own), bench.seconds(peer)
    return Line(
        name=f"{name}: times as fast",
        value=theirs / found,
        bound=bound,
        at_least=True,
        detail=f"{found:.2f} s against {theirs:.2f}",
    )
