"""Every source into every target, as docs/ingest.md lists them, on real servers.

The page's two tables are the specs: a line of the one with a line of the other.
"""

import io
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from factory.cli.main import main
from factory.in_airflow.connections import snowflake_account
from factory.in_airflow.storage import place
from factory.transfer.snowflake import session
from factory.transfer.snowflake.names import literal
from factory_embedded.services import bigquery, files, gcs, mariadb, postgres, s3, snowflake
from tests.stores import sftp_server
from tests.stores.contract import put, there

from ...transfer.bigquery.queries import ask
from ..pipelines import Pipelines

PAGE = Path(__file__).parents[3] / "docs" / "ingest.md"
SECTION = "## From where to where"
LINES = 15
ROW = re.compile(r"^\| (?P<name>[^|]+) \| `(?P<yaml>\{type: [^|]+\})` \|$", re.MULTILINE)
NOTE = 'leave it "at the door",\nplease – 😀'
ROWS = [
    (1, Decimal("9.50"), NOTE, datetime(2024, 1, 1, 12, 30)),
    (2, Decimal("-0.01"), "", datetime(2024, 1, 1, 23, 59, 59, 250_000)),
    (3, None, None, None),
]
COLUMNS = ("id", "total", "note", "at")


def listed(head: str) -> dict[str, str]:
    """The lines of one of the page's tables, by name."""
    section = PAGE.read_text().partition(SECTION)[2].partition("\n## ")[0]
    table = section.partition(head)[2].partition("\n\n")[0]
    return {row["name"]: row["yaml"] for row in ROW.finditer(table)}


SOURCES = listed("| from | `source` |")
TARGETS = listed("| to | `target` |")
FEW: Mapping[str, tuple[str, ...]] = {
    "BigQuery": ("a table of PostgreSQL", "a disk"),
    "BigQuery, over files of a folder": ("a table of PostgreSQL", "a disk"),
    "MySQL or MariaDB": ("a table of MySQL or MariaDB", "a disk", "a web server"),
    "Snowflake": ("a table of PostgreSQL", "S3", "a table of Snowflake"),
}
"""The sources of a target that all are not tried with: what lies between is the same."""
FROM_FEW = {
    "a table of BigQuery": ("PostgreSQL", "a disk"),
    "a table of Snowflake": ("PostgreSQL", "S3", "Snowflake"),
}
PAIRS = [
    (source, target)
    for target in TARGETS
    for source in FEW.get(target, SOURCES)
    if target in FROM_FEW.get(source, TARGETS)
]


def spec_of(source: str, target: str, folder: Path) -> str:
    text = f"""\
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {SOURCES[source]}
      target: {TARGETS[target]}
      write: {{mode: replace}}
"""
    return text.replace("file:///data", f"{folder.as_uri()}/data")


@pytest.fixture(scope="module")
def connections(
    postgres: postgres.Server,
    real_mariadb: mariadb.Server,
    real_s3: s3.Server,
    real_gcs: gcs.Server,
    real_sftp: sftp_server.Server,
    real_snowflake: snowflake.Server,
    real_bigquery: bigquery.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Servers with the rows, by the ids that the page has; what is served lies in a folder."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "orders.csv").write_bytes(as_csv())
    real_s3.create_bucket("lake")
    real_gcs.create_bucket("archive")
    real_bigquery.create_bucket("loads")
    real_bigquery.create_dataset("raw")
    in_bigquery(real_bigquery)
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute("CREATE SCHEMA IF NOT EXISTS shop; CREATE SCHEMA IF NOT EXISTS raw")
        database.execute("DROP TABLE IF EXISTS shop.orders")
        database.execute(
            "CREATE TABLE shop.orders (id bigint, total numeric(12, 2), note text, at timestamp)"
        )
        database.cursor().executemany("INSERT INTO shop.orders VALUES (%s, %s, %s, %s)", ROWS)
        with files.running(folder) as web, in_mariadb(real_mariadb):
            own = {
                "shop": postgres.connection,
                "warehouse": postgres.connection,
                "till": real_mariadb.connection,
                "partner": web.connection,
                "lake": real_s3.connection,
                "archive": real_gcs.connection,
                "sf": real_snowflake.connection,
                "google": real_bigquery.connection,
            }
            yield {
                **{name: json.loads(one.json) for name, one in own.items()},
                "drop": real_sftp.connection,
                "ledger": {"conn_type": "sqlite", "host": in_sqlite(folder / "ledger.db")},
            }
        database.execute("DROP SCHEMA shop CASCADE")


@contextmanager
def in_mariadb(server: mariadb.Server) -> Iterator[None]:
    """The same table there."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop")
        cursor.execute("CREATE DATABASE raw")
        columns = "id BIGINT, total DECIMAL(12, 2), note TEXT, at DATETIME(6)"
        cursor.execute(f"CREATE TABLE shop.orders ({columns})")
        cursor.executemany("INSERT INTO shop.orders VALUES (%s, %s, %s, %s)", ROWS)
        yield
        cursor.execute("DROP DATABASE shop")
        cursor.execute("DROP DATABASE raw")


def in_bigquery(server: bigquery.Server) -> None:
    """The same table there."""
    server.create_dataset("shop")
    columns = "id INT64, total NUMERIC, note STRING, `at` DATETIME"
    ask(server, f"CREATE OR REPLACE TABLE shop.orders ({columns})")
    for number, total, note, at in ROWS:
        amount = "NULL" if total is None else f"NUMERIC '{total}'"
        moment = "NULL" if at is None else f"DATETIME '{at}'"
        text = "NULL" if note is None else json.dumps(note, ensure_ascii=False)
        ask(server, f"INSERT INTO shop.orders VALUES ({number}, {amount}, {text}, {moment})")


def in_sqlite(file: Path) -> str:
    """The same table in a file of SQLite, which has no types for times and amounts."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE orders (id integer, total text, note text, at text)")
        rows = [[None if cell is None else str(cell) for cell in row] for row in ROWS]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    return str(file)


