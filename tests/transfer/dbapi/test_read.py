"""Tables and queries of real databases, by the drivers that Airflow has for them."""

import signal
import time as clock
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import psycopg2.extras
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.definitions.reads import Part, window
from factory.transfer.dbapi import read as reading
from factory.transfer.dbapi.driver import Database, Statement
from factory.transfer.dbapi.values import length
from factory.transfer.errors import BadOption, BadRow, Missing, TransferError
from factory.transfer.values.types import own_type

from ..memory import grown
from .conftest import Source, only

UTC = timezone.utc
ORDERS = [(1, "a%s", date(2024, 1, 30)), (2, "b'%", date(2024, 1, 31)), (3, None, None)]


@pytest.fixture
def orders(source: Source) -> Source:
    """With a table."""
    source.run("CREATE TABLE orders (id INTEGER, name VARCHAR(9), day DATE)")
    source.insert("orders", [(n, name, day and str(day)) for n, name, day in ORDERS])
    return source


DAY = {"day": "date"}  # SQLite has none of its own


def test_a_table_and_a_part_of_it(orders: Source) -> None:
    assert orders.read(types=DAY).rows == 3
    assert sorted(orders.rows()) == ORDERS
    orders.read(columns=("day", "id"), where="name LIKE 'a%' -- '", types=DAY)
    assert orders.rows() == [(date(2024, 1, 30), 1)]


@pytest.mark.parametrize("end", ["", ";", " ; -- a comment", "\n;\n; -- one", "-- one"])
def test_a_query_and_what_may_end_it(orders: Source, end: str) -> None:
    orders.read(f"SELECT id, name AS {orders.quoted('Who')} FROM orders WHERE name LIKE '%s'{end}")
    assert (orders.rows(), pq.read_schema(orders.path).names) == ([(1, "a%s")], ["id", "Who"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"query": "SELECT 1; SELECT 2"}, "the `query` is several statements"),
        ({"query": "SELECT 1) x, (SELECT 2"}, "the `query` closes a parenthesis"),
        ({"where": "1=1) or (1=1"}, "the `where` closes a parenthesis that it has not opened"),
        ({"where": "(1=1"}, "the `where` leaves one open"),
        ({"where": "1=1; DROP TABLE orders"}, "the `where` holds a semicolon"),
    ],
)
def test_sql_that_is_no_part_of_ours(orders: Source, given: dict[str, str], message: str) -> None:
    with pytest.raises(BadOption) as refused:
        orders.read(**given)
    assert message in refused.value.message
    assert orders.read().rows == 3


@pytest.mark.parametrize("name", ["order", "Mixed Case", 'x"; DROP TABLE y --', "a%s", "1", "`[q]"])
def test_names_that_are_sql(source: Source, name: str) -> None:
    quoted = source.quoted(name)
    source.run(f"CREATE TABLE {quoted} ({quoted} INTEGER)", f"INSERT INTO {quoted} VALUES (7)")
    part = Part(name, 7, None)
    assert source.read(table=name, columns=(name,), part=part).columns == {name: "int64"}
    assert source.rows() == [(7,)]


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"table": "nowhere"}, TransferError, "nowhere can't be read: "),
        ({"columns": ("nme",)}, TransferError, "orders can't be read: "),
        ({"query": "SELECT 1 AS a, 2 AS a"}, TransferError, "two columns of the query are named"),
        ({"types": {"nme": "text"}}, Missing, "there is no column 'nme' in orders"),
        ({"types": {"name": "bigint"}}, BadRow, "the column 'name' is declared bigint, and holds"),
    ],
)
def test_what_cannot_be_read_is_told_and_leaves_nothing(
    orders: Source, given: dict[str, Any], kind: type, message: str
) -> None:
    with pytest.raises(kind) as refused:
        orders.read(**given)
    assert str(refused.value).startswith(message) or message in str(refused.value)
    assert not Path(orders.path).exists()


def test_a_table_without_rows_and_one_of_many_columns(source: Source) -> None:
    columns = ", ".join(f"c{n} INTEGER" for n in range(500))
    source.run(f"CREATE TABLE orders ({columns})")
    assert source.read(types={"c7": "date"}).columns["c7"] == "date32[day]"
    assert set(source.types()) == {"null", "date32[day]"}
    source.run("INSERT INTO orders (c7) VALUES (15)")
    done = source.read()
    assert (done.rows, len(done.columns), done.columns["c7"]) == (1, 500, "int64")


