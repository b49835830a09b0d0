"""Whatever PostgreSQL casts when it assigns, and says nothing: exact, or refused."""

import datetime as dt
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from factory.transfer.errors import BadRow, SchemaChanged, TransferError
from factory_embedded.services.postgres import Server
from tests.patience import seconds

from .conftest import APPEND, REPLACE, Warehouse

UTC = dt.timezone.utc
MERGE = {"mode": "merge", "key": ["n"]}
LATE = dt.datetime(2024, 1, 31, 23, 59, 59, 999999)

STAGED: Mapping[str, tuple[pa.DataType, Sequence[Any]]] = {
    "boolean": (pa.bool_(), [True, False]),
    "smallint": (pa.int16(), [155, -32768, 7]),
    "integer": (pa.int32(), [155, 2**31 - 1, 65]),
    "bigint": (pa.int64(), [155, 2**53 + 1, -1, 65]),
    "numeric(20,0)": (pa.uint64(), [155, 2**64 - 1]),
    "numeric(9,3)": (pa.decimal128(9, 3), [Decimal("1.575"), Decimal("2.000"), Decimal("155.000")]),
    "real": (pa.float32(), [0.5, 16777216.0, -0.0, float("nan")]),
    "double precision": (pa.float64(), [1.57, 0.1, 1e300, 2.0, float("inf")]),
    "text": (pa.string(), ["abc", "abc ", "abc    ", "abcd", "a" * 70, "1", "101"]),
    "bytea": (pa.binary(), [b"abc ", b"\x01\x02"]),
    "date": (pa.date32(), [dt.date(2024, 1, 31), dt.date(1, 1, 1)]),
    "time without time zone": (pa.time64("us"), [LATE.time(), dt.time(1, 2)]),
    "timestamp without time zone": (pa.timestamp("us"), [LATE, dt.datetime(2024, 1, 1)]),
    "timestamp with time zone": (pa.timestamp("us", "UTC"), [LATE.replace(tzinfo=UTC)]),
}
"""All types of staging columns: the Arrow type that becomes one, and values that a cast changes."""

MODIFIED = {
    '"bit"': ["bit(3)"],
    "bit varying": ["bit varying(3)"],
    "bpchar": ["character(3)", "character(5)"],
    "character varying": ["character varying(3)"],
    "interval": ["interval hour", "interval second(0)", "interval(3)"],
    "numeric": ["numeric(3,1)", "numeric(5,-2)", "numeric(2,4)", "numeric(9,3)", "numeric(20,0)"],
    "time with time zone": ["time(0) with time zone"],
    "time without time zone": ["time(0) without time zone", "time(6) without time zone"],
    "timestamp with time zone": ["timestamp(3) with time zone", "timestamp(6) with time zone"],
    "timestamp without time zone": [
        "timestamp(0) without time zone",
        "timestamp(6) without time zone",
    ],
}
"""Types that take a modifier, as format_type() has them without, with some that cut or round."""

WHOLE = ("smallint", "integer", "bigint")
EXACT = {
    *((one, other) for one in WHOLE for other in (*WHOLE, "numeric") if one != other),
    *((one, f"numeric{size}") for one in WHOLE for size in ("(3,1)", "(2,4)", "(9,3)", "(20,0)")),
    *((f"numeric{size}", "numeric") for size in ("(20,0)", "(9,3)")),
    *(("numeric(20,0)", f"numeric{size}") for size in ("(3,1)", "(2,4)", "(9,3)")),
    ("numeric(9,3)", "numeric(2,4)"),
    ("real", "double precision"),
    ("text", "character varying"),
    ("text", "character varying(3)"),
    *(("text", kind) for kind in ("bpchar", "character(3)", "character(5)")),
    *((one, other) for one in WHOLE for other in ("oid", "real", "double precision")),
    *((one, other) for one in ("real", "double precision", "numeric(20,0)") for other in WHOLE),
    *(("numeric(9,3)", f"numeric{size}") for size in ("(3,1)", "(20,0)")),
    ("timestamp without time zone", "timestamp(0) without time zone"),
    ("timestamp with time zone", "timestamp(3) with time zone"),
    ("time without time zone", "time(0) without time zone"),
    ("date", "timestamp without time zone"),
    ("date", "timestamp(6) without time zone"),
    *((kind, kind.replace(" ", "(6) ", 1)) for kind in STAGED if kind.startswith("time")),
}
"""What may be loaded into what: where a value does not fit, PostgreSQL or the load refuses it."""


def base(kind: str) -> str:
    return kind.partition("(")[0] if not kind.startswith("time") else kind


@pytest.fixture
def pairs(postgres: Server) -> set[tuple[str, str]]:
    """Every staged type with every type that this very server assigns it to without a word."""
    with psycopg.connect(postgres.uri) as connection:
        casts = connection.execute(
            "SELECT format_type(castsource, -1), format_type(casttarget, -1) FROM pg_cast"
            " WHERE castcontext IN ('a', 'i')"
        ).fetchall()
        texts = [  # which everything is assigned to by way of its text, and no cast says so
            name
            for (name,) in connection.execute(
                "SELECT format_type(oid, -1) FROM pg_type WHERE typcategory IN ('S', 'Z')"
                " AND typtype = 'b' AND typnamespace = 'pg_catalog'::regnamespace"
                " AND oid NOT IN ('pg_node_tree'::regtype)"
            )
        ]
        modified = connection.execute(
            "SELECT format_type(oid, -1) FROM pg_type WHERE typmodin <> 0 AND typtype = 'b'"
            " AND typcategory <> 'A' AND typnamespace = 'pg_catalog'::regnamespace"
        ).fetchall()
    assert {name for (name,) in modified} == set(MODIFIED)
    known = {base(kind) for kind in STAGED}
    found = {(source, target) for source, target in casts if source in known}
    found |= {(source, target) for source in known for target in texts}
    found |= {(source, source) for source in known}
    return {
        (kind, each)
        for kind in STAGED
        for source, target in found
        if source == base(kind)
        for each in (target, *MODIFIED.get(target, ()))
        if each != kind
    }


