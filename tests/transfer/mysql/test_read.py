"""A table or a query of MariaDB, read, and loaded into PostgreSQL."""

import os
import re
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timezone
from datetime import time as clock
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from factory.definitions import writes
from factory.definitions.reads import Part, window
from factory.stores.disk import Disk
from factory.transfer.errors import BadOption, BadRow, Missing, TransferError
from factory.transfer.postgres.load import load
from factory_embedded.services.postgres import Server

from ..memory import grown
from .conftest import Source

ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WESTERN = st.characters(codec="cp1252", exclude_characters="\0")
TEXTS = st.text(ANY, max_size=9)
MOMENTS = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31))
STAMPS = st.datetimes(datetime(1970, 1, 2), datetime(2038, 1, 1)).map(
    lambda at: at.replace(tzinfo=timezone.utc)
)


def whole(bits: int, signed: bool = True) -> st.SearchStrategy[int]:
    least = -(2 ** (bits - 1)) if signed else 0
    return st.integers(least, least + 2**bits - 1)


def decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**digits) + 1, 10**digits - 1).map(
        lambda n: Decimal(f"{n}e-{scale}")  # exact, whatever the context's precision
    )


TYPES: dict[str, tuple[st.SearchStrategy[Any], str]] = {
    "TINYINT": (whole(8), "smallint"),
    "TINYINT(1)": (whole(8), "smallint"),
    "TINYINT UNSIGNED": (whole(8, False), "smallint"),
    "SMALLINT": (whole(16), "smallint"),
    "SMALLINT UNSIGNED": (whole(16, False), "integer"),
    "MEDIUMINT": (whole(24), "integer"),
    "MEDIUMINT UNSIGNED": (whole(24, False), "bigint"),
    "INT": (whole(32), "integer"),
    "INT(8) UNSIGNED ZEROFILL": (whole(32, False), "bigint"),
    "BIGINT": (whole(64), "bigint"),
    "BIGINT UNSIGNED": (whole(64, False), "numeric(20,0)"),
    "BIT(1)": (st.booleans(), "boolean"),
    "BIT(9)": (whole(9, False), "integer"),
    "BIT(64)": (whole(64, False), "numeric(20,0)"),
    "DECIMAL(10,2)": (decimals(10, 2), "numeric(10,2)"),
    "DECIMAL(38)": (decimals(38, 0), "numeric(38,0)"),
    "DECIMAL(5,5)": (decimals(5, 5), "numeric(5,5)"),
    "DECIMAL(65,30)": (decimals(65, 30), "numeric(65,30)"),
    "DECIMAL(9,1) UNSIGNED": (decimals(9, 1).map(abs), "numeric(9,1)"),
    "FLOAT": (st.floats(width=32, allow_nan=False, allow_infinity=False), "real"),
    "DOUBLE": (st.floats(allow_nan=False, allow_infinity=False), "double precision"),
    "DATE": (st.dates(), "date"),
    "DATETIME": (MOMENTS.map(lambda at: at.replace(microsecond=0)), "timestamp"),
    "DATETIME(6)": (MOMENTS, "timestamp"),
    "TIMESTAMP(6) NULL": (STAMPS, "timestamptz"),
    "TIME(6)": (st.times(), "time"),
    "YEAR": (st.integers(1901, 2155), "smallint"),
    "CHAR(9)": (TEXTS.map(str.rstrip), "text"),
    "VARCHAR(9)": (TEXTS, "text"),
    "VARCHAR(9) CHARSET latin1": (
        st.text(WESTERN, max_size=9),
        "text",
    ),
    "LONGTEXT": (st.text(ANY, max_size=400), "text"),
    "BINARY(3)": (st.binary(min_size=3, max_size=3), "bytea"),
    "VARBINARY(9)": (st.binary(max_size=9), "bytea"),
    "BLOB": (st.binary(max_size=70_000), "bytea"),
    "JSON": (st.sampled_from(['{"a": 1.0,  "a": "ä"}', "null", "[1.10]"]), "text"),
    "ENUM('a b', 'ü', '')": (st.sampled_from(["a b", "ü", ""]), "text"),
    "SET('a', 'b')": (st.sampled_from(["", "a", "a,b"]), "text"),
    "UUID": (st.uuids(version=4).map(str), "text"),
    "INET6": (st.just("2001:db8::1"), "text"),
}
NAMES = [f"c{number}" for number in range(len(TYPES))]
ALIASES = {
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
}


