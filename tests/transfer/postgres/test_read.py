"""A table or a query of PostgreSQL, read and loaded again."""

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from factory.definitions import writes
from factory.definitions.reads import Part, Rows, window
from factory.transfer.errors import BadRow, Missing, TransferError
from factory.transfer.postgres.load import load
from factory.transfer.postgres.read import read, split
from factory.transfer.to_parquet import Converted

from ..memory import grown
from .conftest import Warehouse

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
WHOLE = st.integers(-(2**15), 2**15 - 1).map(str)
DAYS = st.dates().map(str)
MOMENTS = st.datetimes().map(str)
NUMBERS = st.decimals(-(10**40), 10**40, places=7).map(str)
INTERVALS = st.builds("{} mons {} days {:.6f} secs".format, WHOLE, WHOLE, st.floats(-1e6, 1e6))


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quoted = values.map(lambda text: '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"')
    return st.lists(quoted | st.just("NULL"), max_size=3).map(lambda some: f"{{{','.join(some)}}}")


TYPES: dict[str, st.SearchStrategy[str]] = {
    "smallint": WHOLE,
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "boolean": st.sampled_from(["t", "f"]),
    "real": st.floats(width=32).map(str),
    "double precision": st.floats().map(str),
    "numeric": NUMBERS | st.sampled_from(["NaN", "Infinity", "-Infinity", "1.500"]),
    "numeric(12,2)": st.decimals(-(10**9), 10**9, places=2).map(str),
    "numeric(70,30)": st.decimals(-(10**35), 10**35, places=9).map(str),
    "numeric(90,1)": st.integers(-(10**80), 10**80).map(str),
    "numeric(5,-2)": st.integers(-999, 999).map(lambda n: f"{n}00"),
    "text": TEXTS,
    "character varying(9)": TEXTS,
    "character(9)": TEXTS,
    "bpchar": TEXTS,
    "bytea": st.binary(max_size=9).map(lambda raw: rf"\x{raw.hex()}"),
    "date": DAYS | st.just("4713-01-01 BC"),
    "time without time zone": st.times().map(str),
    "time(3) without time zone": st.just("12:13:14.567"),
    "timestamp without time zone": MOMENTS | st.just("294246-12-31 23:59:59.999999"),
    "timestamp(0) without time zone": MOMENTS.filter(lambda text: text < "9999-12-31"),
    "timestamp with time zone": MOMENTS.map(lambda text: f"{text}+03:30"),
    "time with time zone": st.times().map(lambda time: f"{time}+05:30"),
    "interval": INTERVALS | st.sampled_from(["-178000000 years", "infinity", "-infinity"]),
    "interval(3)": INTERVALS,
    "interval day to second": INTERVALS,
    "uuid": st.uuids().map(str),
    "json": TEXTS.map(lambda text: f'{{"a": 1.0,  "a": {len(text)}}}'),
    "jsonb": st.sampled_from(['{"a": [1.10, null]}', "null", '"x"', '"\\u00fc"']),
    "inet": st.ip_addresses().map(str),
    "cidr": st.ip_addresses().map(str),
    "macaddr": st.just("08:00:2b:01:02:03"),
    "bit(3)": st.sampled_from(["101", "000"]),
    "bit varying": st.text("01", max_size=9),
    "int4range": st.sampled_from(["[1,5)", "empty", "(,3)"]),
    "tstzmultirange": st.just("{[2020-01-01 00:00+00,2021-01-01 00:00+00),(2022-01-01,)}"),
    "point": st.just("(0.1,-2)"),
    "tsvector": st.just("'a':1 'b c':2A"),
    "integer[]": arrays(WHOLE) | st.sampled_from(["{{1,2},{3,4}}", "[2:3]={1,2}"]),
    "text[]": arrays(TEXTS),
    "date[]": st.just("{infinity,2020-01-01}"),
    "numeric(5,2)[]": st.just("{1.50,NaN,NULL}"),
}
OWN = {"mood": "mood", "price": "numeric(8,3)", "pair": "text", "mood[]": "text", "name": "text"}
"""Types of the source alone, with what a new table has for them."""