def test_every_cast_of_the_server_is_exact_or_refused(
    pairs: set[tuple[str, str]], warehouse: Warehouse
) -> None:
    assert len(pairs) > 150
    taken = set()
    for kind, target in sorted(pairs):
        if assigned(warehouse, kind, target):
            taken.add((kind, target))
    assert taken == EXACT & pairs
    assert pairs >= EXACT


def assigned(warehouse: Warehouse, kind: str, target: str) -> bool:
    """Load value by value: each is refused, or comes out as it went in."""
    arrow, values = STAGED[kind]
    for value in values:
        warehouse.run("DROP TABLE IF EXISTS {}, {}", "trips", "plain")
        warehouse.run(f"CREATE TABLE {{}} (n bigint, c {target})")
        data = pa.table({"n": [1], "c": pa.array([value], arrow)})
        try:
            warehouse.load(data, REPLACE)
        except SchemaChanged:
            return False
        except TransferError:
            continue
        warehouse.load(data, REPLACE, table="plain")
        way = "a.c::bigint" if target == "oid" else "a.c"
        query = f"SELECT {way}::{kind}::text, b.c::text, a.c::text FROM {{}} a, {{}} b"
        ((back, given, there),) = warehouse.run(query, "trips", "plain")
        if target.startswith(("character(", "bpchar")):  # spaces at the end are no part of it
            given = given.rstrip()
        assert back == given, f"{value!r} became {there} in a {target}"
    return True


@pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])
def test_a_text_that_would_lose_its_spaces_is_refused(
    write: dict[str, Any], warehouse: Warehouse
) -> None:
    warehouse.run("CREATE TABLE {} (n bigint, name varchar(3))")
    data = {"n": [1, 2, 3], "name": ["abc", "abc ", "é€ü"]}
    for _ in range(2):
        with pytest.raises(BadRow, match=r"'name' of 1 row is longer than the 3 .* 'abc '\."):
            warehouse.load(data, write)
    assert warehouse.rows() == []
    fit = {"n": [1, 2, 3], "name": ["abc", "ab ", "é€ü"]}
    for _ in range(2):
        warehouse.load(fit, {"mode": "merge", "key": ["name"]}, load_id="run 2")
    assert warehouse.rows() == [(1, "abc"), (2, "ab "), (3, "é€ü")]


def test_a_domain_is_what_it_is_made_of_and_its_checks(warehouse: Warehouse) -> None:
    warehouse.run(f"CREATE DOMAIN {warehouse.schema}.short AS varchar(3)")
    warehouse.run(f"CREATE TABLE {{}} (n bigint, name {warehouse.schema}.short)")
    with pytest.raises(
        BadRow, match=r"'name' of 1 row is longer than the 3 .*'abc ' \(row 1 of the load\)"
    ):
        warehouse.load({"n": [1], "name": ["abc "]})
    warehouse.load({"n": [1], "name": ["ab "]})
    assert warehouse.rows() == [(1, "ab ")]


ALTERED = {
    "rounded": ("double precision", "TYPE bigint", pa.array([1.57]), "is bigint, the load's"),
    "cut": ("varchar(9)", "TYPE varchar(3)", pa.array(["abc "]), "were altered while"),
    "bounded": ("text", "TYPE varchar(3)", pa.array(["abc "]), "were altered while"),
    "to a day": ("timestamp", "TYPE date", pa.array([LATE], pa.timestamp("us")), "is date, the"),
}


@pytest.mark.parametrize("what", ALTERED)
@pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])
def test_a_type_that_somebody_is_altering(
    what: str, write: dict[str, Any], warehouse: Warehouse
) -> None:
    before, alter, values, message = ALTERED[what]
    warehouse.run(f"CREATE TABLE {{0}} (n bigint, c {before}); CREATE INDEX ON {{0}} (n)")
    warehouse.run("INSERT INTO {} VALUES (7, NULL)")
    errors: list[Exception] = []

    def load() -> None:
        try:
            warehouse.load(pa.table({"n": [1], "c": values}), write)
        except TransferError as error:
            errors.append(error)

    with psycopg.connect(warehouse.uri) as other:
        other.execute(f"ALTER TABLE {warehouse.schema}.trips ALTER c {alter}".encode())
        thread = threading.Thread(target=load)
        thread.start()
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"
        while not warehouse.run(waits):
            assert thread.is_alive()
            time.sleep(0.02)
        other.commit()
    thread.join(seconds(60))
    assert message in str(errors[0])
    assert warehouse.rows("n") == [(7,)]


def test_moments_before_all_are_refused_not_infinite(warehouse: Warehouse) -> None:
    """Counted from 2000 on, they would go around."""
    first = -(2**63)
    for number in (first, first + 946684800000000):
        with pytest.raises(TransferError):
            warehouse.load(pa.table({"c": pa.array([number], pa.timestamp("us"))}))
    for days in (-(2**31), -(2**31) + 10956, -(2**31) + 10957):
        with pytest.raises(BadRow, match="earlier than PostgreSQL's first"):
            warehouse.load(pa.table({"c": pa.array([days], pa.date32())}))
    assert warehouse.tables() == set()


def test_two_columns_of_one_name(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (n bigint)")
    table = pa.table([pa.array([1]), pa.array([2])], names=["n", "n"])
    with pytest.raises(TransferError, match="two columns are named 'n'"):
        warehouse.load(table)
