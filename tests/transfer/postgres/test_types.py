"""Columns of types that no file has: what PostgreSQL reads without a change, or a refusal."""

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.transfer.errors import BadRow, SchemaChanged, TransferError

from .conftest import APPEND, REPLACE, Warehouse
from .days import Days

CSV, JSONL, PARQUET = {"type": "csv"}, {"type": "jsonl"}, {"type": "parquet"}
MERGE = {"mode": "merge", "key": ["n"]}
EACH = pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])

READ: dict[str, dict[str, str | None]] = {
    "uuid": {
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99": None,
    },
    "mood": {"happy": "happy", "Happy": None, "": None},
    "json": {'{"b": 1, "a": 1.50}': '{"b": 1, "a": 1.50}', "{": None},
    "jsonb": {'{"b": 1, "a": 1.50}': '{"a": 1.50, "b": 1}', "{": None},
    "inet": {"10.0.0.1/8": "10.0.0.1/8", "::1": "::1/128", "10.0.0.256": None},
    "cidr": {"10.0.0.0/8": "10.0.0.0/8", "10.0.0.1/8": None, "192.168": None},
    "macaddr": {"08-00-2b-01-02-03": "08:00:2b:01:02:03", "08": None},
    "character(3)": {"a": "a  ", "abc": "abc", "abcd": None, "abc ": None},
    "character varying(3)": {"abc": "abc", "abc ": None, "007": "007"},
    "interval": {"1 day 2:03": "1 day 02:03:00", "P1M": "1 mon", "soon": None},
    "interval(0)": {"1.0 seconds": "00:00:01", "1.5 seconds": None},
    "interval hour": {"25:00": "25:00:00", "25:30": None},
    "time with time zone": {"10:00+02": "10:00:00+02", "10:00Z": "10:00:00+00", "10:00": None},
    "bytea": {r"\x0aFF": r"\x0aff", "abc": None, r"\101": None},
    "bit(3)": {"101": "101", "1011": None, "10": None},
    "bit varying(3)": {"10": "10", "1011": None},
    "numeric": {"1.50": "1.50", "007": None, "1E5": "100000", "NaN": "NaN", "0x1F": None, "": None},
    "numeric(3,1)": {"1.50": "1.5", "1.55": None, "100": None},
    "numeric(80,2)": {"1.50": "1.50", "1.555": None, "1_000": None},
    "xml": {"<a/>": "<a/>", "<a>": None},
    "int4range": {"[1,5]": "[1,6)", "[5,1]": None},
    "oid": {"7": "7", "-1": None, "4294967296": None},
    "text[]": {'{a,"b,c",NULL}': '{a,"b,c",NULL}', "a": None},
    "integer[]": {"{1,2}": "{1,2}", "{1,x}": None},
    "numeric(3,1)[]": {"{1.50}": "{1.5}", "{1.55}": None},
    "mood[]": {"{happy,sad}": "{happy,sad}", "{glad}": None},
    "code": {"abc": "abc", "abcd": None, "x1": None},
    "positive": {"5": "5", "0": None, "5.5": None},
    "timestamp(0) without time zone": {
        "2024-01-31 10:00:00": "2024-01-31 10:00:00",
        "2024-01-31 10:00:00.5": None,
    },
}
"""Type → texts, and what they are in a column of it; None: refused."""