class Copy:
    """What reads a table of the schema, and loads it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.path = str(warehouse.stage / "read.parquet")

    def read(self, query: str = "", **more: Any) -> Converted:
        seconds = more.pop("statement_timeout", 60)
        table = more.pop("table", "source")
        where: Any = {"query": query} if query else {"table": f"{self.warehouse.schema}.{table}"}
        rows = Rows(**where, **more)
        given = self.warehouse
        return read(given.uri, rows, given.store, self.path, statement_timeout=seconds)

    def split(self, column: str, number: int) -> list[Part]:
        rows = Rows(table=f"{self.warehouse.schema}.source")
        return split(self.warehouse.uri, rows, column, number)

    def load(self, table: str, *paths: str) -> None:
        load(
            self.warehouse.uri,
            self.warehouse.store,
            paths or [self.path],
            table=f"{self.warehouse.schema}.{table}",
            write=writes.parse({"mode": "replace"}),
            load_id="1",
        )

    def texts(self, table: str) -> list[Any]:
        return self.warehouse.run("SELECT t::text FROM {} t ORDER BY 1", table)

    def types(self, table: str) -> list[str]:
        query = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        query += " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
        with psycopg.connect(self.warehouse.uri) as connection:
            name = f"{self.warehouse.schema}.{table}"
            return [kind for (kind,) in connection.execute(query, (name,))]


@pytest.fixture
def copy(warehouse: Warehouse) -> Copy:
    return Copy(warehouse)


def row() -> st.SearchStrategy[tuple[str | None, ...]]:
    return st.tuples(*(st.none() | values for values in TYPES.values()))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(row(), min_size=1, max_size=4))
def test_any_values_of_any_types_are_the_same_in_the_copy(copy: Copy, rows: list[Any]) -> None:
    run = copy.warehouse.run
    for table in ("source", "copied", "like_it"):
        run("DROP TABLE IF EXISTS {}", table)
    run(
        f"CREATE TABLE {{}} ({', '.join(f'c{n} {kind}' for n, kind in enumerate(TYPES))})", "source"
    )
    run("CREATE TABLE {0} (LIKE {1})", "like_it", "source")
    insert = f"INSERT INTO {copy.warehouse.schema}.source VALUES ({', '.join(['%s'] * len(TYPES))})"
    with psycopg.connect(copy.warehouse.uri) as connection:
        connection.cursor().executemany(insert.encode(), rows)
    copy.read()
    for table in ("copied", "like_it"):
        copy.load(table)
        assert copy.texts(table) == copy.texts("source")
    filled = [any(value is not None for value in column) for column in zip(*rows, strict=True)]
    for kind, there, has_values in zip(TYPES, copy.types("copied"), filled, strict=True):
        assert there == kind or not has_values


def test_types_that_only_the_source_knows_arrive_as_what_they_are_made_of(copy: Copy) -> None:
    run, own = copy.warehouse.run, copy.warehouse.schema
    with psycopg.connect(copy.warehouse.uri, autocommit=True) as connection:
        connection.execute(f"SET search_path = {own}".encode())
        connection.execute("CREATE TYPE mood AS ENUM ('happy', 'sad')")
        connection.execute("CREATE DOMAIN price AS numeric(8,3) CHECK (value > 0)")
        connection.execute("CREATE TYPE pair AS (a int, b text)")
        columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(OWN))
        connection.execute(f"CREATE TABLE source ({columns})".encode())
        connection.execute("CREATE TABLE there (c0 mood, c1 price, c2 text, c3 mood[], c4 text)")
    run("INSERT INTO {} VALUES ('sad', 1.5, (1, 'x,'), '{{sad,happy}}', 'n')", "source")
    copy.read()
    for table in ("copied", "there"):
        copy.load(table)
        assert copy.texts(table) == copy.texts("source")
    there = [kind.removeprefix(f"{own}.") for kind in copy.types("copied")]
    assert there == list(OWN.values())


@contextmanager
def no_rewrite(copy: Copy) -> Iterator[None]:
    """Whoever has the server write a table of the schema again, fails."""
    own = copy.warehouse.schema
    with psycopg.connect(copy.warehouse.uri, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION {own}.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF (SELECT relnamespace = '{own}'::regnamespace FROM pg_class"
            " WHERE oid = pg_event_trigger_table_rewrite_oid()) THEN"
            " RAISE 'it is written again'; END IF; END $$".encode()
        )
        trigger = f"EVENT TRIGGER no_rewrite_{own}"
        connection.execute(
            f"CREATE {trigger} ON table_rewrite EXECUTE FUNCTION {own}.refuse()".encode()
        )
        try:
            yield
        finally:
            connection.execute(f"DROP {trigger}".encode())


def test_types_of_the_source_are_made_at_once(copy: Copy) -> None:
    run, own = copy.warehouse.run, copy.warehouse.schema
    run("CREATE TYPE {} AS ENUM ('happy', 'sad')", "mood")
    kinds = f"id uuid, doc jsonb, took interval, felt {own}.mood, n numeric(9,2)"
    for table in ("source", "there"):
        run(f"CREATE TABLE {{}} ({kinds})", table)
    rows = "(gen_random_uuid(), '{{\"a\": 1}}', '1 mon -3 days 04:05:06.7', 'sad', 1.5)"
    run(f"INSERT INTO {{}} VALUES {rows}, (NULL, NULL, NULL, NULL, NULL)", "source")
    copy.read()
    with no_rewrite(copy):
        for table in ("copied", "there"):
            copy.load(table)
            assert copy.texts(table) == copy.texts("source")
        copy.read("SELECT '10.0.0.1'::inet AS a")
        with pytest.raises(TransferError, match="it is written again"):
            copy.load("other")


def test_an_enum_is_taken_where_it_has_the_labels(copy: Copy) -> None:
    run, own = copy.warehouse.run, copy.warehouse.schema
    run("CREATE TYPE {} AS ENUM ('happy', 'sad')", "mood")
    run(f"CREATE TABLE {{}} AS SELECT 'sad'::{own}.mood AS felt", "source")
    run("CREATE TABLE {} (felt text)", "plain")
    copy.read()
    copy.load("plain")
    assert copy.types("plain") == ["text"]
    run("ALTER TYPE {} ADD VALUE 'calm' BEFORE 'sad'", "mood")
    copy.load("copied")
    assert copy.types("copied") == [f"{own}.mood"]
    run("ALTER TYPE {} RENAME VALUE 'happy' TO 'glad'", "mood")
    copy.load("other")
    assert copy.types("other") == ["text"]


@pytest.mark.parametrize("lacking", ["the schema", "the type"])
def test_an_enum_that_the_role_may_not_use_is_a_text(lacking: str, copy: Copy) -> None:
    run, own = copy.warehouse.run, copy.warehouse.schema
    role, other = (psycopg.sql.Identifier(f"{letter}{own}").as_string() for letter in "ro")
    run(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA {other}")
    try:
        run(f"GRANT ALL ON SCHEMA {own} TO {role}; CREATE TYPE {other}.mood AS ENUM ('sad')")
        if lacking == "the type":
            run(f"GRANT USAGE ON SCHEMA {other} TO {role}")
            run(f"REVOKE ALL ON TYPE {other}.mood FROM public")
        run(f"CREATE TABLE {{}} AS SELECT 'sad'::{other}.mood AS felt", "source")
        copy.read()
        uri = make_conninfo(copy.warehouse.uri, user=role.strip('"'))
        Copy(replace(copy.warehouse, uri=uri)).load("copied")
        assert copy.types("copied") == ["text"]
        assert copy.texts("copied") == copy.texts("source")
    finally:
        run(f"DROP SCHEMA {other} CASCADE; DROP OWNED BY {role}; DROP ROLE {role}")


def test_what_the_stage_holds_has_types_that_others_read(copy: Copy) -> None:
    copy.read("SELECT 1.50::numeric(12,2) AS n, now() AS at, '[1]'::jsonb AS j, 1::int AS i")
    schema = pq.read_schema(copy.path)
    assert [str(kind) for kind in schema.types] == [
        "decimal128(12, 2)",
        "timestamp[us, tz=UTC]",
        "string",
        "int32",
    ]
    assert pq.read_table(copy.path).column("n").to_pylist() == [Decimal("1.50")]


NOT_ELSEWHERE = {
    "d": ("date", "infinity"),
    "at": ("timestamp without time zone", "-infinity"),
    "tz": ("timestamp with time zone", "infinity"),
    "n": ("numeric(5,2)", "NaN"),
    "t": ("time without time zone", "24:00:00"),
}


@pytest.mark.parametrize("name", NOT_ELSEWHERE)
def test_what_no_type_elsewhere_holds_is_refused_and_read_as_text(copy: Copy, name: str) -> None:
    kind, value = NOT_ELSEWHERE[name]
    copy.warehouse.run(f"CREATE TABLE {{}} AS SELECT '{value}'::{kind} AS {name}", "source")
    with pytest.raises(BadRow, match=rf"(?s)'{name}' holds .*`as_text: \[{name}\]`"):
        copy.read()
    assert list(copy.warehouse.stage.iterdir()) == []
    copy.read(as_text=(name,))
    copy.load("copied")
    assert copy.texts("copied") == copy.texts("source")
    assert copy.types("copied") == [kind]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nope FROM pg_class", 'column "nope" does not exist'),
        ("SELECT 1 AS a, 2 AS a", "two columns of the query are named 'a'"),
        ("SELECT 5::money AS m", r'"m"::numeric\(18,2\)'),
        ("SELECT 1 / (g - 400000) AS g FROM generate_series(1, 500000) g", "division by zero$"),
        ("SELECT pg_sleep(60)::text AS s", "statement_timeout of the source is 1 s"),
        ("CREATE TABLE x AS SELECT 1", "syntax error"),
        ("SELECT 1) x; DROP TABLE y; SELECT (1", "the `query` is several statements"),
        ("SELECT 1) x, (SELECT 2", "the `query` closes a parenthesis that it has not opened"),
        ("SELECT '12-a'::int AS a", 'invalid input syntax for type integer: "…"$'),
        ("SELECT ('12' || chr(10) || 'a')::int AS a", 'input syntax for type integer: "…"$'),
        ("SELECT 1 WHERE false UNION SELECT FROM pg_class", "PostgreSQL said: each UNION query"),
        ("SELECT FROM pg_class", "the query has no columns"),
        ("SELECT lo_create(0) AS o", "read-only transaction"),
        (
            "SELECT g, CASE WHEN g = 400000 THEN pg_terminate_backend(pg_backend_pid()) END AS x"
            " FROM generate_series(1, 500000) g",
            "can't be read: PostgreSQL said: (terminating connection|server closed)",
        ),
    ],
)
def test_what_cannot_be_read_is_told_and_leaves_nothing(copy: Copy, query: str, said: str) -> None:
    with pytest.raises(TransferError, match=said):
        copy.read(query, statement_timeout=1)
    assert list(copy.warehouse.stage.iterdir()) == []


def test_a_condition_and_the_end_of_a_query_are_no_part_of_ours(copy: Copy) -> None:
    copy.warehouse.run("CREATE TABLE {} AS SELECT 1 AS id", "source")
    with pytest.raises(TransferError, match="the `where` closes a parenthesis"):
        copy.read(where="1=1) or (1=1")
    assert copy.read(where="id = 1 -- that (").rows == 1
    for end in (";", "; -- one;", " -- $$", "\n;;\n/* ; */"):
        assert copy.read(f"SELECT 1 AS a, ';' AS b, $$;)$$ AS c{end}").rows == 1


def test_who_gives_up_does_not_wait_for_the_next_row(copy: Copy) -> None:
    def give_up(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            copy.read("SELECT pg_sleep(40)::text AS s")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 20
    assert list(copy.warehouse.stage.iterdir()) == []


def test_a_role_that_may_not_read_is_told_so(copy: Copy) -> None:
    copy.warehouse.run("CREATE TABLE {} (id int)", "source")
    role = f"r{copy.warehouse.schema}"
    name = psycopg.sql.Identifier(role).as_string()
    copy.warehouse.run(f"CREATE ROLE {name} LOGIN")
    try:
        copy.warehouse.run(f"GRANT USAGE ON SCHEMA {copy.warehouse.schema} TO {name}")
        own = replace(copy.warehouse, uri=make_conninfo(copy.warehouse.uri, user=role))
        with pytest.raises(TransferError, match=r"permission denied .*Grant the right"):
            Copy(own).read()
    finally:
        copy.warehouse.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_table_or_a_column_that_is_not_there_is_told_with_the_nearest_name(copy: Copy) -> None:
    copy.warehouse.run("CREATE TABLE {} (order_id int)", "source")
    with pytest.raises(Missing, match=r"no table or view .*Did you mean 'source'"):
        copy.read(table="sources")
    for word in ("columns", "as_text"):
        with pytest.raises(Missing, match=r"no column 'order_ids' .*Did you mean 'order_id'"):
            copy.read(**{word: ("order_ids",)})  # type: ignore[arg-type]


def test_a_part_of_a_table(copy: Copy) -> None:
    copy.warehouse.run(
        "CREATE TABLE {} AS SELECT g AS id, g % 2 AS odd, 'x' AS t FROM generate_series(1, 9) g",
        "source",
    )
    done = copy.read(columns=("t", "id"), where="odd = 1 -- of them")
    assert (done.rows, list(done.columns)) == (5, ["t", "id"])


BERLIN = ZoneInfo("Europe/Berlin")
START, END = (datetime(2024, 3, day, tzinfo=BERLIN) for day in (30, 31))
"""A day of Berlin, from 23:00 of the day before in UTC."""


@pytest.mark.parametrize(
    ("kind", "values", "overlap", "lag", "ids"),
    [
        ("date", "2024-03-29 2024-03-30 2024-03-31", 0, 0, [1]),
        ("date", "2024-03-28 2024-03-29 2024-03-30", 3600, 0, [1, 2]),
        (
            "timestamp",
            "2024-03-29T23:59 2024-03-30 2024-03-30T23:59 2024-03-31",
            0,
            0,
            [1, 2],
        ),
        ("timestamptz", "2024-03-29T22:59:59Z 2024-03-29T23:00Z 2024-03-30T23:00Z", 0, 0, [1]),
        ("timestamptz", "2024-03-29T22:00Z 2024-03-29T23:00Z", 3600, 0, [0, 1]),
        ("timestamptz", "2024-03-29T22:00Z 2024-03-30T22:00Z 2024-03-30T21:59Z", 0, 3600, [0, 2]),
        ("timestamptz(3)", "infinity -infinity 2024-03-30T12:00Z", 0, 0, [2]),
    ],
)
def test_the_rows_of_an_interval(
    copy: Copy, kind: str, values: str, overlap: float, lag: float, ids: list[int]
) -> None:
    rows = ", ".join(f"({n}, '{value}')" for n, value in enumerate(values.split()))
    copy.warehouse.run(f"CREATE TABLE {{}} (id int, at {kind})", "source")
    copy.warehouse.run(f"INSERT INTO {{}} VALUES {rows}, (99, null)", "source")
    between = window("at", START, END, overlap, lag)
    copy.read(window=between, columns=("id",))
    assert pq.read_table(copy.path).column("id").to_pylist() == ids
    copy.read(f"TABLE {copy.warehouse.schema}.source;", window=between)
    assert pq.read_table(copy.path).column("id").to_pylist() == ids


def test_an_interval_of_what_is_no_moment(copy: Copy) -> None:
    copy.warehouse.run("CREATE TABLE {} (updated int)", "source")
    with pytest.raises(TransferError, match=r"'updated' of .* is int4, and no date or timestamp"):
        copy.read(window=window("updated", START, END, 0, 0))
    with pytest.raises(Missing, match=r"Did you mean 'updated'"):
        copy.read(window=window("update", START, END, 0, 0))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", "-9223372036854775808 -5 0 null 7 7 8 9223372036854775807"),
        ("smallint", "1 2 3 null"),
        ("date", "infinity -infinity 2024-01-01 2024-01-02 2025-12-31 null"),
        ("date", "infinity null"),
    ],
)
def test_the_parts_of_a_table_are_the_table(copy: Copy, kind: str, values: str) -> None:
    rows = ", ".join(f"({value})" for value in re.sub(r"[^ ]+", r"'\g<0>'", values).split())
    copy.warehouse.run(f"CREATE TABLE {{}} (key {kind})", "source")
    rows = rows.replace("'null'", "null")
    copy.warehouse.run(f"INSERT INTO {{}} VALUES {rows}", "source")
    found: list[Any] = []
    for part in copy.split("key", 3):
        copy.read(part=part, as_text=("key",))
        found += pq.read_table(copy.path).column("key").to_pylist()
    whole = copy.warehouse.run("SELECT key::text FROM {}", "source")
    assert Counter(found) == Counter(key for (key,) in whole)


@pytest.mark.parametrize(
    ("kind", "value", "later"),
    [
        ("numeric(10,2)", "1.5", "numeric(10,4)"),
        ("int", "1", "bigint"),
        ("time(0)", "now()", "time"),
    ],
)
def test_parts_of_a_table_that_was_altered_between_them(
    copy: Copy, kind: str, value: str, later: str
) -> None:
    copy.warehouse.run(f"CREATE TABLE {{}} (id int, value {kind})", "source")
    copy.warehouse.run(f"INSERT INTO {{}} VALUES (1, {value}), (2, {value})", "source")
    paths = []
    for part in copy.split("id", 2):
        paths.append(copy.path)
        copy.read(part=part)
        copy.path = f"{copy.path}.2"
        copy.warehouse.run(f"ALTER TABLE {{}} ALTER value TYPE {later}", "source")
    with pytest.raises(BadRow, match="somebody altered the table meanwhile"):
        copy.load("target", *paths)


def test_a_table_without_rows_has_one_part_and_a_text_none(copy: Copy) -> None:
    copy.warehouse.run("CREATE TABLE {} (id int, name text)", "source")
    assert copy.split("id", 8) == [Part("id")]
    with pytest.raises(TransferError, match="can't be split by 'name', which is text"):
        copy.split("name", 8)


def test_a_table_without_rows_and_one_of_a_thousand_columns(copy: Copy) -> None:
    columns = ", ".join(f'"c {n}" numeric(9,2)' for n in range(1000))
    copy.warehouse.run(f"CREATE TABLE {{}} ({columns})", "source")
    assert copy.read().rows == 0
    copy.warehouse.run('INSERT INTO {} ("c 7") VALUES (1.5)', "source")
    done = copy.read()
    assert (done.rows, len(done.columns)) == (1, 1000)


READ = """
import sys
from factory.stores.disk import Disk
from factory.definitions.reads import Rows
from factory.transfer.postgres.read import read

