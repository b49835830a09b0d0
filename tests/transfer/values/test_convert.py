"""Numbers and times as people write them: against slow readers, by what the options say."""

import datetime as dt
import itertools
import re
import zoneinfo
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.definitions.formats import Csv
from factory.definitions.formats.columns import Column
from factory.transfer.values.convert import convert
from factory.transfer.values.options import why
from factory.transfer.values.spelling import Spelling, of_columns, spelling
from factory.transfer.values.types import arrow_type
from factory.transfer.values.zones import moments

UTC = dt.timezone.utc


def how(word: str, **options: Any) -> Spelling:
    column = msgspec.convert({"type": word, **options}, Column)
    return of_columns({"a": column}, spelling(Csv()))["a"]


def read(texts: list[str | None], word: str, **options: Any) -> list[Any]:
    """Values; what is bad as its text."""
    own = how(word, **options)
    done = convert(pa.array(texts, pa.string()), arrow_type(word), own, inferred=False)
    bad = [False] * len(texts) if done.bad is None else done.bad.to_pylist()
    values = done.values.to_pylist()
    return [text if wrong else v for text, wrong, v in zip(texts, bad, values, strict=True)]


MONEY = {"thousands": ",", "strip": ["$", "USD", "€"], "parentheses": True}


@pytest.mark.parametrize(
    ("text", "word", "options", "expected"),
    [
        ("1,234.50", "decimal(12, 2)", MONEY, Decimal("1234.50")),
        ("($1,234.50)", "decimal(12, 2)", MONEY, Decimal("-1234.50")),
        ("-$5", "decimal(12, 2)", MONEY, Decimal("-5.00")),
        ("$ -5", "decimal(12, 2)", MONEY, Decimal("-5.00")),
        ("5 USD", "decimal(12, 2)", MONEY, Decimal("5.00")),
        ("1,23", "decimal(12, 2)", MONEY, "1,23"),
        ("12,3456", "decimal(12, 2)", MONEY, "12,3456"),
        ("0,123", "decimal(12, 2)", MONEY, "0,123"),
        ("1,234,5", "decimal(12, 2)", MONEY, "1,234,5"),
        ("(-5)", "decimal(12, 2)", MONEY, "(-5)"),
        ("5.123", "decimal(12, 2)", MONEY, "5.123"),
        ("5-", "decimal(12, 2)", MONEY, "5-"),
        ("£5", "decimal(12, 2)", MONEY, "£5"),
        ("5-", "integer", {"trailing_minus": True}, -5),
        ("-5-", "integer", {"trailing_minus": True}, "-5-"),
        ("(5)", "integer", {"parentheses": True}, -5),
        ("(5", "integer", {"parentheses": True}, "(5"),
        ("1.234.567", "bigint", {"thousands": "."}, 1234567),
        ("1.5", "bigint", {"thousands": "."}, "1.5"),
        ("1.234,5", "double", {"thousands": ".", "decimal_point": ","}, 1234.5),
        ("1\u202f234,5", "double", {"thousands": " ", "decimal_point": ","}, 1234.5),
        ("1’234.5", "double", {"thousands": "'"}, 1234.5),
        ("1e3", "double", {"thousands": ","}, 1000.0),
        ("NaN", "double", {"strip": ["$"]}, "nan"),
        ("12.5%", "double", {"percent": True}, 0.125),
        ("%12.5", "double", {"percent": True}, 0.125),
        ("12,5 %", "decimal(6, 4)", {"percent": True, "decimal_point": ","}, Decimal("0.1250")),
        ("0.125%", "decimal(5, 3)", {"percent": True}, "0.125%"),
        ("12.5", "double", {"percent": True}, "12.5"),
        ("12.5%", "double", {"strip": ["%"]}, 12.5),
        ("Fr. 5.50", "double", {"strip": ["Fr."]}, 5.5),
        ("40000", "smallint", {"thousands": ","}, "40000"),
    ],
)
def test_numbers(text: str, word: str, options: dict[str, Any], expected: Any) -> None:
    (found,) = read([text], word, **options)
    assert str(found) == expected if expected == "nan" else found == expected
    mixed = read([None, "7" + "%" * bool(options.get("percent")), text], word, **options)
    assert mixed[0] is None
    assert str(mixed[2]) == expected if expected == "nan" else mixed[2] == expected