@pytest.fixture
def types(warehouse: Warehouse) -> Warehouse:
    schema = warehouse.schema
    with psycopg.connect(warehouse.uri, autocommit=True) as connection:
        connection.execute(f"SET search_path = {schema}".encode())
        connection.execute("CREATE TYPE mood AS ENUM ('happy', 'sad')")
        connection.execute("CREATE DOMAIN code AS varchar(3) CHECK (VALUE ~ '^[a-z]+$')")
        connection.execute("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    return warehouse


def own(kind: str, warehouse: Warehouse) -> str:
    made = kind.removesuffix("[]") in ("mood", "code", "positive")
    return f"{warehouse.schema}.{kind}" if made else kind


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.mark.parametrize("kind", READ)
def test_a_text_becomes_what_postgresql_reads(kind: str, types: Warehouse) -> None:
    days = Days(types, CSV)
    types.run(f"CREATE TABLE {{}} (n bigint, c {own(kind, types)})")
    good = {text: found for text, found in READ[kind].items() if found is not None}
    if kind == "xml" and not has_xml(types):
        return
    lines = [f"{n},{quoted(text)}\n" for n, text in enumerate(good)]
    for write in (APPEND, REPLACE, MERGE, REPLACE):
        days.ingest("n,c\n" + "".join(lines) + "99,\n", write=write)
        found = types.run("SELECT c::text FROM {} ORDER BY n")
        expected = [*good.values(), None]
        if kind.startswith("character("):
            expected = [each and each.rstrip() for each in expected]
        assert [each for (each,) in found] == expected
    for text in READ[kind].keys() - good.keys():
        if text == "":  # a text alone keeps it apart from null
            continue
        with pytest.raises(BadRow, match=r"row 2|csv:3|longer"):
            days.ingest(f"n,c\n1,{quoted(next(iter(good)))}\n2,{quoted(text)}\n")
    assert types.tables() == {"trips", "_factory_loads"}


def has_xml(warehouse: Warehouse) -> bool:
    try:
        warehouse.run("SELECT '<a/>'::xml")
    except psycopg.Error:
        return False
    return True


DECLARED = {
    "uuid": ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "jsonb": ("jsonb", '{"a": 1.50}'),
    "interval": ("interval", "1 day"),
    "timetz": ("time with time zone", "10:00:00+02"),
    "inet": ("inet", "10.0.0.1/8"),
    "cidr": ("cidr", "10.0.0.0/8"),
    "macaddr": ("macaddr", "08:00:2b:01:02:03"),
    "text[]": ("text[]", '{"a b",NULL}'),
    "decimal(5, 2)[]": ("numeric(5,2)[]", "{1.50}"),
    "uuid[]": ("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"),
}


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_table_is_made_of_the_words_for_such_types(format: str, warehouse: Warehouse) -> None:
    words = {f"c{number}": word for number, word in enumerate(DECLARED)}
    texts = dict(zip(words, (text for _, text in DECLARED.values()), strict=True))
    if format == "csv":
        lines = [",".join(texts), ",".join(map(quoted, texts.values())), "," * (len(texts) - 1)]
    else:
        values = {name: json.dumps(text) for name, text in texts.items()}
        values |= {"c1": '{"a": 1.50}', "c7": '["a b", null]', "c8": "[1.50]"}
        values["c9"] = '["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]'
        lines = [f"{{{', '.join(f'{json.dumps(n)}: {v}' for n, v in values.items())}}}", "{}"]
    days = Days(warehouse, {"type": format, "columns": words})
    for write in (APPEND, APPEND, REPLACE):
        days.ingest("".join(f"{line}\n" for line in lines), write=write)
    kinds = warehouse.run(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert [kind for (kind,) in kinds] == [kind for kind, _ in DECLARED.values()]
    found = warehouse.run(f"SELECT {', '.join(f'{name}::text' for name in texts)} FROM {{}}")
    assert set(found) == {tuple(texts.values()), (None,) * len(texts)}
    wrong = dict.fromkeys(texts, "") | {"c0": "a0"}
    if format == "csv":
        with pytest.raises(BadRow, match=r"'c0' holds 'a0' in row 1 of .*, which is no uuid"):
            days.ingest(",".join(wrong) + "\n" + ",".join(wrong.values()) + "\n")
    warehouse.run("ALTER TABLE {} ALTER c0 TYPE text")
    with pytest.raises(SchemaChanged, match="'c0' is text, the load's is uuid"):
        days.ingest("".join(f"{line}\n" for line in lines))


def test_a_merge_tells_what_such_types_take_for_the_same(types: Warehouse) -> None:
    days = Days(types, CSV)
    types.run("CREATE TABLE {} (n bigint, i interval, j json, b jsonb, a numeric[])")
    for texts in (("1 day", "1", "1.0", "{1.0}"), ("24:00:00", "2", "1.00", "{1.00}")):
        lines = f"n,i,j,b,a\n1,{','.join(texts)}\n"
        assert days.ingest(lines, write=MERGE).rows == 1
        assert types.run("SELECT i::text, j::text, b::text, a::text FROM {}") == [texts]
        again = days.ingest(lines, write=MERGE).changed
        assert again is not None
        assert again.updated == 0


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
        ("mood", "sad", "sad"),
        ("code", "abc", "abc"),
        ("character(3)", "a", "a "),
        ("inet", "10.0.0.1", "10.0.0.1/32"),
        ("interval", "1 day", "24:00"),
    ],
)
def test_a_key_of_such_a_type(kind: str, first: str, second: str, types: Warehouse) -> None:
    key_of(types, own(kind, types), first, second)


def test_a_key_of_a_type_of_an_extension(whole: Warehouse) -> None:
    whole.run("CREATE EXTENSION citext")
    key_of(whole, "citext", "Ada", "ADA")
    assert whole.run("SELECT c::text FROM {}") == [("ADA",)]


def key_of(types: Warehouse, kind: str, first: str, second: str) -> None:
    """Two texts that are one key."""
    days, write = Days(types, CSV), {"mode": "merge", "key": ["c"]}
    types.run(f"CREATE TABLE {{}} (c {kind}, n bigint)")
    days.ingest(f"c,n\n{first},1\n", write=write)
    done = days.ingest(f"c,n\n{second},2\n", write=write)
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == (0, 1)
    assert types.run("SELECT n FROM {}") == [(2,)]
    with pytest.raises(BadRow, match="merge key"):
        days.ingest(f"c,n\n{first},1\n{second},2\n", write=write)