def row() -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*(st.none() | values for values, _ in TYPES.values()))


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to make a row smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(row(), min_size=1, max_size=4))
def test_any_values_of_any_types_are_the_same_in_parquet_and_in_postgresql(
    source: Source, postgres: Server, rows: list[tuple[Any, ...]]
) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, TYPES, strict=True))
    source.run("DROP TABLE IF EXISTS source", f"CREATE TABLE source ({columns})")
    marks = ", ".join(["%s"] * len(TYPES))
    for values in rows:
        sent = [value.replace(tzinfo=None) if is_stamp(value) else value for value in values]
        source.run(f"INSERT INTO source VALUES ({marks})", values=sent)
    source.read()
    read = [tuple(line.values()) for line in pq.read_table(source.path).to_pylist()]
    for kind, *pair in zip(TYPES, zip(*rows, strict=True), zip(*read, strict=True), strict=True):
        assert [show(kind, value) for value in pair[0]] == [show(kind, v) for v in pair[1]], kind

    table = f"public.{source.database}"
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {table}".encode())
        write = writes.parse({"mode": "replace"})
        load(postgres.uri, Disk(), [source.path], table=table, write=write, load_id="1")
        connection.execute("SET timezone = 'UTC'")
        there = connection.execute(f"TABLE {table}".encode()).fetchall()
        query = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        query += " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
        types = [kind for (kind,) in connection.execute(query, (table,))]
        connection.execute(f"DROP TABLE {table}".encode())
    for number, (kind, (_, wanted)) in enumerate(TYPES.items()):
        assert types[number] == ALIASES.get(wanted, wanted), kind
        own = Counter(repr(show(kind, values[number])) for values in rows)
        assert own == Counter(repr(show(kind, values[number])) for values in there), kind


def is_stamp(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def show(kind: str, value: Any) -> Any:
    """As both sides are compared: what one driver makes of a value is not what the other does."""
    if value is None:
        return None
    if kind.startswith(("BIGINT", "BIT(64)")):
        return int(value)
    if kind.startswith("BIT(1)"):
        return bool(value)
    if is_stamp(value):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, datetime | clock):
        return value.replace(fold=0)
    if kind == "FLOAT":
        return struct.pack("f", value + 0.0)
    return repr(value + 0.0) if isinstance(value, float) else value


def test_a_time_beyond_a_day_is_a_text_or_an_interval(source: Source, postgres: Server) -> None:
    source.run("CREATE TABLE source (t TIME(2))")
    source.run("INSERT INTO source VALUES ('838:59:58.25'), ('-01:00:00'), (NULL)")
    with pytest.raises(BadRow, match=r"(?s)'t' holds what is no time of a day.*as_text: \[t\]"):
        source.read()
    assert list(source.stage.iterdir()) == []
    source.read(as_text=("t",))
    assert source.values("t") == ["838:59:58.25", "-01:00:00.00", None]
    table = f"public.{source.database}"
    write = writes.parse({"mode": "replace"})
    load(postgres.uri, Disk(), [source.path], table=table, write=write, load_id="1")
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        query = f"SELECT extract(epoch FROM t), pg_typeof(t)::text FROM {table} ORDER BY 1"
        assert connection.execute(query.encode()).fetchall() == [
            (Decimal("-3600.000000"), "interval"),
            (Decimal("3020398.250000"), "interval"),
            (None, "interval"),
        ]
        connection.execute(f"DROP TABLE {table}".encode())


DAYS = {
    "DATE": ["0000-00-00", "2024-00-00", "2024-02-31", "0000-01-01"],
    "DATETIME(6)": ["0000-00-00 00:00:00", "2024-01-00 10:00:00", "2023-02-29 01:00:00.5"],
    "TIMESTAMP NULL": ["0000-00-00 00:00:00"],
}