def test_a_column_whose_first_value_comes_late(source: Source) -> None:
    source.run("CREATE TABLE orders (id INTEGER, late VARCHAR(9), later INTEGER)")
    rows = [(n, "x" if n >= 25_000 else None, n if n == 49_999 else None) for n in range(50_000)]
    source.insert("orders", rows)
    assert source.read().rows == 50_000
    assert source.types() == ["int64", "string", "int64"]
    assert Counter(source.rows()) == Counter(rows)


@only("sqlite")
def test_a_later_value_that_does_not_fit_is_told_with_its_row(source: Source) -> None:
    source.run("CREATE TABLE orders (n)")
    source.insert("orders", [(1,)] * 30_000 + [("x",)])
    said = "row 30001: the column 'n' was bigint in the rows before, and holds a text"
    with pytest.raises(BadRow, match=said) as refused:
        source.read()
    assert refused.value.hint == 'Declare what it is: `types: {n: "text"}`'
    assert source.read(types={"n": "text"}).columns == {"n": "string"}


@only("psycopg", "psycopg2", "pymysql")
def test_the_digits_of_a_decimal_are_those_of_its_column(source: Source) -> None:
    source.run("CREATE TABLE orders (n DECIMAL(12, 4))", "INSERT INTO orders VALUES (1)")
    # PyMySQL tells the longest text of one, which has a sign and a point
    digits = 14 if source.driver == "pymysql" else 12
    assert source.read().columns == {"n": f"decimal128({digits}, 4)"}


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
WHOLE = st.integers(-(2**63), 2**63 - 1)
AMOUNTS = st.decimals(-(10**18), 10**18, places=4)
STAMPS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30))
POSTGRES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": WHOLE,
    "boolean": st.booleans(),
    "double precision": st.floats(allow_nan=False),
    "numeric(24,4)": AMOUNTS,
    "text": TEXTS,
    "bytea": st.binary(max_size=9),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": st.datetimes(),
    "timestamptz": STAMPS.map(lambda stamp: stamp.replace(tzinfo=UTC)),
    "uuid": st.uuids().map(str),
    "jsonb": st.just('{"a": [1.10, null, "é"]}'),
}
MARIADB: dict[str, st.SearchStrategy[Any]] = {
    "bigint": WHOLE,
    "bigint unsigned": st.integers(0, 2**64 - 1),
    "double": st.floats(-1e300, 1e300).filter(lambda f: f == 0 or abs(f) > 1e-300),
    "decimal(24,4)": AMOUNTS,
    "decimal(65,30)": st.decimals(-(10**30), 10**30, places=20),
    "text": TEXTS,
    "blob": st.binary(max_size=9),
    "date": st.dates(date(1000, 1, 1)),
    "time(6)": st.timedeltas(timedelta(hours=-838), timedelta(hours=838)),
    "datetime(6)": STAMPS,
}
SQLITE: dict[str, st.SearchStrategy[Any]] = {
    "integer": WHOLE,
    "real": st.floats(allow_nan=False),
    "text": TEXTS,
    "blob": st.binary(max_size=9),
}
OF = {"sqlite": SQLITE, "psycopg": POSTGRES, "psycopg2": POSTGRES, "pymysql": MARIADB}


def seen(value: Any) -> Any:
    """What a value is once it was read."""
    return length(value) if isinstance(value, timedelta) else value


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_values_of_any_types_are_read_as_they_are(source: Source, data: st.DataObject) -> None:
    types = OF[source.driver]
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(types))
    key = "CREATE TABLE orders (id INTEGER, "
    source.run("DROP TABLE IF EXISTS orders", f"{key}{columns})")
    row = st.tuples(*(values | st.none() for values in types.values()))
    rows = [(n, *found) for n, found in enumerate(data.draw(st.lists(row, min_size=1, max_size=9)))]
    source.insert("orders", rows)
    source.read()
    found = sorted(source.rows())
    assert found == [tuple(map(seen, row)) for row in rows]


@only("psycopg", "psycopg2")
def test_types_of_postgresql(source: Source) -> None:
    source.read(
        "SELECT 1.50::numeric(12,3) AS a, 1.50::numeric AS b, '{1,2}'::int[] AS c, true AS d,"
        " '12:00+05:30'::timetz AS e, 'NaN'::float8 AS f, '[1, 2.5]'::json AS g,"
        " '00000000-0000-0000-0000-000000000007'::uuid AS h",
        types={"c": "integer[]"},
    )
    assert source.types()[:3] == ["decimal128(12, 3)", "decimal128(38, 2)", "list<element: int32>"]
    ((*found, nan, document, uuid),) = source.rows()
    assert found == [Decimal("1.500"), Decimal("1.50"), [1, 2], True, "12:00:00+05:30"]
    assert (nan != nan, document, uuid) == (True, "[1, 2.5]", str(UUID(int=7)))


