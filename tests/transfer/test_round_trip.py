"""Any table, written in any format, comes out of PostgreSQL as it went in, or is refused."""

import datetime as dt
import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.definitions import formats
from factory.definitions.warehouses import POSTGRES
from factory.definitions.writes import parse
from factory.stores.disk import Disk
from factory.transfer.errors import TransferError
from factory.transfer.postgres.columns import CARRIES, DRIVER
from factory.transfer.postgres.load import load
from factory.transfer.target import Target
from factory.transfer.to_parquet import to_parquet
from factory.transfer.values.types import arrow_type

from .postgres.conftest import REPLACE, Warehouse, warehouse

__all__ = ["warehouse"]

UTC = dt.timezone.utc
FORMATS = ("csv", "jsonl", "json", "parquet")
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])

# Texts that look like something else.
LOOKALIKES = (
    *("007", "-0", "+5", "1.0", "1e5", "1E400", "0x1F", "1_000", ".5", "5.", "NaN", "inf", "-inf"),
    *("12345678901234567890", "0.1000000000000000055", "true", "TRUE", "False", "yes", "t"),
    *("null", "NULL", "\\N", "2024-01-01", "2024-02-30", "0000-01-01", "2024-01-01T10:00"),
    *("10:00", "24:00:00", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.1234567", "{}", "[]"),
)
NAMES = ['a "quoted".name', "; DROP TABLE trips; --", "😀", "select", "%s", "{}", "$1", "a,b", "\\"]


@dataclass(frozen=True)
class Type:
    """A word for a type, its values, and how they are written as text."""

    word: str
    values: st.SearchStrategy[Any]
    text: Callable[[Any], str] = str


@dataclass(frozen=True)
class Column:
    name: str
    type: Type
    values: Sequence[Any]


def single(value: float) -> str:
    return format(value, ".9g")


def decimal(digits: tuple[int, int]) -> Type:
    precision, scale = digits
    most = 10**precision - 1
    numbers = st.integers(-most, most)
    if most > 2**64 and DRIVER >= CARRIES:
        numbers |= st.integers(-(most >> 64), most >> 64).map(lambda n: n << 64)
    values = numbers.map(lambda n: Decimal(n).scaleb(-scale, WIDE))
    return Type(f"decimal({precision}, {scale})", values, lambda value: format(value, "f"))


WIDE = Context(prec=100)
TEXTS = st.text(CHARACTERS) | st.sampled_from(["", " ", '"', "\r\n", "\r", ",", "\ufeff", ": :"])
SINGLE = st.floats(width=32)
TYPES: list[Type] = [
    Type("boolean", st.booleans(), lambda value: str(value).lower()),
    *(
        Type(word, st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
        for word, bits in (("smallint", 16), ("integer", 32), ("bigint", 64))
    ),
    Type("real", SINGLE, single),
    Type("double", st.floats(), repr),
    Type("text", TEXTS),
    Type("text", st.sampled_from(LOOKALIKES)),
    Type("date", st.dates(), dt.date.isoformat),
    Type("time", st.times(), dt.time.isoformat),
    Type("timestamp", st.datetimes(), lambda value: value.isoformat(" ")),
    Type("timestamptz", st.datetimes(timezones=st.just(UTC)), dt.datetime.isoformat),
    Type("binary", st.binary() | TEXTS.map(str.encode)),
]
DIGITS = st.integers(1, 76).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p)))
NAME = st.sampled_from(NAMES) | st.text(CHARACTERS, min_size=1).filter(
    lambda name: len(name.encode()) <= 63
)


@st.composite
def tables(draw: st.DrawFn) -> list[Column]:
    names = draw(st.lists(NAME, min_size=1, max_size=10, unique=True))
    rows = draw(st.integers(1, 5))
    columns = []
    for name in names:
        kind = draw(st.sampled_from(TYPES) | DIGITS.map(decimal))
        values = draw(st.lists(st.none() | kind.values, min_size=rows, max_size=rows))
        columns.append(Column(name, kind, values))
    return columns


def csv(columns: Sequence[Column]) -> bytes:
    def field(column: Column, value: Any) -> bytes:
        if value is None:
            return b""
        text = value if isinstance(value, bytes) else column.type.text(value).encode()
        quoted = b'"' + text.replace(b'"', b'""') + b'"'
        return quoted if column.type.word in ("text", "binary") else text

    header = b",".join(field(Column("", Type("text", st.none()), ()), c.name) for c in columns)
    rows = zip(*(column.values for column in columns), strict=True)
    lines = [
        b",".join(field(column, value) for column, value in zip(columns, row, strict=True))
        for row in rows
    ]
    return b"\n".join([header, *lines, b""])