STYLES = [
    {},
    {"thousands": ",", "strip": ["$", "€"]},
    {"thousands": ".", "decimal_point": ",", "parentheses": True},
    {"thousands": " ", "trailing_minus": True, "strip": ["€"]},
    {"thousands": "'", "parentheses": True, "trailing_minus": True},
    {"percent": True, "thousands": ",", "trailing_minus": True},
    {"percent": True, "parentheses": True, "strip": ["$"]},
]
PIECES = ["1", "12", "123", "1234", "000", "0", *",.' $€%-+()"]
SPELLED = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)


def allowed(style: dict[str, Any]) -> Iterator[str]:
    """Every order of items that is a number: `n`, `%`, `s` what is stripped, signs, brackets."""
    bare = ["n%", "%n"] if style.get("percent") else ["n"]
    for n, one, other in itertools.product(bare, ["", "s"], ["", "s"]):
        for sign in ("", "-", "+"):
            yield sign + one + n + other
            yield one + sign + n + other
        if style.get("trailing_minus"):
            yield one + n + "-" + other
            yield one + n + other + "-"
        if style.get("parentheses"):
            for before, after in itertools.product(["", "s"], repeat=2):
                yield before + "(" + one + n + other + ")" + after


def reference(text: str, style: dict[str, Any]) -> Decimal | None:
    """A number, read one character after the other."""
    if not style and " " in text.strip():  # blanks within are of how people write
        return None
    items, numbers, position = "", [], 0
    point, thousands = style.get("decimal_point", "."), style.get("thousands")
    while position < len(text):
        character = text[position]
        if character.isdigit() or (
            character == point and text[position + 1 : position + 2].isdigit()
        ):
            end = position
            while end < len(text) and (
                text[end].isdigit()
                or text[end] == point
                or (text[end] == thousands and text[end + 1 : end + 2].isdigit())
            ):
                end += 1
            numbers.append(text[position:end])
            items += "n"
            position = end
            continue
        position += 1
        items += "s" if character in style.get("strip", ()) else character.strip()
    if items not in set(allowed(style)):
        return None
    value = magnitude(numbers[0], point, thousands)
    if value is None:
        return None
    value = value.scaleb(-2) if style.get("percent") else value
    return -value if "-" in items or "(" in items else value


def magnitude(text: str, point: str, thousands: str | None) -> Decimal | None:
    whole, _, fraction = text.partition(point)
    groups = whole.split(thousands) if thousands else [whole]
    if not all(part.isdigit() for part in groups if part) or not re.fullmatch("[0-9]*", fraction):
        return None
    if len(groups) > 1:
        first, *others = groups
        if not 1 <= len(first) <= 3 or first[0] == "0" or any(len(one) != 3 for one in others):
            return None
    digits = "".join(groups)
    return Decimal(f"{digits or 0}.{fraction or 0}") if digits or fraction else None


@settings(max_examples=1500, deadline=None)
@given(st.lists(SPELLED, min_size=1, max_size=4), st.sampled_from(STYLES))
@example(["+-1"], {})
@example(["- 1"], {})
@example([".1123412341234"], {})  # a digit more than the type has
def test_numbers_as_a_slow_reader_has_them(texts: list[str], style: dict[str, Any]) -> None:
    exact = read(list(texts), "decimal(38, 12)", **style)
    double = read(list(texts), "double", **style)
    for text, one, other in zip(texts, exact, double, strict=True):
        expected = reference(text, style)
        fits = expected is not None and int(expected.normalize().as_tuple().exponent) >= -12
        assert one == (expected if fits else text), (text, style)
        assert other == (text if expected is None else float(expected)), (text, style)