def test_what_is_refused_with_the_reason(types: Warehouse) -> None:
    days = Days(types, CSV)
    for kind, why in (("money", "locale"), ("name", "cuts texts"), ("point", "load's is")):
        types.run(f"CREATE TABLE {{}} (c {kind})")
        with pytest.raises(SchemaChanged, match=f"'c' is {kind}, .*{why}"):
            days.ingest('c\n"1,5"\n')
        types.run("DROP TABLE {}")


@pytest.mark.parametrize("format", [CSV, JSONL], ids=["csv", "jsonl"])
def test_a_key_of_which_jsonb_would_keep_the_last(format: dict[str, Any], types: Warehouse) -> None:
    def file(*documents: str) -> str:
        if format == JSONL:
            return "".join(f'{{"c": {one}}}\n' for one in documents)
        return "c\n" + "".join('"' + one.replace('"', '""') + '"\n' for one in documents)

    days = Days(types, format)
    types.run("CREATE TABLE {} (c jsonb)")
    days.ingest(file('{"a": {"b": 1}, "b": 2}', "[1]"))
    if int(types.run("SHOW server_version_num")[0][0]) < 160000:
        return
    with pytest.raises(BadRow, match=r"'c' of 1 row is not jsonb .*twice.*\(row 2 of "):
        days.ingest(file("[2]", '[{"b": 1, "b": 2}]'))
    types.run("DROP TABLE {}")
    types.run("CREATE TABLE {} (c json)")
    days.ingest(file('[{"b": 1, "b": 2}]', "[1]"))
    assert ('[{"b": 1, "b": 2}]',) in types.run("SELECT c::text FROM {}")


@pytest.mark.parametrize("document", [r'{"a":"\u0000"}', r'[{"\u0000": 1}]'])
def test_a_nul_in_a_json_is_told_as_what_it_is(document: str, types: Warehouse) -> None:
    days = Days(types, PARQUET)
    types.run("CREATE TABLE {} (c jsonb)")
    data = {"c": [r'{"a":"\\u0000"}', document]}
    with pytest.raises(BadRow, match=r"'c' holds .* in row 2 of .* it holds a NUL \(`\\u0000`\)"):
        days.ingest(pa.table(data))
    days.ingest(pa.table({"c": data["c"][:1]}))
    assert types.run("SELECT c ->> 'a' FROM {}") == [(r"\u0000",)]


def test_parquet_texts_into_such_columns(types: Warehouse) -> None:
    days, key = Days(types, PARQUET), uuid.uuid4()
    types.run(f"CREATE TABLE {{}} (n bigint, id uuid, m {types.schema}.mood, x numeric(5,2))")
    data = {"n": [1, 2], "id": [str(key), None], "m": ["sad", None], "x": ["1.5", None]}
    for write in (APPEND, REPLACE):
        days.ingest(pa.table(data), write=write)
        assert types.run("SELECT n, id, m::text, x FROM {} ORDER BY n") == [
            (1, key, "sad", Decimal("1.50")),
            (2, None, None, None),
        ]
    with pytest.raises(BadRow, match=r"'m' holds 'so-so' in row 2 of .*, which is no .*mood"):
        days.ingest(pa.table({**data, "m": ["sad", "so-so"]}))