def as_csv() -> bytes:
    lines = io.StringIO()
    lines.write(",".join(COLUMNS) + "\n")
    for row in ROWS:
        cells = (
            f'"{value.replace(chr(34), chr(34) * 2)}"' if isinstance(value, str) else value
            for value in row
        )
        lines.write(",".join("" if cell is None else str(cell) for cell in cells) + "\n")
    return lines.getvalue().encode()


def as_parquet() -> bytes:
    kinds = (pa.int64(), pa.decimal128(12, 2), pa.string(), pa.timestamp("us"))
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))
    file = io.BytesIO()
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows, schema), file)
    return file.getvalue()


def in_snowflake(*queries: str) -> list[tuple[Any, ...]]:
    """SQL there; what the last query gives."""
    with session.connected(snowflake_account("sf", application="a test"), session.Limits()) as own:
        return [[tuple(row) for row in session.ask(own, query)] for query in queries][-1]


@pytest.fixture
def known(pipelines: Pipelines, connections: Mapping[str, Mapping[str, Any]]) -> Pipelines:
    """Airflow with the connections, and the source's files where the page says."""
    for name, one in connections.items():
        pipelines.connect(name, **one)
    return pipelines


@contextmanager
def given(source: str, folder: Path) -> Iterator[None]:
    """The files of a source of files, or the table that is not there before Airflow is."""
    of_snowflake = "type: snowflake" in SOURCES[source]
    if of_snowflake:
        rows = ", ".join(
            f"({number}, {'NULL' if total is None else total}, {_text(note)}, {_text(at)})"
            for number, total, note, at in ROWS
        )
        in_snowflake(
            "CREATE SCHEMA SHOP",
            "CREATE TABLE SHOP.ORDERS (ID NUMBER(38,0), TOTAL NUMBER(12,2),"
            ' NOTE VARCHAR, "AT" TIMESTAMP_NTZ(6))',
            f"INSERT INTO SHOP.ORDERS VALUES {rows}",
        )
    found = re.search(r'path: "?([^",}]+)', SOURCES[source])
    if found:
        uri = found[1].replace("file:///data", f"{folder.as_uri()}/data").replace("*", "1")
        put(place(uri), as_parquet() if uri.endswith(".parquet") else as_csv())
    try:
        yield
    finally:
        if of_snowflake:  # the demo has a table of this name too
            in_snowflake("DROP SCHEMA SHOP CASCADE")


def _text(value: object) -> str:
    return "NULL" if value is None else literal(str(value))


def arrived(
    target: str,
    folder: Path,
    server: postgres.Server,
    other: mariadb.Server,
    warehouse: bigquery.Server,
) -> list[tuple[Any, ...]]:
    """The rows that are there now, which go at once."""
    if target.startswith("BigQuery"):
        table = "orders" if target == "BigQuery" else "in_files"
        return ask(warehouse, f"SELECT id, total, note, `at` FROM raw.{table} ORDER BY id")
    found = re.search(r'path: "?([^",}]+)', TARGETS[target])
    if "type: snowflake" in TARGETS[target]:
        rows = in_snowflake('SELECT ID, TOTAL, NOTE, "AT" FROM RAW.ORDERS')
        in_snowflake("DROP TABLE RAW.ORDERS")
        return sorted(rows)
    if "type: mysql" in TARGETS[target]:
        with other.connect(database="raw") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id, total, note, at FROM orders")
            rows = list(cursor.fetchall())
            cursor.execute("DROP TABLE orders")
        return sorted(rows)
    if not found:
        with psycopg.connect(server.uri) as database:
            rows = database.execute("SELECT id, total, note, at FROM raw.orders").fetchall()
            database.execute("DROP TABLE raw.orders")
        return sorted(rows)
    out = place(found[1].replace("file:///data", f"{folder.as_uri()}/data"))
    rows = []
    for name in there(out):
        if name.endswith(".parquet"):
            with out.store.open(out.below(name).path) as file:
                rows += [tuple(row.values()) for row in pq.read_table(file).to_pylist()]
    out.store.delete_below(f"{out.path}/")
    return sorted(rows)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_pair(
    source: str,
    target: str,
    known: Pipelines,
    tmp_path: Path,
    postgres: postgres.Server,
    real_mariadb: mariadb.Server,
    real_bigquery: bigquery.Server,
) -> None:
    text = spec_of(source, target, tmp_path)
    assert text.count("\n") <= LINES
    known.write("pair.yaml", text)
    assert main(["lint", "--strict", "--configs", str(known.root)]) == 0
    with given(source, tmp_path):
        run = known.run("pair")
        assert run.state == "success", run.log
        assert arrived(target, tmp_path, postgres, real_mariadb, real_bigquery) == ROWS


def test_the_page_lists_what_there_is() -> None:
    """A new source, target or store is a new line there."""
    from factory.ends.sources import BUILT_IN as ALL_SOURCES
    from factory.ends.targets import BUILT_IN as ALL_TARGETS
    from factory.stores import BUILTIN

    for ends, lines in ((ALL_SOURCES, SOURCES), (ALL_TARGETS, TARGETS)):
        words = {f"{{type: {one.__struct_config__.tag}," for one in ends}
        assert {f"{line.partition(',')[0]}," for line in lines.values()} == words
        schemes = set(re.findall(r'path: "(\w+)://', " ".join(lines.values())))
        assert schemes == {scheme for scheme, store in BUILTIN.items() if store.whole}