@pytest.mark.parametrize(("kind", "day"), [(kind, day) for kind in DAYS for day in DAYS[kind]])
def test_a_date_that_no_calendar_has(
    source: Source, kind: str, day: str, caplog: pytest.LogCaptureFixture
) -> None:
    source.run(f"CREATE TABLE source (d {kind}, other DATE)")
    source.run(
        f"INSERT INTO source VALUES ('2024-02-29', '2024-01-01'), ('{day}', NULL), (NULL, NULL)"
    )
    with pytest.raises(BadRow, match=r"(?s)'d' holds (a day|0000-00-00), which no calendar has"):
        source.read()
    assert list(source.stage.iterdir()) == []
    caplog.set_level("INFO")
    source.read(zero_dates="as_null")
    assert [value and (value.month, value.day) for value in source.values("d")] == [
        (2, 29),
        None,
        None,
    ]
    assert "1 date of 'd' that no calendar has: null instead" in caplog.messages
    for texts in ({"zero_dates": "as_text"}, {"as_text": ("d",)}):
        source.read(**texts)
        assert source.values("d")[1].startswith(day)
    assert source.values("other")[0] == date(2024, 1, 1)


def test_geometry_is_refused_and_read_as_a_text(source: Source) -> None:
    source.run("CREATE TABLE source (g POINT)", "INSERT INTO source VALUES (POINT(1, 2))")
    with pytest.raises(TransferError, match=r"(?s)'g' is geometry.*as_text: \[g\]"):
        source.read()
    source.read(as_text=("g",))
    assert source.values("g") == ["POINT(1 2)"]


def test_bytes_that_are_no_text(source: Source) -> None:
    with pytest.raises(BadRow, match=r"'b' holds bytes that are no text"):
        source.read("SELECT x'ff' AS b", as_text=("b",))


def test_texts_of_other_types(source: Source) -> None:
    source.run("CREATE TABLE source (n DECIMAL(5,2), f FLOAT, b BIT(3), y YEAR, i INT)")
    source.run("INSERT INTO source VALUES (1.5, 0.1, 5, 2024, 7)")
    source.read(as_text=("n", "b", "y", "i"))
    assert pq.read_table(source.path).to_pylist() == [
        {"n": "1.50", "f": pytest.approx(0.1), "b": "5", "y": "2024", "i": "7"}
    ]


def test_what_a_query_makes(source: Source) -> None:
    source.read(
        "SELECT 1 AS one, 'x' AS t, NULL AS nothing, 1.50 AS n, 1e0 AS d, TRUE AS b,"
        " CAST('2024-01-01' AS DATE) AS day, COUNT(*) AS c, SUM(2) AS s FROM DUAL -- those\n;"
    )
    assert pq.read_table(source.path).to_pylist() == [
        {
            "one": 1,
            "t": "x",
            "nothing": None,
            "n": Decimal("1.50"),
            "d": 1.0,
            "b": 1,
            "day": date(2024, 1, 1),
            "c": 1,
            "s": Decimal(2),
        }
    ]


def test_long_values_and_long_rows(source: Source) -> None:
    sizes = [0, 250, 251, 65_535, 65_536, 1 << 20, (1 << 24) - 5, 1 << 24, 17_000_000]
    source.run("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024")
    source.run("CREATE TABLE source (id INT, t LONGTEXT, after INT)")
    for number, size in enumerate(sizes):
        source.run(f"INSERT INTO source VALUES ({number}, REPEAT('x', {size}), {number})")
    source.run("INSERT INTO source SELECT 9, REPEAT('é', 5000000), seq FROM seq_9_to_12")
    source.read()
    assert [len(text) for text in source.values("t")] == [*sizes, *[5_000_000] * 4]
    assert source.values("after") == [*range(9), 9, 10, 11, 12]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nope FROM DUAL", "Unknown column 'nope'"),
        ("SELECT 1 AS a, 2 AS a", r"(?s)Duplicate column name 'a'.*another name"),
        ("SELECT SLEEP(60) AS s", "statement_timeout of the source is 1 s"),
        ("CREATE TABLE x AS SELECT 1", "error in your SQL syntax"),
        ("SELECT 1) x; DROP TABLE y; SELECT (1", "the `query` is several statements"),
        ("SELECT 1) x, (SELECT 2", "the `query` closes a parenthesis that it has not opened"),
        ("SELECT * FROM nowhere.at_all", "(doesn't exist|denied)"),
    ],
)
def test_what_cannot_be_read_is_told_and_leaves_nothing(
    source: Source, query: str, said: str
) -> None:
    with pytest.raises(TransferError, match=said):
        source.read(query, statement_timeout=1)
    assert list(source.stage.iterdir()) == []