@settings(max_examples=300, deadline=None)
@given(st.decimals(-(10**9), 10**9, places=4), st.sampled_from(["$", "€", ""]))
def test_what_is_formatted_comes_back(value: Decimal, currency: str) -> None:
    number = f"{abs(value):,.4f}"
    written = f"({currency}{number})" if value < 0 else f"{currency}{number}"
    assert read([written], "decimal(20, 4)", **MONEY) == [value]
    german = number.translate(str.maketrans(",.", ".,")) + "-" * (value < 0)
    style = {"thousands": ".", "decimal_point": ",", "trailing_minus": True}
    assert read([german], "decimal(20, 4)", **style) == [value]


SOON = dt.datetime(2024, 1, 1, 0, 0, 0, 123000, UTC)


@pytest.mark.parametrize(
    ("text", "word", "options", "expected"),
    [
        ("1704067200.123", "timestamptz", {"unit": "s"}, SOON),
        ("1704067200123", "timestamptz", {"unit": "ms"}, SOON),
        ("1704067200123000", "timestamptz", {"unit": "us"}, SOON),
        ("1704067200123000000", "timestamptz", {"unit": "ns"}, SOON),
        ("1704067200123", "timestamp", {"unit": "ms"}, SOON.replace(tzinfo=None)),
        ("1704067200123000001", "timestamptz", {"unit": "ns"}, "1704067200123000001"),
        ("1704067200123000999", "timestamptz", {"unit": "ns", "truncate": True}, SOON),
        ("1704067200.1230009", "timestamptz", {"unit": "s"}, "1704067200.1230009"),
        ("-62135596800", "timestamp", {"unit": "s"}, dt.datetime(1, 1, 1)),
        ("253402300799999999", "timestamp", {"unit": "us"}, dt.datetime.max),
        ("99999999999999999999", "timestamp", {"unit": "s"}, "99999999999999999999"),
        ("2024-01-01", "timestamp", {"unit": "s"}, "2024-01-01"),
        ("1e9", "timestamp", {"unit": "s"}, "1e9"),
        ("2024-01-01T00:00:00.1230009Z", "timestamptz", {"truncate": True}, SOON),
        (
            "2024-01-01 00:00:00.1230009+00:00",
            "timestamptz",
            {},
            "2024-01-01 00:00:00.1230009+00:00",
        ),
        ("00:00:00.1230009", "time", {"truncate": True}, dt.time(0, 0, 0, 123000)),
        ("31.12.24", "date", {"formats": ["%d.%m.%y"]}, dt.date(2024, 12, 31)),
        ("31.12.24", "date", {"formats": ["%d.%m.%Y"]}, "31.12.24"),
        (
            "31/12/2023 23:59:59.9999999",
            "timestamp",
            {"formats": ["%d/%m/%Y %H:%M:%S.%f"], "truncate": True},
            dt.datetime(2023, 12, 31, 23, 59, 59, 999999),
        ),
    ],
)
def test_times(text: str, word: str, options: dict[str, Any], expected: Any) -> None:
    assert read([text], word, **options) == [expected]
    assert read([None, text, None], word, **options) == [None, expected, None]


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]
NEAR = st.sampled_from(
    [
        *(dt.datetime(2024, 3, 31, 2), dt.datetime(2024, 10, 27, 2), dt.datetime(2024, 3, 10, 2)),
        *(dt.datetime(2024, 11, 3, 1), dt.datetime(2024, 10, 6, 2), dt.datetime(2024, 4, 7, 1, 30)),
        *(dt.datetime(2018, 2, 17, 23), dt.datetime(2018, 11, 4), dt.datetime(1980, 4, 6)),
    ]
)
LOCAL = st.builds(
    lambda near, minutes: near + dt.timedelta(minutes=minutes), NEAR, st.integers(-200, 200)
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(LOCAL, min_size=1, max_size=5),
    st.sampled_from(ZONES),
    st.sampled_from(["fail", "null", "earlier", "later"]),
    st.sampled_from(["fail", "null", "earlier", "later"]),
)
def test_clocks_as_python_has_them(
    times: list[dt.datetime], name: str, ambiguous: Any, nonexistent: Any
) -> None:
    found, unclear = moments(pa.array(times, pa.timestamp("us")), name, ambiguous, nonexistent)
    zone = zoneinfo.ZoneInfo(name)
    for index, local in enumerate(times):
        folds = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        is_there = [one.astimezone(zone).replace(tzinfo=None) == local for one in folds]
        choice = "earlier"
        if folds[0] != folds[1]:
            choice = ambiguous if all(is_there) else nonexistent
        bad = unclear is not None and unclear[index].as_py()
        expected = {"earlier": min(folds), "later": max(folds)}.get(choice)
        assert (found[index].as_py(), bad) == (expected, choice == "fail")