def jsonl(columns: Sequence[Column]) -> bytes:
    def token(column: Column, value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, bytes):
            return json.dumps(value.decode(), ensure_ascii=False)
        text = column.type.text(value)
        numeric = isinstance(value, (bool, int, float, Decimal))
        return text if numeric else json.dumps(text, ensure_ascii=len(text) % 2 == 0)

    rows = zip(*(column.values for column in columns), strict=True)
    lines = [
        ", ".join(
            f"{json.dumps(column.name)}: {token(column, value)}"
            for column, value in zip(columns, row, strict=True)
        )
        for row in rows
    ]
    return "".join(f"{{{line}}}\n" for line in lines).encode()


def array(columns: Sequence[Column]) -> bytes:
    return b"[" + b",".join(jsonl(columns).splitlines(keepends=True)) + b"]"


WRITERS = {"csv": csv, "jsonl": jsonl, "json": array}


def sayable(column: Column) -> Column:
    """What JSON has no way to write becomes null."""
    return Column(column.name, column.type, list(map(_sayable, column.values)))


def _sayable(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            value.decode()
        except UnicodeDecodeError:
            return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write(columns: Sequence[Column], kind: str, path: Path) -> None:
    if kind == "parquet":
        arrays = [pa.array(column.values, arrow_type(column.type.word)) for column in columns]
        pq.write_table(pa.table(arrays, names=[column.name for column in columns]), path)
    else:
        path.write_bytes(WRITERS[kind](columns))


def moved(
    columns: Sequence[Column], kind: str, warehouse: Warehouse, *, declared: bool
) -> list[tuple[Any, ...]]:
    """The table's columns, in order, after a whole ingest."""
    fs = Disk()
    source, target = warehouse.stage / f"table.{kind}", warehouse.stage / "table.staged"
    numbered = [Column("n ", TYPES[3], range(len(columns[0].values))), *columns]
    write(numbered, kind, source)
    options: dict[str, Any] = {"type": kind, "names": "as_is"}
    if declared and kind != "parquet":
        options["columns"] = {column.name: column.type.word for column in numbered}
    to_parquet(
        fs, [str(source)], fs, str(target), format=formats.of(options), into=Target(holds=POSTGRES)
    )
    warehouse.run("DROP TABLE IF EXISTS {}")
    table = f"{warehouse.schema}.trips"
    load(warehouse.uri, fs, [str(target)], table=table, write=parse(REPLACE), load_id="run 1")
    rows = warehouse.run('SELECT * FROM {} ORDER BY "n "', binary=True)
    return list(zip(*rows, strict=True))[1:]


def exactly(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else struct.pack("d", value)
    return value.astimezone(UTC) if isinstance(value, dt.datetime) and value.tzinfo else value


def means(found: Any, value: Any, kind: Type) -> bool:
    """Is `found`, of an inferred type, what was written?"""
    if found is None or value is None:
        return found is value
    written = value.decode() if isinstance(value, bytes) else kind.text(value)
    if isinstance(found, str):
        return found == written
    if isinstance(found, bool):
        return written.lower() == str(found).lower()
    if isinstance(found, float) and not math.isfinite(found):
        return float(written) == found or math.isnan(found) == math.isnan(float(written))
    if isinstance(found, (int, float)):
        same_sign = math.copysign(1, found) == math.copysign(1, float(written))
        return Decimal(repr(found)) == Decimal(written) and (isinstance(found, int) or same_sign)
    read: Any = type(found).fromisoformat(written.replace("Z", "+00:00"))
    return bool(read == found)


examples = settings(
    max_examples=90, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@examples
@given(columns=tables(), kind=st.sampled_from(FORMATS))
def test_declared(columns: list[Column], kind: str, warehouse: Warehouse) -> None:
    if kind in ("jsonl", "json"):
        columns = list(map(sayable, columns))
    found = moved(columns, kind, warehouse, declared=True)
    for column, values in zip(columns, found, strict=True):
        assert list(map(exactly, values)) == list(map(exactly, column.values)), column


@examples
@given(columns=tables(), kind=st.sampled_from(FORMATS[:3]))
def test_inferred(columns: list[Column], kind: str, warehouse: Warehouse) -> None:
    if kind in ("jsonl", "json"):
        columns = list(map(sayable, columns))
    try:
        found = moved(columns, kind, warehouse, declared=False)
    except TransferError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert f"table.{kind}" in refused
        return
    for column, values in zip(columns, found, strict=True):
        for value, read in zip(column.values, values, strict=True):
            assert means(read, value, column.type), (column, read)


@pytest.mark.parametrize("kind", FORMATS)
def test_nul_is_refused(kind: str, warehouse: Warehouse) -> None:
    column = Column("a", Type("text", st.none()), ["x", "y\0z"])
    with pytest.raises(TransferError) as caught:
        moved([column], kind, warehouse, declared=True)
    place = {"csv": "table.csv:3: column 'a'", "jsonl": "table.jsonl:2: column 'a'"}
    place["json"] = "table.json:2: row 2 of the array: column 'a'"
    assert place.get(kind, "'a'") in str(caught.value)
    assert "NUL" in str(caught.value)