def test_nothing_is_written(source: Source) -> None:
    source.run("CREATE SEQUENCE counter")
    with pytest.raises(TransferError, match=r"(?i)read only"):
        source.read("SELECT NEXTVAL(counter) AS n")


def slow(source: Source, wait: float = 0.001) -> str:
    """A query of many rows, each of which takes a moment."""
    source.run("CREATE TABLE source (id INT, t TEXT)")
    source.run("INSERT INTO source SELECT seq, REPEAT('x', 2000) FROM seq_1_to_20000")
    return f"SELECT id, t, SLEEP({wait}) AS s FROM source"


@contextmanager
def meanwhile(source: Source, word: str) -> Iterator[None]:
    """Once rows come, somebody says `KILL word` of the session that reads."""

    def kill() -> None:
        for _ in range(600):
            found = source.run(
                "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(0%'"
                f" AND db = '{source.database}' AND id <> CONNECTION_ID() AND time_ms > 300"
            )
            if found:
                source.run(f"KILL {word} {found[0][0]}")
                return
            time.sleep(0.1)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        killer.join()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("HARD QUERY", "(?s)Query execution was interrupted.*repeat the task"),
        ("HARD CONNECTION", "(?s)(Connection was killed|Lost connection).*repeat the task"),
    ],
)
def test_a_query_that_is_ended_by_somebody(source: Source, word: str, said: str) -> None:
    query = slow(source)
    with meanwhile(source, word), pytest.raises(TransferError, match=said):
        source.read(query)
    assert list(source.stage.iterdir()) == []


