"""Python's values as columns of Arrow: each as it is, or refused."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.transfer.dbapi.values import Column, Late, batch, declared, length
from factory.transfer.errors import BadRow

UTC = timezone.utc
ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day from both ends of the calendar: Python cannot show in UTC what is beyond.
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)

EXACT: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    "binary": st.binary(),
    "date32[day]": st.dates(),
    "time64[us]": st.times(),
    "timestamp[us]": st.datetimes(),
    "timestamp[us, tz=UTC]": MOMENTS,
}


def column(values: Sequence[Any], word: str = "", name: str = "x") -> pa.Array:
    one = declared(name, word) if word else Column(name)
    made, _ = batch([(value,) for value in values], [one], 0, first=True)
    return made.column(0)


@given(st.data())
def test_each_value_is_as_it_was(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(EXACT)))
    values = data.draw(st.lists(EXACT[kind] | st.none(), min_size=1))
    made = column(values)
    assert str(made.type) in (kind, "null")
    assert made.to_pylist() == values


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False) | st.none()))
def test_decimals_keep_their_digits_or_are_refused(values: list[Decimal | None]) -> None:
    with suppress(BadRow):  # of more than 76 digits
        assert column(values).to_pylist() == values


@given(st.lists(st.integers(-(10**75), 10**75) | st.none()))
def test_whole_numbers_of_any_size(values: list[int | None]) -> None:
    assert column(values).to_pylist() == values


@given(st.lists(st.timedeltas(min_value=timedelta(-(10**6)), max_value=timedelta(10**6))))
def test_durations_are_written_in_hours(values: list[timedelta]) -> None:
    for value, text in zip(values, column(values).to_pylist(), strict=True):
        hours, minutes, seconds = text.removeprefix("-").split(":")
        found = timedelta(hours=int(hours), minutes=int(minutes))
        found += timedelta(microseconds=int(Decimal(seconds) * 10**6))
        assert value == (-found if text[0] == "-" else found)


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, 2.5], "double", [1.0, 2.5]),
        ([1, Decimal("2.50")], "decimal128(38, 2)", [Decimal("1.00"), Decimal("2.50")]),
        ([2**63], "decimal128(38, 0)", [Decimal(2**63)]),
        ([2**63, 1], "decimal128(38, 0)", [Decimal(2**63), Decimal(1)]),
        ([Decimal("1E+3")], "decimal128(38, 0)", [Decimal(1000)]),
        ([memoryview(b"a"), bytearray(b"b")], "binary", [b"a", b"b"]),
        ([{"a": [1, None]}, [1.5, "é"]], "string", ['{"a":[1,null]}', '[1.5,"é"]']),
        ([UUID(int=7)], "string", ["00000000-0000-0000-0000-000000000007"]),
        ([timedelta(days=-1, microseconds=1)], "string", ["-23:59:59.999999"]),
        ([time(1, 2, tzinfo=UTC)], "string", ["01:02:00+00:00"]),
        ([None], "null", [None]),
        ([], "null", []),
    ],
)
def test_what_first_values_tell(values: list[Any], kind: str, found: list[Any]) -> None:
    made = column(values)
    assert (str(made.type), made.to_pylist()) == (kind, found)


def test_what_arrow_has_no_type_for_is_noted() -> None:
    row: tuple[Any, ...] = (UUID(int=7), {}, timedelta(), time(tzinfo=UTC), "text")
    made, _ = batch([row], [Column(name) for name in "abcde"], 0, first=True)
    notes = [(field.metadata or {}).get(b"factory.type") for field in made.schema]
    assert notes == [b"uuid", b"jsonb", b"interval", b"timetz", None]


MOMENT = datetime(2024, 1, 31, 6, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("values", "word", "found"),
    [
        (["1", 2, 3.0, Decimal("4.0"), None], "integer", [1, 2, 3, 4, None]),
        ([0, 1, None], "boolean", [False, True, None]),
        (["1.5", 2, Decimal("2.50"), 0.1], "decimal(9, 2)", ["1.50", "2.00", "2.50", "0.10"]),
        (["2024-01-31 06:00:00"], "timestamp", [datetime(2024, 1, 31, 6)]),
        ([MOMENT], "timestamptz", [datetime(2024, 1, 31, 5, tzinfo=UTC)]),
        ([datetime(2024, 1, 31), "2024-02-01"], "date", [date(2024, 1, 31), date(2024, 2, 1)]),
        ([date(2024, 1, 31)], "timestamp", [datetime(2024, 1, 31)]),
        ([timedelta(hours=5)], "time", [time(5)]),
        ([1, 2.5, True, "x"], "text", ["1", "2.5", "true", "x"]),
        ([Decimal("1E+2"), Decimal("NaN")], "text", ["100", "NaN"]),
        ([date(2024, 1, 31), MOMENT], "text", ["2024-01-31", "2024-01-31 06:00:00+01:00"]),
        ([b"a", UUID(int=7).bytes], "binary", [b"a", UUID(int=7).bytes]),
        (["{}", {"a": 1}], "jsonb", ["{}", '{"a":1}']),
        ([[1, None], (2,), [], None], "integer[]", [[1, None], [2], [], None]),
        ([[UUID(int=7)]], "uuid[]", [["00000000-0000-0000-0000-000000000007"]]),
    ],
)
def test_what_is_declared(values: list[Any], word: str, found: list[Any]) -> None:
    made = column(values, word).to_pylist()
    expected = [Decimal(text) for text in found] if word.startswith("decimal") else found
    assert made == expected


@pytest.mark.parametrize(
    ("values", "word", "message"),
    [
        ([None, 1.5], "integer", "row 2: the column 'x' is declared integer, and holds a number w"),
        ([1, 2**31], "integer", "row 2: the column 'x' is declared integer, and holds a whole num"),
        ([2], "boolean", "row 1: the column 'x' is declared boolean, and holds a whole number th"),
        ([Decimal("1.005")], "decimal(9, 2)", "row 1: the column 'x' is declared decimal(9, 2), "),
        ([datetime(2024, 1, 1, 6)], "date", "row 1: the column 'x' is declared date, and holds a"),
        ([datetime(2024, 1, 1)], "timestamptz", "is declared timestamptz, and holds a timestamp"),
        ([MOMENT], "timestamp", "is declared timestamp, and holds a moment that is none"),
        ([timedelta(hours=25)], "time", "is declared time, and holds a duration that is none"),
        ([b"\xff"], "text", "is declared text, and holds bytes that is none"),
        ([[1], ["x"]], "integer[]", "row 2: the column 'x' is declared integer, and holds a text"),
        ([1], "integer[]", "row 1: the column 'x' is declared integer[], and holds no list"),
        ([1, "x"], "", "row 2: the column 'x' holds a text and a whole number"),
        ([True, 2], "", "row 2: the column 'x' holds a boolean and a whole number"),
        (
            [datetime(2024, 1, 1), MOMENT],
            "",
            "row 2: the column 'x' holds a moment and a t",
        ),
        ([date(2024, 1, 1), datetime(2024, 1, 1)], "", "holds a date and a timestamp"),
        ([2**53 + 1, 0.5], "", "which it would be changed by"),
        ([Decimal(1), Decimal("NaN")], "", "row 2: the column 'x' holds NaN, which no decimal is"),
        ([Decimal(10) ** 76 + 1], "", "row 1: the column 'x' holds more than 76 digits"),
        ([10**80], "", "row 1: the column 'x' holds more than 76 digits"),
        (["a", "\ud800"], "", "row 2: the column 'x' holds a text that is no Unicode"),
        ([{"a": float("nan")}], "", "holds a dict of more than JSON has: cast it in a `query`"),
        ([[Decimal(1)]], "", "holds a list of more than JSON has: cast it in a `query`"),
        ([ip_address("::1")], "", "holds values of ipaddress.IPv6Address, of which nothing is"),
    ],
)
def test_refused(values: list[Any], word: str, message: str) -> None:
    with pytest.raises(BadRow) as refused:
        column(values, word)
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("first", "then", "hint"),
    [
        (Decimal("1.50"), Decimal("1.505"), '`types: {x: "decimal(39, 3)"}`'),
        (1, 2**63, '`types: {x: "text"}`'),
        (1, 0.5, '`types: {x: "double"}`'),
        (1, Decimal("0.5"), '`types: {x: "text"}`'),
        (1, "x", '`types: {x: "text"}`'),
        ("x", 1, '`types: {x: "text"}`'),
        (date(2024, 1, 1), datetime(2024, 1, 1), '`types: {x: "text"}`'),
    ],
)
def test_a_later_value_of_another_type_is_refused(first: Any, then: Any, hint: str) -> None:
    _, columns = batch([(first,)], [Column("x")], 0, first=True)
    with pytest.raises(BadRow) as refused:
        batch([(first,), (then,)], columns, 100, first=False)
    assert refused.value.message.startswith("row 102: the column 'x' was ")
    assert refused.value.hint == f"Declare what it is: {hint}"
    word = hint.split('"')[1]
    assert column([first, then], word).null_count == 0  # the way out leads out


def test_later_numbers_that_are_the_same_are_taken() -> None:
    _, columns = batch([(Decimal("1.50"), 0.5, 1)], [Column(n) for n in "abc"], 0, first=True)
    made, _ = batch([(2, 3, Decimal("4.0"))], columns, 1, first=False)
    assert made.to_pylist() == [{"a": Decimal(2), "b": 3.0, "c": 4}]


def test_digits_that_the_driver_tells() -> None:
    for digits, kind in (((12, 3), "decimal128(12, 3)"), ((3, 1), "decimal128(38, 2)")):
        one = Column("x", digits=digits)
        made, _ = batch([(Decimal("12.25"),)], [one], 0, first=True)
        assert str(made.schema.field("x").type) == kind


def test_a_value_after_nulls_alone_tells_its_type_late() -> None:
    _, columns = batch([(None, 1)], [Column("x"), Column("y")], 0, first=True)
    batch([(None, 2)], columns, 1, first=False)
    with pytest.raises(Late) as late:
        batch([(date(2024, 1, 1), 2)], columns, 1, first=False)
    assert late.value.columns == {"x": Column("x", pa.date32())}


def test_lengths() -> None:
    assert length(timedelta(days=34, hours=22, minutes=59, seconds=59)) == "838:59:59"
    assert length(timedelta(microseconds=-500000)) == "-00:00:00.5"