def test_json_into_jsonb_and_lists_into_arrays(types: Warehouse) -> None:
    days = Days(types, JSONL)
    types.run(
        "CREATE TABLE {} (n bigint, doc jsonb, tags text[], ids integer[], keys uuid[],"
        " x numeric(9,2)[])"
    )
    key, none = str(uuid.uuid4()), [None] * 5
    rows: list[list[Any]] = [
        [1, {"b": [1, {"c": None}]}, ["a,b", '"', None, ""], [1, None, -(2**31)], [key], [1.5]],
        [2, "text", [], [], [], []],
        [3, 1.5, [1, True], None, None, None],
        [4, *none],
    ]
    names = ["n", "doc", "tags", "ids", "keys", "x"]
    days.ingest("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    rows[0][4], rows[0][5], rows[2][2] = [uuid.UUID(key)], [Decimal("1.50")], ["1", "true"]
    assert types.rows() == [tuple(row) for row in rows]
    for wrong, said in (
        ('"ids": [2147483648]', "out of the range"),
        ('"ids": [[1]]', "is not a list of plain values"),
        ('"ids": 5', "5 is not a list"),
        ('"keys": ["x"]', "'keys' holds .* in row 1"),
        ('"x": [1.555]', "is not numeric.* unchanged"),
    ):
        with pytest.raises(BadRow, match=said):
            days.ingest(f'{{"n": 5, {wrong}}}\n')


def test_lists_of_parquet(types: Warehouse) -> None:
    days = Days(types, PARQUET)
    data = {
        "n": [1, 2],
        "i": pa.array([[1, None, 2**40], None]),
        "t": pa.array([["a,b", '"', "", None], []]),
        "x": pa.array([[0.5], [float("inf")]], pa.large_list(pa.float64())),
        "d": pa.array([[dt.date(2024, 1, 31)], None]),
    }
    for _ in range(2):
        days.ingest(pa.table(data), write=REPLACE)
        assert types.rows() == [
            (1, [1, None, 2**40], ["a,b", '"', "", None], [0.5], [dt.date(2024, 1, 31)]),
            (2, None, [], [float("inf")], None),
        ]
    types.run("DROP TABLE {}; CREATE TABLE {} (i integer[])".replace("{}", "{0}"))
    days.ingest(pa.table({"i": pa.array([[1, 2]])}))
    with pytest.raises(BadRow, match="row 1"):
        days.ingest(pa.table({"i": pa.array([[2**40]])}))
    for kind in (pa.list_(pa.list_(pa.int64())), pa.struct({"a": pa.int64()})):
        with pytest.raises(TransferError, match=r"parquet: column 'c' has the type"):
            days.ingest(pa.table({"c": pa.array([None], kind)}), write=REPLACE)


ARROW: dict[str, tuple[pa.Array, str, list[str | None]]] = {
    "dictionary": (pa.array(["a", None]).dictionary_encode(), "text", ["a", None]),
    "large string": (pa.array(["a", None], pa.large_string()), "text", ["a", None]),
    "view": (pa.array(["a", None], pa.string_view()), "text", ["a", None]),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), "numeric", [str(2**64 - 1)]),
    "half": (pa.array([0.5], pa.float16()), "real", ["0.5"]),
    "decimal256": (pa.array([Decimal(10**60)]), "numeric", [str(10**60)]),
    "time32": (pa.array([dt.time(1, 2)], pa.time32("s")), "time without time zone", ["01:02:00"]),
    "fixed": (pa.array([b"ab"], pa.binary(2)), "bytea", [r"\x6162"]),
    "binary view": (pa.array([b"ab"], pa.binary_view()), "bytea", [r"\x6162"]),
    "uuid": (pa.array([uuid.UUID(int=5).bytes], pa.uuid()), "uuid", [str(uuid.UUID(int=5))]),
    "time64": (
        pa.array([3_600_000_000_000], pa.time64("ns")),
        "time without time zone",
        ["01:00:00"],
    ),
}


@pytest.mark.parametrize("what", ARROW)
def test_types_of_arrow(what: str, warehouse: Warehouse) -> None:
    array, kind, expected = ARROW[what]
    days = Days(warehouse, PARQUET)
    for _ in range(2):
        days.ingest(pa.table({"c": array}), write=REPLACE)
        found = warehouse.run(
            "SELECT format_type(atttypid, -1), c::text FROM {}, pg_attribute"
            " WHERE attrelid = '{}'::regclass AND attname = 'c'",
            "trips",
            "trips",
        )
        assert found == [(kind, each) for each in expected]


def test_what_arrow_would_cut_is_refused(warehouse: Warehouse) -> None:
    days = Days(warehouse, PARQUET)
    with pytest.raises(BadRow, match="column 'c'"):
        days.ingest(pa.table({"c": pa.array([1], pa.time64("ns"))}))
    for kind in (pa.duration("us"), pa.map_(pa.string(), pa.int64())):
        with pytest.raises(TransferError, match="parquet: column 'c' has the type"):
            days.ingest(pa.table({"c": pa.array([None, None], kind)}))


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
VALUES = {
    "jsonb": st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    "text[]": st.lists(st.none() | TEXTS, max_size=4),
    "bigint[]": st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4),
    "boolean[]": st.lists(st.none() | st.booleans(), max_size=4),
}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)))
def test_any_value(data: st.DataObject, kind: str, warehouse: Warehouse) -> None:
    """What is in the file is what `SELECT` gives."""
    values = data.draw(st.lists(VALUES[kind], min_size=1, max_size=4))
    days = Days(warehouse, JSONL)
    days.number = len(list(warehouse.stage.iterdir()))
    warehouse.run(f"DROP TABLE IF EXISTS {{0}}; CREATE TABLE {{0}} (n bigint, c {kind})")
    days.ingest("".join(json.dumps({"n": n, "c": c}) + "\n" for n, c in enumerate(values)))
    assert [c for (c,) in warehouse.run("SELECT c FROM {} ORDER BY n")] == values