@contextmanager
def cut_after(source: Source, size: int) -> Iterator[int]:
    """A port before the server, whose connections break when so many bytes came from there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)

        def pump(one: socket.socket, other: socket.socket, most: int) -> None:
            try:
                while most > 0 and (data := one.recv(min(most, 65_536))):
                    other.sendall(data)
                    most -= len(data)
            except OSError:
                pass
            for each in (one, other):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            with near, socket.create_connection(("127.0.0.1", source.server.port)) as far:
                up = threading.Thread(target=pump, args=(near, far, 1 << 40))
                up.start()
                pump(far, near, size)
                up.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("size", [20, 3_000, 300_001, 5_000_000])
def test_a_server_that_is_gone_at_any_place(source: Source, size: int) -> None:
    source.run("CREATE TABLE source AS SELECT seq AS id, REPEAT('x', 999) AS t FROM seq_1_to_20000")
    with cut_after(source, size) as port:
        source.address = replace(source.address, port=port)
        with pytest.raises(TransferError, match=r"(?s)Lost connection.*repeat the task"):
            source.read()
    assert list(source.stage.iterdir()) == []


def test_nobody_listens(source: Source) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        source.address = replace(source.address, port=taken.getsockname()[1])
    with pytest.raises(TransferError, match=r"source can't be read: .*Can't connect"):
        source.read()


def test_who_gives_up_does_not_wait_for_the_next_row(source: Source) -> None:
    def give_up(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            source.read("SELECT SLEEP(40) AS s")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 20
    assert list(source.stage.iterdir()) == []


def test_what_the_server_would_cut_is_whole_or_refused(source: Source) -> None:
    source.run("CREATE TABLE source (t TEXT)", "INSERT INTO source SELECT repeat('x', 60000)")
    many = "(SELECT t FROM source" + " UNION ALL SELECT t FROM source" * 29 + ") AS many"
    source.read(f"SELECT GROUP_CONCAT(t) AS a FROM {many}")
    assert [len(text) for text in source.values("a")] == [30 * 60_001 - 1]
    with pytest.raises(TransferError, match="too long for the server"):
        source.read("SELECT REPEAT('x', 2000000000) AS a")


def test_a_user_that_may_not_read_is_told_so(source: Source) -> None:
    user = f"u{os.getpid()}"
    source.run("CREATE TABLE source (id INT)", "CREATE TABLE other (id INT)")
    source.run(f"CREATE USER {user}@'127.0.0.1'", f"GRANT SELECT ON other TO {user}@'127.0.0.1'")
    try:
        with pytest.raises(TransferError, match=r"denied .*Grant the right"):
            source.of(user).read()
        with pytest.raises(TransferError, match=r"Access denied for user 'nobody'") as told:
            source.of("nobody").read()
        assert "password: NO" in str(told.value)
    finally:
        source.run(f"DROP USER {user}@'127.0.0.1'")


def test_a_table_or_a_column_that_is_not_there(source: Source) -> None:
    source.run("CREATE TABLE source (order_id INT)")
    nearest = r"there is no table or view {}\. Did you mean 'source'\?"
    for word in ("sources", "SOURCE", f"{source.database}.sources"):
        with pytest.raises(Missing, match=nearest.format(word)):
            source.read(table=word)
    with pytest.raises(Missing, match=rf"no database .* Did you mean '{source.database}'"):
        source.read(table=f"{source.database}s.source")
    with pytest.raises(TransferError, match=r"No database selected\. Write `database\.table`"):
        source.nowhere().read()
    for word in ("columns", "as_text"):
        with pytest.raises(Missing, match=r"no column 'order_ids' .*Did you mean 'order_id'"):
            source.read(**{word: ("order_ids",)})  # type: ignore[arg-type]
    with pytest.raises(BadOption, match=r"'a\.b\.c' is not a table"):
        source.read(table="a.b.c")


def test_a_part_of_a_table(source: Source) -> None:
    source.run("CREATE TABLE source AS SELECT seq AS id, seq % 2 AS odd, 'x' AS t FROM seq_1_to_9")
    done = source.read(columns=("t", "id"), where="odd = 1 -- of them")
    assert (done.rows, list(done.columns)) == (5, ["t", "id"])
    assert source.read(table=f"{source.database}.source", where="odd = 1 OR 1 = 0").rows == 5


def test_a_condition_that_ends_ours(source: Source) -> None:
    source.run("CREATE TABLE source (id INT)")
    with pytest.raises(BadOption, match="closes a parenthesis that it has not opened"):
        source.read(where="1 = 1) OR (1 = 1")


BERLIN = ZoneInfo("Europe/Berlin")
START, END = (datetime(2024, 3, day, tzinfo=BERLIN) for day in (30, 31))
"""A day of Berlin, from 23:00 of the day before in UTC."""


@pytest.mark.parametrize(
    ("kind", "values", "overlap", "lag", "ids"),
    [
        ("DATE", "2024-03-29 2024-03-30 2024-03-31", 0, 0, [1]),
        ("DATE", "2024-03-28 2024-03-29 2024-03-30", 3600, 0, [1, 2]),
        ("DATETIME", "2024-03-29T23:59 2024-03-30 2024-03-30T23:59 2024-03-31", 0, 0, [1, 2]),
        ("TIMESTAMP NULL", "2024-03-29T22:59:59 2024-03-29T23:00 2024-03-30T23:00", 0, 0, [1]),
        ("TIMESTAMP(6) NULL", "2024-03-29T22:00 2024-03-29T23:00", 3600, 0, [0, 1]),
        ("DATETIME(3)", "0000-00-00 2024-03-30T12:00", 0, 0, [1]),
    ],
)
def test_the_rows_of_an_interval(
    source: Source, kind: str, values: str, overlap: float, lag: float, ids: list[int]
) -> None:
    rows = ", ".join(f"({n}, '{value}')" for n, value in enumerate(values.split()))
    source.run(f"CREATE TABLE source (id INT, at {kind})")
    source.run(f"INSERT INTO source VALUES {rows}, (99, NULL)")
    between = window("at", START, END, overlap, lag)
    source.read(window=between, columns=("id",))
    assert source.values("id") == ids
    source.read("SELECT * FROM source;", window=between)
    assert source.values("id") == ids


def test_an_interval_of_what_is_no_moment(source: Source) -> None:
    source.run("CREATE TABLE source (updated INT)")
    with pytest.raises(TransferError, match=r"'updated' of .* is long, and no date or timestamp"):
        source.read(window=window("updated", START, END, 0, 0))
    with pytest.raises(Missing, match=r"Did you mean 'updated'"):
        source.read(window=window("update", START, END, 0, 0))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("BIGINT", "-9223372036854775808 -5 0 null 7 7 8 9223372036854775807"),
        ("BIGINT UNSIGNED", "0 18446744073709551615 null"),
        ("SMALLINT", "1 2 3 null"),
        ("DATE", "0000-00-00 2024-00-00 2024-01-01 2024-01-02 2025-12-31 null"),
        ("DATE NOT NULL", "0000-00-00 2024-01-01 2024-01-02 2025-12-31"),
        ("DATE", "0000-00-00 null"),
    ],
)
def test_the_parts_of_a_table_are_the_table(source: Source, kind: str, values: str) -> None:
    rows = ", ".join(f"({value})" for value in re.sub(r"[^ ]+", r"'\g<0>'", values).split())
    source.run(f"CREATE TABLE source (id {kind})")
    source.run(f"INSERT INTO source VALUES {rows}".replace("'null'", "null"))
    found: list[Any] = []
    for part in source.split("id", 3):
        source.read(part=part, as_text=("id",))
        found += source.values("id")
    whole = [None if value == "null" else value for value in values.split()]
    assert Counter(found) == Counter(whole)


def test_a_table_without_rows_has_one_part_and_a_text_none(source: Source) -> None:
    source.run("CREATE TABLE source (id INT, name TEXT)")
    assert source.split("id", 8) == [Part("id")]
    with pytest.raises(TransferError, match="can't be split by 'name', which is blob"):
        source.split("name", 8)


def test_parts_of_a_table_that_was_altered_between_them(source: Source, postgres: Server) -> None:
    source.run("CREATE TABLE source (id INT, value INT)")
    source.run("INSERT INTO source VALUES (1, 1), (2, 2)")
    paths = []
    for part in source.split("id", 2):
        paths.append(source.path)
        source.read(part=part)
        source.path = f"{source.path}.2"
        source.run("ALTER TABLE source MODIFY value VARCHAR(9)")
    write = writes.parse({"mode": "replace"})
    with pytest.raises(BadRow, match=r"'value' is int32 in .*read\.parquet, but string in"):
        load(postgres.uri, Disk(), paths, table="public.never", write=write, load_id="1")


def test_a_table_without_rows_and_one_of_a_thousand_columns(source: Source) -> None:
    columns = ", ".join(f"`c {n}` DECIMAL(9,2)" for n in range(1000))
    source.run(f"CREATE TABLE source ({columns})")
    assert source.read().rows == 0
    source.run("INSERT INTO source (`c 7`) VALUES (1.5)")
    done = source.read()
    assert (done.rows, len(done.columns)) == (1, 1000)


def test_names_that_are_sql(source: Source) -> None:
    table, column = "x`; DROP TABLE y; --", "a%s\"'), (SELECT 1"
    names = [one.replace("`", "``") for one in (table, column)]
    source.run(f"CREATE TABLE `{names[0]}` AS SELECT 1.5 AS `{names[1]}`")
    assert list(source.read(table=table).columns) == [column]
    assert list(source.read(table=table, columns=(column,)).columns) == [column]


READ = """
import sys
from factory.stores.disk import Disk
from factory.definitions.reads import Rows
from factory.transfer.mysql.read import read
from factory.transfer.mysql.session import Address