uri, path, rows = sys.argv[1:]
query = "SELECT g, md5(g::text) || repeat('x', 200) AS t, g::numeric(12,2) AS n"

def work():
    given = Rows(query=f"{query} FROM generate_series(1, {rows}) g")
    print(read(uri, given, Disk(), path).rows)
"""


def test_memory_does_not_grow_with_the_rows(copy: Copy) -> None:
    said, mebibytes = grown(READ, copy.warehouse.uri, copy.path, 1_000_000)
    assert said.endswith("1000000")
    assert mebibytes < 200  # the texts alone are 232


def test_names_that_are_sql(copy: Copy) -> None:
    table, column = 'x"; DROP TABLE y; --', "a%s\"'), (SELECT 1"
    with psycopg.connect(copy.warehouse.uri, autocommit=True) as connection:
        names = psycopg.sql.Identifier(copy.warehouse.schema, table), psycopg.sql.Identifier(column)
        query = psycopg.sql.SQL("CREATE TABLE {} AS SELECT 1.5::numeric(3,1) AS {}")
        connection.execute(query.format(*names))
    assert list(copy.read(table=table).columns) == [column]


def test_nobody_alters_the_table_between_the_look_at_it_and_the_last_row(copy: Copy) -> None:
    copy.warehouse.run("CREATE TABLE {} AS SELECT 1 AS id", "source")
    name = f"{copy.warehouse.schema}.source"
    alter = (
        f"SELECT id, (SELECT count(*) FROM pg_locks WHERE relation = '{name}'::regclass"
        f" AND pid <> pg_backend_pid() AND mode = 'AccessShareLock') AS held FROM {name}"
    )
    copy.read(alter)
    assert pq.read_table(copy.path).column("held").to_pylist() == [1]