@only("psycopg", "psycopg2")
@pytest.mark.parametrize("style", ["postgres", "sql_standard", "iso_8601"])
def test_what_drivers_of_postgresql_would_change(source: Source, style: str) -> None:
    texts = ["-1 mons", "-1 days -03:04:05.6", '{"a": 1.10, "a": 12345678901234567890.5}']

    def connect() -> Any:
        connection = source.database.connect()
        connection.cursor().execute(f"SET IntervalStyle = '{style}'")
        return connection

    asked = "SELECT interval '-1 month' AS a, interval '-1 day -3:04:05.6' AS b,"
    asked += f" '{texts[2]}'::json AS c, '[1.10]'::jsonb AS d, interval '1 day' AS e"
    other = replace(source, database=replace(source.database, connect=connect))
    other.read(asked, types={"d": "decimal(9, 2)[]", "e": "text"})
    assert source.rows() == [(*texts, [Decimal("1.10")], "1 day")]
    fields = pq.read_schema(source.path)
    assert [own_type(field) for field in fields] == ["interval", "interval", "jsonb", "", ""]


@only("psycopg", "psycopg2")
@pytest.mark.parametrize(
    "value",
    ["infinity'::date", "-infinity'::timestamp", "infinity'::timestamptz", "24:00'::time"],
)
def test_what_python_has_no_value_for(source: Source, value: str) -> None:
    with pytest.raises(TransferError, match=r"infinity|too (large|small|late|early)|24|value does"):
        source.read(f"SELECT '{value} AS a")
    assert not Path(source.path).exists()


@only("pymysql")
def test_floats_of_which_mysql_gives_six_digits(source: Source) -> None:
    source.run("CREATE TABLE orders (f FLOAT)", "INSERT INTO orders VALUES (1.2345678)")
    with pytest.raises(TransferError, match=r"'f' is a FLOAT.* `CAST\(f AS DOUBLE\) AS f`"):
        source.read()
    source.read("SELECT CAST(f AS DOUBLE) AS f FROM orders")
    assert source.rows() == [(1.2345677614212036,)]


@only("psycopg", "psycopg2")
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 'secret'::int AS a", "a value does not fit what the query makes of it"),
        ("SELECT 1/(n-1) AS a FROM (VALUES (1)) v (n)", "a value does not fit what the query mak"),
        ("SELECT 'NaN'::numeric AS a", "row 1: the column 'a' holds NaN, which no decimal is"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "Nothing is left behind: when the conn"),
    ],
)
def test_what_postgresql_refuses(source: Source, query: str, message: str) -> None:
    with pytest.raises(TransferError) as refused:
        source.read(query)
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__


LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n "
    "WHERE i < 0",
    "psycopg": "SELECT pg_sleep(60)",
    "psycopg2": "SELECT pg_sleep(60)",
    "pymysql": "SELECT sleep(60)",
}


def test_a_query_that_takes_too_long_is_ended(source: Source) -> None:
    with pytest.raises(TransferError) as refused:
        source.read(LONG[source.driver], statement_timeout=0.3)
    assert str(refused.value) == (
        "the query can't be read: it took too long. The statement_timeout of the source is 0.3 s"
    )


def test_who_gives_up_does_not_wait_for_the_next_row(source: Source) -> None:
    def give_up(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1)
    started = clock.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            source.read(LONG[source.driver])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert clock.monotonic() - started < 20
    assert not Path(source.path).exists()


@only("psycopg", "psycopg2")
def test_a_server_that_goes_away_at_half(source: Source) -> None:
    query = "SELECT g, CASE WHEN g = 90000 THEN pg_terminate_backend(pg_backend_pid()) END AS x"
    with pytest.raises(TransferError, match="when the connection was lost, repeat the task"):
        source.read(f"{query} FROM generate_series(1, 100000) g")
    assert not Path(source.path).exists()