@pytest.mark.parametrize(
    ("text", "word", "said", "options"),
    [
        ("1,234.50", "decimal(12, 2)", "is not decimal(12, 2)", 'thousands: ","'),
        (
            "1.234,50 €",
            "double",
            "is not double",
            'strip: ["€"], thousands: ".", decimal_point: ","',
        ),
        ("12%", "double", "is not double", "percent: true"),
        ("(5)", "integer", "is not integer", "parentheses: true"),
        ("5-", "integer", "is not integer", "trailing_minus: true"),
        ("1704067200123", "timestamp", "may be a number of ms since 1970", "unit: ms"),
        (
            "2019-05-10 17:54:58.1234567",
            "timestamp",
            "has seven digits of a second, a timestamp holds six",
            "truncate: true",
        ),
    ],
)
def test_a_hint_is_an_option_that_reads_the_text(
    text: str, word: str, said: str, options: str
) -> None:
    found = why(text, arrow_type(word), spelling(Csv()), "a")
    assert found is not None
    assert said in found[0]
    assert f", {options}}}}}`" in found[1]


@pytest.mark.parametrize("text", ["abc", "1,23,456", "1.5.2", "12:30", "--5"])
def test_no_hint_where_no_option_helps(text: str) -> None:
    assert why(text, arrow_type("integer"), spelling(Csv()), "a") is None


EXPONENTS = st.integers(-400, 400) | st.just(-(10**30))
WIDE = st.builds(lambda n, e: f"{n}e{e}", st.integers(-(10**20), 10**20), EXPONENTS)
LONG = st.builds(
    lambda whole, zeros, last: f"{whole}.{'0' * zeros}{last}",
    *(st.integers(-999, 999), st.integers(0, 120), st.sampled_from(["", "1", "5"])),
)
KINDS = st.sampled_from([(12, 2), (38, 0), (38, 38), (60, 30), (76, 76), (1, 0)])


@settings(max_examples=1000, deadline=None)
@given(st.lists(WIDE | LONG, min_size=1, max_size=5), KINDS)
def test_decimals_of_any_exponent_are_exact_or_refused(
    texts: list[str], digits: tuple[int, int]
) -> None:
    found = read(list(texts), f"decimal({digits[0]}, {digits[1]})")
    for text, value in zip(texts, found, strict=True):
        number = Fraction(text) if "e-1000000000" not in text else None
        scaled = None if number is None else number * 10 ** digits[1]
        fits = scaled is not None and scaled.denominator == 1 and abs(scaled) < 10 ** digits[0]
        if fits:
            assert Fraction(value) == number, text
        else:
            assert value == text


@pytest.mark.parametrize("zone", ["Z", " Z", "z", " UTC", " GMT", "+00", " +0000", " +00:00"])
def test_zones_as_warehouses_write_them(zone: str) -> None:
    """BigQuery writes ` UTC`, Snowflake ` Z`, PostgreSQL `+00`."""
    found = read([f"2023-01-01 10:00:00.123{zone}", "2023-01-01 10:00:00 -0800"], "timestamptz")
    assert found == [
        dt.datetime(2023, 1, 1, 10, 0, 0, 123000, UTC),
        dt.datetime(2023, 1, 1, 18, tzinfo=UTC),
    ]
