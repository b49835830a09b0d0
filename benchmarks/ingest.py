"""An `ingest` of two million rows of CSV into PostgreSQL: against the database's own COPY of the
same file, against dlt and pandas, and what it does with ten million rows."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pyarrow.parquet as pq

from benchmarks import plans, trips
from benchmarks.measure import Cost, Line, Side, cost
from factory.transfer.postgres.columns import columns
from factory.transfer.postgres.table import create, parse
from factory_embedded.services import files
from factory_embedded.services.postgres import running

ROWS = int(os.environ.get("BENCH_ROWS", 2_000_000))  # fewer, to try the part itself
ROUNDS = 4
YEARS = range(trips.YEAR, trips.YEAR - 5, -1)  # five times the rows
ADDED = 60_000  # to the total of a changed row; none is as large
OTHERS = ROWS // 10  # rows that a target holds before
PEERS = str(Path(sys.prefix) / "peers")

COPIED, REPLACED, APPENDED, PARTITIONED, MERGED, OLDER, PANDAS = (
    f"public.{name}"
    for name in ("copied", "replaced", "appended", "partitioned", "merged", "older", "pandas")
)
KEY = ["vendor_id", "tpep_pickup_datetime", "tpep_dropoff_datetime"]
PARTITION = {
    "mode": "partition",
    "column": "tpep_pickup_datetime",
    "start": "2024-01-01",
    "end": "2024-07-01",
}
CHECKS: list[dict[str, Any]] = [
    {"type": "row_count", "min": ROWS, "max": ROWS, "max_change": 1e9},
    {"type": "not_null", "columns": KEY},
    {"type": "accepted_values", "column": "vendor_id", "values": [1, 2]},
    {"type": "range", "column": "total_amount", "min": 0, "max": 10000},
    {"type": "matches", "column": "store_and_fwd_flag", "pattern": "^[NY]$"},
    {"type": "freshness", "column": "tpep_pickup_datetime", "max_age": "31d"},
    {"type": "sql", "condition": "tpep_dropoff_datetime >= tpep_pickup_datetime"},
]
UNIQUE = {"type": "unique", "columns": KEY}
AS_OF = "2024-06-01T00:00:00+00:00"


@dataclass
class Bench:
    """A database, a file server, and what each side has cost so far."""

    folder: Path
    uri: str
    address: str
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    @cached_property
    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.uri, autocommit=True)

    def run(self, statement: str) -> Any:
        """The first value that a statement answers, if any."""
        cursor = self.database.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def measure(self, name: str, side: Side) -> Cost:
        """Run a side when the database has written what the others left it to write."""
        self.run("CHECKPOINT")
        found = cost(side, self.folder)
        self.costs.setdefault(name, []).append(found)
        return found

    def seconds(self, *names: str) -> float:
        """The best of each of these sides, added: what disturbs only ever adds."""
        return sum(min(found.seconds for found in self.costs[name]) for name in names)

    def megabytes(self, *names: str) -> float:
        """The most that any run of these sides took."""
        return max(found.megabytes for name in names for found in self.costs[name])


def lines(folder: Path) -> Iterator[Line]:
    """Ratios, memory, and one query plan."""
    web = folder / "web"
    web.mkdir()
    trips.write_csv(web / "trips.csv", ROWS)
    log = folder / "server.log"
    with running(folder / "postgres", log=log) as server, files.running(web) as web_server:
        bench = Bench(folder, server.uri, web_server.url)
        with bench.database:
            prepare(bench)
            for number in range(ROUNDS):
                turn(bench, number)
            yield from against_copy(bench)
            yield from against_peers(bench)
            yield from of_checks(bench)
            yield from of_many(bench, web, log)


def side(name: str, *arguments: object, env: Mapping[str, str] | None = None) -> Side:
    """A function of `benchmarks.transfers`, in a process of its own."""
    code = f"import sys; from benchmarks.transfers import {name}; {name}(*sys.argv[1:])"
    return Side(code=code, arguments=tuple(map(str, arguments)), env=env or {})


def loading(bench: Bench, table: str, load_id: object, write: Mapping[str, object]) -> Side:
    given = (bench.uri, bench.folder / "trips.parquet", table, load_id, json.dumps(write))
    return side("load", *given, json.dumps([c for c in CHECKS if c["type"] != "freshness"]))


def prepare(bench: Bench) -> None:
    """The tables that the sides find: with the types that a load makes of this file."""
    parquet = bench.folder / "trips.parquet"
    cost(side("to_parquet", bench.folder / "web/trips.csv", parquet), bench.folder)
    create(bench.database, parse(COPIED), columns(pq.read_schema(parquet)))
    cost(side("copy", bench.uri, bench.folder / "web/trips.csv", COPIED), bench.folder)
    bench.run(f"CREATE TABLE {OLDER} AS TABLE {COPIED} LIMIT {OTHERS}")
    bench.run(f"UPDATE {OLDER} SET tpep_pickup_datetime = tpep_pickup_datetime - interval '9 y'")


def turn(bench: Bench, number: int) -> None:
    """Each side once, in turn."""
    csv, parquet = bench.folder / "web/trips.csv", bench.folder / "trips.parquet"
    bench.run(f"TRUNCATE {COPIED}")
    bench.measure("copy", side("copy", bench.uri, csv, COPIED))
    beside_others(bench, APPENDED, "insert", side("insert", bench.uri, COPIED, APPENDED))
    download(bench, "trips.csv", "download")
    bench.measure("to_parquet", side("to_parquet", bench.folder / "stage/trips.csv", parquet))
    bench.measure("replace", loading(bench, REPLACED, number, {"mode": "replace"}))
    for table, write in ((APPENDED, {"mode": "append"}), (PARTITIONED, PARTITION)):
        beside_others(bench, table, str(write["mode"]), loading(bench, table, number, write))
    bench.run(f"DROP TABLE IF EXISTS {MERGED}; CREATE TABLE {MERGED} (LIKE {COPIED})")
    bench.measure("merge", loading(bench, MERGED, number, {"mode": "merge", "key": KEY}))
    expect(bench, MERGED, ROWS)
    bench.run(f"DROP TABLE {MERGED}")
    bench.run("DROP SCHEMA IF EXISTS dlt CASCADE")
    peer = side("dlt", bench.uri, csv, "dlt", bench.folder / f"dlt_{number}", env=_peers())
    bench.measure("dlt", peer)
    same(bench, COPIED, REPLACED, "dlt.trips")


def beside_others(bench: Bench, table: str, called: str, work: Side) -> None:
    """Write into a table that holds other rows."""
    bench.run(f"DROP TABLE IF EXISTS {table}")
    bench.run(f"CREATE TABLE {table} AS TABLE {OLDER}")
    bench.measure(called, work)
    expect(bench, table, ROWS + OTHERS)
    bench.run(f"DROP TABLE {table}")


def download(bench: Bench, name: str, called: str) -> None:
    """Download anew: what is there already would not be sent again."""
    path = bench.folder / "stage" / name
    shutil.rmtree(path.parent, ignore_errors=True)
    bench.measure(called, side("download", f"{bench.address}/{name}", path))


def _peers() -> dict[str, str]:
    return {"PYTHONPATH": PEERS}


def expect(bench: Bench, table: str, rows: int) -> None:
    found = bench.run(f"SELECT count(*) FROM {table}")
    assert found == rows, f"{table} has {found} rows, not {rows}"


def same(bench: Bench, *tables: str) -> None:
    """The sides have done the same work."""
    facts = f"count(*), sum(total_amount)::numeric(20, 2), max({KEY[1]})::timestamp"
    found = {bench.run(f"SELECT concat_ws(' ', {facts}) FROM {table}") for table in tables}
    assert len(found) == 1, found


def against_copy(bench: Bench) -> Iterator[Line]:
    limit = bench.seconds("copy")
    tasks = [bench.seconds(name) for name in ("download", "to_parquet", "replace")]
    yield Line(
        name=f"download, convert and load {ROWS:,} × 18 of CSV, against COPY",
        value=sum(tasks) / limit,
        bound=2,
        detail=" + ".join(f"{part:.2f}" for part in tasks) + f" s (replace) against {limit:.2f}",
    )
    yield _loading(bench, "replace", "load alone: replace", limit, 1)
    yield _loading(bench, "merge", "  merge into an empty table", limit, 2)
    limit = bench.seconds("copy", "insert")
    what = f"beside {OTHERS:,} other rows, against COPY and INSERT … SELECT"
    yield _loading(bench, "append", f"  append, {what}", limit, 1)
    yield _loading(bench, "partition", "  partition, the same", limit, 1)


def _loading(bench: Bench, mode: str, what: str, limit: float, bound: float) -> Line:
    own = bench.seconds(mode)
    detail = f"{own:.2f} s against {limit:.2f}, six checks included"
    return Line(name=what, value=own / limit, bound=bound, detail=detail)


def against_peers(bench: Bench) -> Iterator[Line]:
    own = bench.seconds("to_parquet", "replace")
    peer = bench.seconds("dlt")
    yield Line(
        name="convert and load, against dlt (Parquet, ADBC)",
        value=own / peer,
        bound=1,
        detail=f"{own:.2f} s against {peer:.2f}",
    )
    most, theirs = bench.megabytes("to_parquet", "replace"), bench.megabytes("dlt")
    yield Line(
        name="  and its peak memory",
        value=most / theirs,
        bound=0.5,
        detail=f"{most:.0f} MB against {theirs:.0f}",
    )
    bench.run(f"DROP TABLE IF EXISTS {PANDAS}")
    csv, few = bench.folder / "web/trips.csv", ROWS // 10
    bench.measure("pandas", side("pandas", bench.uri, csv, "pandas", few, env=_peers()))
    expect(bench, PANDAS, few)
    bench.run(f"DROP TABLE {PANDAS}; DROP SCHEMA dlt CASCADE")
    peer = bench.seconds("pandas")
    yield Line(
        name="the same, against pandas read_csv and to_sql: times faster",
        value=10 * peer / own,
        bound=15,
        at_least=True,
        detail=f"{own:.2f} s against {10 * peer:.0f}, extrapolated from {few:,} rows",
    )


def of_checks(bench: Bench) -> Iterator[Line]:
    names = json.dumps(pq.read_schema(bench.folder / "trips.parquet").names)
    for checks, called in ((CHECKS, "checks"), ([UNIQUE], "unique")):
        asked = side("audit", bench.uri, REPLACED, names, AS_OF, json.dumps(checks))
        for _ in range(ROUNDS):
            bench.measure("count", side("count", bench.uri, REPLACED))
            bench.measure(called, asked)
    limit = bench.seconds("count")
    for called, what, bound in (
        ("checks", "all checks but unique, against count(*)", 3),
        ("unique", "unique, on three columns", None),
    ):
        own = bench.seconds(called)
        detail = f"{own:.2f} s against {limit:.2f}"
        if bound:
            detail += f": {', '.join(check['type'] for check in CHECKS)}"
        yield Line(name=what, value=own / limit, bound=bound, detail=detail)


def of_many(bench: Bench, web: Path, log: Path) -> Iterator[Line]:
    """Five times the rows, once; then a merge into them."""
    bench.run(f"DROP TABLE {COPIED}, {OLDER}, {REPLACED}")
    trips.write_years(web / "trips.csv", web / "many.csv", YEARS)
    many, staged = f"{len(YEARS) * ROWS:,}", bench.folder / "many.parquet"
    download(bench, "many.csv", "download many")
    bench.measure("to_parquet many", side("to_parquet", bench.folder / "stage/many.csv", staged))
    for path in (web / "many.csv", bench.folder / "stage/many.csv"):
        path.unlink()
    load = side("load", bench.uri, staged, MERGED, "many", '{"mode": "replace"}', "[]")
    bench.measure("replace many", load)
    expect(bench, MERGED, len(YEARS) * ROWS)
    yield from _merge(bench, staged, log, many)
    for task, names in (
        ("download", ["download"]),
        ("to_parquet", ["to_parquet"]),
        ("load", ["replace", "append", "partition", "merge"]),
    ):
        last = [f"{names[0]} many"] + (["merge many"] if task == "load" else [])
        most = {ROWS: bench.megabytes(*names), len(YEARS) * ROWS: bench.megabytes(*last)}
        for rows, megabytes in most.items():
            yield Line(
                name=f"peak memory of {task} above its start, {rows:,} rows",
                value=megabytes,
                unit="MB",
                bound=300,
                detail="the worst of: " + ", ".join(names if rows == ROWS else last),
            )


def _merge(bench: Bench, staged: Path, log: Path, many: str) -> Iterator[Line]:
    changed = bench.folder / "changed.parquet"
    count = trips.write_changed(staged, changed, ADDED)
    uri = f"{bench.uri}?options={quote(plans.OPTIONS)}"
    before = log.stat().st_size
    write = json.dumps({"mode": "merge", "key": KEY})
    bench.measure("merge many", side("load", uri, changed, MERGED, "changed", write, "[]"))
    expect(bench, MERGED, len(YEARS) * ROWS)
    found = bench.run(f"SELECT count(*) FROM {MERGED} WHERE total_amount > {ADDED}")
    assert found == count, f"{found} of {count} rows have changed"
    with log.open() as file:
        file.seek(before)
        plan = plans.merge_plan(file.read())
    yield Line(
        name=f"merge of {count:,} changed rows into {many}",
        value=bench.seconds("merge many"),
        unit="s",
        detail=f"plan: {plan}",
    )