port, path, rows = sys.argv[1:]
query = "SELECT seq, CONCAT(MD5(seq), REPEAT('x', 200)) AS t, CAST(seq AS DECIMAL(12,2)) AS n"

def work():
    given = Rows(query=f"{query} FROM seq_1_to_{rows}")
    address = Address("127.0.0.1", int(port), "root", database="factory")
    print(read(address, given, Disk(), path).rows)
"""


def test_memory_does_not_grow_with_the_rows(source: Source) -> None:
    said, mebibytes = grown(READ, source.server.port, source.path, 1_000_000)
    assert said.endswith("1000000")
    assert mebibytes < 200  # the texts alone are 232


def test_all_is_of_one_moment_and_nobody_alters_the_table(source: Source) -> None:
    """Between the look at the table and its last row."""
    source.run("CREATE TABLE source AS SELECT 1 AS id")
    source.read(
        "SELECT id, @@transaction_isolation AS level, @@sql_mode AS mode, @@time_zone AS zone,"
        " (SELECT COUNT(*) FROM information_schema.innodb_trx"
        " WHERE trx_mysql_thread_id = CONNECTION_ID()) AS inside FROM source"
    )
    assert pq.read_table(source.path).to_pylist() == [
        {"id": 1, "level": "REPEATABLE-READ", "mode": "", "zone": "+00:00", "inside": 1}
    ]
