import datetime as dt
import itertools
import math
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.postgres import columns as cols
from factory.transfer.postgres.columns import CARRIES, DRIVER, columns, fits

from .conftest import REPLACE, Warehouse

UTC = dt.timezone.utc
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TIMES = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1
    numbers = st.integers(-most, most)
    if most > 2**64 and DRIVER >= CARRIES:
        numbers |= st.integers(-(most >> 64), most >> 64).map(lambda n: n << 64)
    return numbers.map(lambda n: Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale)))


def whole(kind: pa.DataType, low: int, high: int) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    return kind, st.integers(low, high)


TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    *(whole(getattr(pa, f"int{b}")(), -(2 ** (b - 1)), 2 ** (b - 1) - 1) for b in (8, 16, 32, 64)),
    *(whole(getattr(pa, f"uint{b}")(), 0, 2**b - 1) for b in (8, 16, 32, 64)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.decimal128(1, 0), decimals(1, 0)),
    (pa.decimal128(38, 12), decimals(38, 12)),
    (pa.decimal128(5, 5), decimals(5, 5)),
    (pa.decimal256(76, 30), decimals(76, 30)),
    (pa.decimal32(5, 1), decimals(5, 1)),
    (pa.string(), TEXT),
    (pa.large_string(), TEXT),
    (pa.string_view(), TEXT),
    (pa.dictionary(pa.int32(), pa.string()), TEXT),
    (pa.binary(), st.binary()),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.large_binary(), st.binary()),
    (pa.date32(), st.dates()),
    (pa.date64(), st.dates()),
    (pa.timestamp("s"), TIMES.map(lambda t: t.replace(microsecond=0))),
    (pa.timestamp("ms"), TIMES.map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))),
    (pa.timestamp("us"), TIMES),
    (
        pa.timestamp("ns"),
        st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1)),
    ),
    (pa.timestamp("us", "Europe/Berlin"), TIMES.map(lambda t: t.replace(year=2024, tzinfo=UTC))),
    (pa.time32("s"), st.times().map(lambda t: t.replace(microsecond=0))),
    (pa.time64("us"), st.times()),
    (pa.null(), st.none()),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    chosen = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=8))
    rows = draw(st.integers(0, 6))
    arrays = [
        pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
        for kind, values in chosen
    ]
    return pa.table(arrays, names=[f"c{number}" for number in range(len(arrays))])


def comparable(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, float):
        return (value, math.copysign(1, value))
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return value


def plain(table: pa.Table) -> list[list[Any]]:
    result = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            column = column.cast(pa.timestamp("us", column.type.tz))
        result.append([comparable(value) for value in column.to_pylist()])
    return result


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=tables())
def test_what_goes_in_comes_out(table: pa.Table, warehouse: Warehouse) -> None:
    numbered = table.append_column("n", pa.array(range(table.num_rows), pa.int64()))
    warehouse.run("DROP TABLE IF EXISTS {}")
    warehouse.load(numbered, REPLACE)
    found = warehouse.run("SELECT * FROM {} ORDER BY n", binary=True)
    got = [[comparable(row[i]) for row in found] for i in range(table.num_columns)]
    assert got == plain(table)


def of_words(precision: int, scale: int) -> pa.Array:
    """Decimals whose words of 64 bits are all 0, all 1, and what may be carried between them."""
    words = itertools.product((0, 2**64 - 1, 2**63, 1, 0x9E3779B97F4A7C15), repeat=precision // 19)
    found = {sum(word << 64 * place for place, word in enumerate(each)) for each in words}
    found = {n for n in found | {-n for n in found} if abs(n) < 10**precision}
    kind = pa.decimal128 if precision <= 38 else pa.decimal256
    wide = Context(prec=100)
    values = [Decimal(n).scaleb(-scale, wide) for n in sorted(found)]
    return pa.array(values, kind(precision, scale))


WORDS = pytest.mark.parametrize("digits", [(38, 0), (38, 2), (39, 0), (76, 0), (76, 38), (76, 76)])


@WORDS
def test_decimals_of_any_words_are_exact_or_refused(
    digits: tuple[int, int], warehouse: Warehouse
) -> None:
    given = of_words(*digits)
    lost = pa.array([lost_carry(value, digits[1]) for value in given.to_pylist()])
    if DRIVER < CARRIES:
        with pytest.raises(BadRow, match="would send another number"):
            warehouse.load(pa.table({"v": given.filter(lost)}))
        given = given.filter(pc.invert(lost))
    warehouse.load(pa.table({"n": range(len(given)), "v": given}))
    found = warehouse.run("SELECT v FROM {} ORDER BY n", binary=True)
    assert [value for (value,) in found] == given.to_pylist()


def lost_carry(value: Decimal, scale: int) -> bool:
    return value < 0 and int(value.scaleb(scale, Context(prec=100))) % 2**64 == 0


@WORDS
def test_each_decimal_that_an_older_driver_would_change_is_refused(
    digits: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cols, "DRIVER", (1, 12))
    given = of_words(*digits)
    schema = pa.schema({"v": given.type})
    for value in given:
        array = pa.array([None, None, value.as_py(), None], given.type).slice(1)
        batch = pa.RecordBatch.from_arrays([array], schema=schema)
        if lost_carry(value.as_py(), digits[1]):
            with pytest.raises(BadRow, match=r"'v' .* 1\.12 would send another number for -"):
                cols.on_wire(batch, schema)
        else:
            assert cols.on_wire(batch, schema) == batch


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1], pa.timestamp("ns")),
        pa.array([2**62], pa.timestamp("ms")),
        pa.array([1001], pa.time64("ns")),
    ],
    ids=lambda values: str(values.type),
)
def test_a_value_that_would_change_is_refused(values: pa.Array, warehouse: Warehouse) -> None:
    with pytest.raises(BadRow, match=r"column 'c' .* unchanged"):
        warehouse.load(pa.table({"c": values}))
    assert warehouse.tables() == set()


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.int32())),
        pa.list_(pa.uuid()),
        pa.struct([("a", pa.int32())]),
        pa.map_(pa.string(), pa.int32()),
        pa.duration("us"),
    ],
    ids=str,
)
def test_types_that_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(TransferError):
        columns(pa.schema([("c", kind)]))


@pytest.mark.parametrize(
    ("staged", "target", "expected"),
    [
        ("bigint", "integer", True),  # PostgreSQL refuses what is out of range
        ("bigint", "numeric(5,2)", True),
        ("bigint", "double precision", False),
        ("double precision", "real", False),
        ("real", "double precision", True),
        ("numeric(5,2)", "numeric", True),
        ("numeric(5,2)", "numeric(9,3)", True),
        ("numeric(9,3)", "numeric(9,2)", False),  # would be rounded
        ("numeric(5,2)", "bigint", False),
        ("text", "character varying(10)", True),
        ("text", "character(10)", False),
        ("text", "jsonb", False),
        ("timestamp with time zone", "date", False),
        ("timestamp with time zone", "timestamp without time zone", False),
        ("timestamp without time zone", "timestamp(0) without time zone", False),
        ("date", "timestamp without time zone", True),
    ],
)
def test_fits(staged: str, target: str, expected: bool) -> None:
    assert fits(staged, target) is expected