@only("pymysql")
def test_a_query_that_somebody_kills(source: Source) -> None:
    source.run("CREATE TABLE orders (id INTEGER)", "INSERT INTO orders VALUES (1)")

    def kill() -> None:
        with closing(source.database.connect()) as other:
            cursor = other.cursor()
            found = ()
            while not found:
                clock.sleep(0.05)
                cursor.execute(
                    "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT sleep%'"
                )
                found = cursor.fetchall()
            cursor.execute(f"KILL {found[0][0]}")

    killer = Thread(target=kill)
    killer.start()
    with pytest.raises(TransferError, match="the query can't be read: OperationalError: "):
        source.read("SELECT sleep(30) AS a")
    killer.join()
    assert not Path(source.path).exists()


MAPPINGS: dict[str, dict[str, Any]] = {
    "psycopg": {"row_factory": psycopg.rows.dict_row},
    "psycopg2": {"cursor_factory": psycopg2.extras.RealDictCursor},
}


@only(*MAPPINGS)
def test_rows_that_are_mappings_as_a_connection_s_extra_has_them(source: Source) -> None:
    source.run("CREATE TABLE orders AS SELECT 1 AS id, 'x' AS name")
    connect = partial(source.database.connect, **MAPPINGS[source.driver])
    database = replace(source.database, connect=connect)
    replace(source, database=database).read()
    assert source.rows() == [(1, "x")]


@pytest.mark.parametrize(
    ("style", "text", "values"),
    [
        ("qmark", "a LIKE '%' AND b >= ? AND c < ?", (1, "x")),
        ("format", "a LIKE '%%' AND b >= %s AND c < %s", (1, "x")),
        ("numeric", "a LIKE '%' AND b >= :1 AND c < :2", (1, "x")),
        ("named", "a LIKE '%' AND b >= :p1 AND c < :p2", {"p1": 1, "p2": "x"}),
        ("pyformat", "a LIKE '%%' AND b >= %(p1)s AND c < %(p2)s", {"p1": 1, "p2": "x"}),
    ],
)
def test_parameters_are_written_as_the_driver_has_them(style: str, text: str, values: Any) -> None:
    statement = Statement(Database(lambda: None), "any", style)
    own = f"a LIKE '%' AND b >= {statement.bound(1)} AND c < {statement.bound('x')}"
    assert (statement.text(own), statement.given()) == (text, values)
    assert Statement(Database(lambda: None), "any", style).given() is None


def test_an_interval_of_days(orders: Source) -> None:
    start, end = datetime(2024, 1, 30, 6, tzinfo=UTC), datetime(2024, 1, 31, 6, tzinfo=UTC)
    orders.read(window=window("day", start, end, 0, 0), types=DAY)
    assert orders.rows() == [ORDERS[0]]
    orders.read(window=window("day", start, end, 0, 0), where="1 = 1 OR 1 = 1", types=DAY)
    assert orders.rows() == [ORDERS[0]]
    orders.run("DELETE FROM orders WHERE day IS NOT NULL")
    assert orders.read(window=window("day", start, end, 0, 0), types=DAY).rows == 0


MOMENT = {"sqlite": "text", "pymysql": "datetime(6)"}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_an_interval_of_moments(source: Source, zone: str) -> None:
    kind = MOMENT.get(source.driver, "timestamp")
    source.run(f"CREATE TABLE orders (at {kind})")
    walls = ["2024-01-30 23:59:59.999999", "2024-01-31 00:00:00", "2024-01-31 23:59:59.5"]
    source.insert("orders", [(wall,) for wall in [*walls, "2024-02-01 00:00:00"]])
    start, end = (datetime(2024, *day, tzinfo=ZoneInfo(zone)) for day in ((1, 31), (2, 1)))
    source.read(window=window("at", start, end, 0, 0), types={"at": "timestamp"})
    assert [str(at) for (at,) in sorted(source.rows())] == [walls[1], f"{walls[2]}00000"]


@only("psycopg", "psycopg2")
def test_an_interval_of_moments_with_a_zone(source: Source) -> None:
    source.run("CREATE TABLE orders (at timestamptz)")
    source.insert("orders", [("2024-01-31 00:00+00",), ("2024-01-31 01:00+00",)])
    start = datetime(2024, 1, 31, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    source.read(window=window("at", start, start + timedelta(hours=1), 0, 0))
    assert source.rows() == [(datetime(2024, 1, 31, tzinfo=UTC),)]


@only("sqlite")
@pytest.mark.parametrize("last", ["2024-01-31T06:00:00", "2024-01-31 06:00:00"])
def test_an_interval_of_moments_in_two_forms(source: Source, last: str) -> None:
    source.run("CREATE TABLE orders (at text)")
    source.insert("orders", [("2024-01-30 07:00:00",), ("2024-01-30T08:00:00",), (last,), (None,)])
    bounds = window("at", datetime(2024, 1, 30, tzinfo=UTC), datetime(2024, 1, 31), 0, 0)
    with pytest.raises(TransferError, match=r"in two forms.*`replace\(at, 'T', ' '\) AS at`"):
        source.read(window=bounds, types={"at": "timestamp"})
    query = "SELECT replace(at, 'T', ' ') AS at FROM orders"
    assert source.read(query, window=bounds, types={"at": "timestamp"}).rows == 2


def test_an_interval_of_what_is_no_moment(orders: Source) -> None:
    bounds = window("name", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2), 0, 0)
    with pytest.raises(TransferError, match="'name' of orders holds str, and no date or timestamp"):
        orders.read(window=bounds)


@pytest.mark.parametrize("number", [2, 5, 100])
def test_the_parts_of_a_table_are_the_table(orders: Source, number: int) -> None:
    found: Counter[Any] = Counter()
    for part in orders.split("id", number):
        orders.read(part=part, types=DAY)
        found += Counter(orders.rows())
    assert found == Counter(ORDERS)


@only("psycopg", "pymysql")
def test_parts_by_days(orders: Source) -> None:
    first, last = orders.split("day", 2)
    assert (first, last) == (
        Part("day", None, date(2024, 1, 31)),
        Part("day", date(2024, 1, 31), None),
    )
    orders.read(part=first)
    assert sorted(orders.rows()) == [ORDERS[0], ORDERS[2]]


def test_parts_by_whole_decimals_and_by_none(source: Source) -> None:
    source.run("CREATE TABLE orders (id DECIMAL(9), name VARCHAR(9))")
    assert source.split("id", 4) == [Part("id")]
    source.insert("orders", [(1, "x"), (9, "y")])
    assert source.split("id", 2) == [Part("id", None, 5), Part("id", 5, None)]
    with pytest.raises(TransferError, match="orders can't be split by 'name', which is str"):
        source.split("name", 2)


READ = """
import sys
from functools import partial
from factory.definitions.reads import Rows
from factory.stores.disk import Disk
from factory.transfer.dbapi.driver import Database
from factory.transfer.dbapi.read import read

module, path, query, *where = sys.argv[1:]
driver = __import__(module)
given = {"host": where[0], "port": int(where[1]), "user": where[2]} if len(where) > 1 else where[0]
connect = partial(driver.connect, **given) if len(where) > 1 else partial(driver.connect, given)

def work():
    print(read(Database(connect), Rows(query=query), Disk(), path).rows)
"""
TEXT = "'" + "x" * 400 + "'"
MANY = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000) "
    f"SELECT i, {TEXT} AS t FROM n",
    "psycopg": f"SELECT i, {TEXT} AS t FROM generate_series(1, 600000) i",
    "psycopg2": f"SELECT i, {TEXT} AS t FROM generate_series(1, 600000) i",
    "pymysql": f"SELECT seq, {TEXT} AS t FROM mysql.seq_1_to_600000",
}


def test_memory_does_not_grow_with_the_rows(source: Source, request: pytest.FixtureRequest) -> None:
    where: list[Any] = [f"{source.path}.db"]
    if source.dialect == "postgresql":
        where = [request.getfixturevalue("postgres").uri]
    elif source.dialect == "mysql":
        server = request.getfixturevalue("real_mariadb")
        where = [server.host, server.port, server.user]
    module = source.driver.replace("sqlite", "sqlite3")
    said, mebibytes = grown(READ, module, source.path, MANY[source.driver], *where)
    assert said.endswith("600000")
    assert mebibytes < 220  # the texts alone are 229


def test_rows_of_any_size_are_fetched_a_few_at_a_time() -> None:
    asked: list[int] = []

    class Session:
        def fetched(self, cursor: list[int], number: int) -> list[tuple[bytes]]:
            asked.append(number)
            sizes = [cursor.pop() for _ in range(min(number, len(cursor)))]
            return [(b"x" * size,) for size in sizes]

    sizes = [1 << 20] * 40 + [10] * 100_000
    blocks = [*reading._blocks(Session(), [*reversed(sizes)])]  # type: ignore[arg-type]
    assert sum(map(len, blocks)) == len(sizes)
    assert max(sum(len(row[0]) for row in block) for block in blocks) < 100 << 20
    assert max(asked) <= 20_000
