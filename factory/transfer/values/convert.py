"""Texts → values of a type, a whole column at a time: exact, or marked as bad.

Arrow's casts do the work. They take more than is right (`0x1F` is no number in a CSV, `1e400` is
not infinity), so each text must first look as its type does; looking costs some 10 ns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.values import decimals, numbers, zones
from factory.transfer.values.quick import SURE_DIGITS, SURE_OF_SINGLE, quick
from factory.transfer.values.spelling import Spelling, to_iso

_YEAR = r"([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DAY = _YEAR + r"-[0-9]{2}-[0-9]{2}"
_FRACTION = r"[0-9]{1,6}0*"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\." + _FRACTION + r")?)?"
_OFFSET = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"

DATE = f"^{_DAY}$"
TIME = f"^{_CLOCK}$"
TIMESTAMP = f"^{_DAY}[T ]{_CLOCK}$"
TIMESTAMPTZ = f"^{_DAY}[T ]{_CLOCK}{_OFFSET}$"

_INTEGER = r"^-?[0-9]+$"
_PLAIN_INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"
_NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_PLAIN_NUMBER = r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
# Programs write 1e-05, 1.0E5 and 1e+05. 1E5 is a code.
_MEASURED = (
    r"^-?((0|[1-9][0-9]*)([eE][+-][0-9]+)?|((0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)$"
)
_NOT_FINITE = r"^(?i:nan|-?inf|-?infinity)$"

_TRUE = pa.array(["true", "t", "yes", "y", "1"])
_FALSE = pa.array(["false", "f", "no", "n", "0"])
_NULL = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class Converted:
    """Values, null where `bad` says so; `bad` is None when all are good."""

    values: pa.Array
    bad: pa.BooleanArray | None = None


def convert(texts: pa.Array, kind: pa.DataType, how: Spelling, *, inferred: bool) -> Converted:
    """Texts as values of `kind`.

    Of an inferred type, values must also come out as they were written: no leading zeros, no
    number that the type would round. Of a declared one, `+5` and `007` are five and seven.
    """
    if texts.null_count == len(texts):
        return Converted(pa.nulls(len(texts), kind))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return Converted(texts)
    if pa.types.is_null(kind):
        return Converted(pa.nulls(len(texts)), pc.is_valid(texts))
    if how.known:  # of numbers, what is written tells whether they are some
        inferred = (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        )
    for fits, converter in _CONVERTERS:
        if fits(kind):
            if how.plain(kind) and (found := quick(texts, kind, inferred=inferred)) is not None:
                return Converted(found)
            texts = _without_quoted_nulls(texts, how)
            if not inferred and how.numbers is not None and _is_number(kind):
                return _as_people_do(texts, kind, how, converter)
            return converter(texts, kind, how, inferred)
    raise NotImplementedError(str(kind))


def _is_number(kind: pa.DataType) -> bool:
    return any(fits(kind) for fits, _ in _CONVERTERS[:3])


def _as_people_do(
    texts: pa.Array, kind: pa.DataType, how: Spelling, converter: _Converter
) -> Converted:
    assert how.numbers is not None
    found = numbers.plain(texts, how, how.numbers, whole=pa.types.is_integer(kind))
    if pa.types.is_floating(kind):
        found = pc.coalesce(found, _only(texts, _looks(texts, _NOT_FINITE)))
    wrong = pc.and_(pc.is_valid(texts), pc.is_null(found))
    done = converter(found, kind, replace(how, decimal_point="."), False)
    return _result(done.values, done.bad, wrong)


def _without_quoted_nulls(texts: pa.Array, how: Spelling) -> pa.Array:
    """Only a text can be a quoted `""`; a number so written is missing, as in all-quoted files."""
    if how.nulls != ("",):
        nulls = pa.array(how.nulls, pa.string())
        return pc.if_else(pc.is_in(texts, value_set=nulls), _NULL, texts)
    if pc.min(pc.binary_length(texts)).as_py() == 0:
        return pc.if_else(pc.equal(texts, ""), _NULL, texts)
    return texts


def _clocked(pattern: str, how: Spelling) -> str:
    """What is truncated may have any number of digits."""
    return pattern.replace(_FRACTION, "[0-9]+") if how.truncate else pattern


def _looks(texts: pa.Array, pattern: str) -> pa.BooleanArray:
    return pc.fill_null(pc.match_substring_regex(texts, pattern), True)


def _only(texts: pa.Array, good: pa.BooleanArray) -> pa.Array:
    return pc.if_else(good, texts, _NULL)


def _result(values: pa.Array, *bad: pa.BooleanArray | None) -> Converted:
    union: pa.BooleanArray | None = None
    for mask in bad:
        if mask is not None:
            union = mask if union is None else pc.or_(union, mask)
    return Converted(values, union if union is not None and union.true_count else None)


def _held(
    texts: pa.Array, good: pa.BooleanArray, cast: Callable[[pa.Array], pa.Array]
) -> Converted:
    """Cast what looks right; what the cast then refuses (a 13th month) is found by halving."""
    whole = good.true_count == len(good)
    values, refused = _cast(texts if whole else _only(texts, good), cast)
    return _result(values, refused, None if whole else pc.invert(good))


def _cast(
    texts: pa.Array, cast: Callable[[pa.Array], pa.Array]
) -> tuple[pa.Array, pa.BooleanArray | None]:
    try:
        return cast(texts), None
    except pa.ArrowInvalid:
        pass
    if len(texts) == 1:
        return cast(pa.nulls(1, pa.string())), pa.array([True])
    half = len(texts) // 2
    parts = [_cast(texts.slice(0, half), cast), _cast(texts.slice(half), cast)]
    masks = [pa.repeat(False, len(values)) if mask is None else mask for values, mask in parts]
    return pa.concat_arrays([values for values, _ in parts]), pa.concat_arrays(masks)


def _bare(texts: pa.Array) -> pa.Array:
    """Declared numbers may stand among spaces and have a plus, but no minus behind it."""
    return pc.replace_substring_regex(texts, r"^ *(?:\+([^ +-][^ ]*)|([^ ]*)) *$", r"\1\2")


def _integers(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    if how.known:  # as programs write whole numbers in a column that may be null
        zeros = rf"^(-?[0-9]+){re.escape(how.decimal_point)}0*$"
        texts = pc.replace_substring_regex(texts, zeros, r"\1")
    texts, good = _numeric(texts, _PLAIN_INTEGER if inferred else _INTEGER, inferred)
    return _held(texts, good, lambda part: part.cast(kind))


def _with_point(texts: pa.Array, how: Spelling) -> tuple[pa.Array, pa.BooleanArray | None]:
    """Numbers with a decimal point, and which had one where another character was declared."""
    if how.decimal_point == ".":
        return texts, None
    wrong = pc.fill_null(pc.match_substring(texts, "."), False)
    return pc.replace_substring(texts, how.decimal_point, "."), wrong


def _numbers(
    texts: pa.Array, how: Spelling, pattern: str, inferred: bool
) -> tuple[pa.Array, pa.BooleanArray]:
    texts, wrong = _with_point(texts, how)
    texts, good = _numeric(texts, pattern, inferred)
    return texts, good if wrong is None else pc.and_not(good, wrong)


def _numeric(texts: pa.Array, pattern: str, inferred: bool) -> tuple[pa.Array, pa.BooleanArray]:
    good = _looks(texts, pattern)
    if inferred or good.true_count == len(good):
        return texts, good
    texts = _bare(texts)
    return texts, _looks(texts, pattern)


def _decimals(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    texts, good = _numbers(texts, how, _PLAIN_NUMBER if inferred else _NUMBER, inferred)
    return _held(texts, good, lambda part: decimals.exact(part, kind))


def _floats(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    plain = _PLAIN_NUMBER if how.known else _MEASURED
    pattern = f"{plain if inferred else _NUMBER}|{_NOT_FINITE}"
    texts, good = _numbers(texts, how, pattern, inferred)
    done = _held(texts, good, lambda part: part.cast(kind))
    overflow = None
    if pc.any(pc.is_inf(done.values)).as_py():
        overflow = pc.and_not(pc.is_inf(done.values), _looks(texts, _NOT_FINITE))
        overflow = pc.fill_null(overflow, False)
    changed = _rounded(texts, done.values) if inferred else None
    return _result(done.values, done.bad, overflow, changed)


def _rounded(texts: pa.Array, values: pa.Array) -> pa.BooleanArray | None:
    """Which numbers are not what was written? Those of few digits always are."""
    sure = SURE_OF_SINGLE if pa.types.is_float32(values.type) else SURE_DIGITS
    suspect = pc.fill_null(pc.greater(pc.binary_length(texts), sure), False)
    exponent = pc.fill_null(pc.match_substring_regex(texts, "[0-9][eE]"), False)
    suspect = pc.or_(suspect, exponent)
    if not suspect.true_count:
        return None
    suspect = pc.and_(suspect, pc.is_valid(values))
    shortest = values.cast(pa.string())
    suspect = pc.and_not(suspect, pc.fill_null(pc.equal(shortest, texts), False))
    indices = pc.indices_nonzero(suspect)
    words, numbers = texts.take(indices).to_pylist(), shortest.take(indices).to_pylist()
    wrong = pa.array([not _exact(*pair) for pair in zip(words, numbers, strict=True)], pa.bool_())
    return pc.replace_with_mask(suspect, suspect, wrong)


def _exact(word: str, shortest: str) -> bool:
    return Decimal(word) == Decimal(shortest)


def _booleans(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    words = pc.utf8_lower(texts if inferred else pc.utf8_trim(texts, characters=" "))
    some = slice(0, 1) if inferred else slice(None)
    true = pc.is_in(words, value_set=_TRUE[some])
    good = pc.or_(true, pc.is_in(words, value_set=_FALSE[some]))
    good = pc.or_(good, pc.is_null(words))
    values = pc.if_else(pc.and_(good, pc.is_valid(words)), true, pa.scalar(None, pa.bool_()))
    return _result(values, pc.invert(good))


def _iso(texts: pa.Array, how: Spelling, inferred: bool) -> tuple[pa.Array, pa.Array | None]:
    """Timestamps as ISO 8601 has them, and which ones could not be turned into it."""
    if not how.formats:
        return (texts if inferred else pc.utf8_trim(texts, characters=" ")), None
    iso = to_iso(texts, how.formats, truncate=how.truncate)
    return iso, pc.and_(pc.is_valid(texts), pc.is_null(iso))


def _short(texts: pa.Array, how: Spelling) -> pa.Array:
    """Zeros after the microseconds, or all digits, are left out: Arrow takes six and no more."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= len("2024-01-01T00:00:00.000000"):
        return texts
    more = "[0-9]+" if how.truncate else "0+"
    return pc.replace_substring_regex(texts, rf"(\.[0-9]{{6}}){more}", r"\1")


def _dates(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    iso, wrong = _iso(texts, how, inferred)
    if how.formats and not inferred:
        iso = pc.replace_substring_regex(iso, r" 00:00:00(\.0+)?$", "")
    return _also(_held(iso, _looks(iso, DATE), lambda part: part.cast(kind)), wrong)


def _also(done: Converted, wrong: pa.BooleanArray | None) -> Converted:
    return done if wrong is None else _result(done.values, done.bad, wrong)


def _times(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    texts = texts if inferred else pc.utf8_trim(texts, characters=" ")
    good = _looks(texts, _clocked(TIME, how))
    stamps = pc.binary_join_element_wise("1970-01-01", texts, "T")

    def cast(part: pa.Array) -> pa.Array:
        return part.cast(pa.timestamp("us")).cast(kind)

    return _held(_short(stamps, how), good, cast)


def _timestamps(texts: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    if how.unit is not None and not inferred:
        return _epochs(texts, kind, how)
    iso, wrong = _iso(texts, how, inferred)
    if kind.tz is not None:
        return _also(_zoned(iso, kind, how, inferred), wrong)
    good = _looks(iso, _clocked(TIMESTAMP, how))
    if not inferred and good.true_count < len(good):
        good = pc.or_(good, _looks(iso, DATE))
    return _also(_held(_short(iso, how), good, lambda part: part.cast(kind)), wrong)


_PER_SECOND = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Each unit of an epoch, as how many digits of a second it has."""


def _epochs(texts: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    """Numbers since 1970, as their digits before and after the microsecond."""
    assert how.unit is not None
    texts = _bare(texts)
    good = _looks(texts, r"^-?[0-9]{1,19}(\.[0-9]*)?$")
    shift = 6 - _PER_SECOND[how.unit]

    def cast(part: pa.Array) -> pa.Array:
        exact = pc.binary_join_element_wise(part, f"e{shift}", "").cast(pa.decimal128(38, 12))
        whole = pc.floor(exact) if how.truncate else exact
        return whole.cast(pa.int64()).cast(pa.timestamp("us")).cast(kind)

    return _held(texts, good, cast)


def _zoned(iso: pa.Array, kind: pa.DataType, how: Spelling, inferred: bool) -> Converted:
    pattern = _clocked(TIMESTAMPTZ, how)
    good = _looks(iso, pattern)
    if good.true_count < len(good) and not inferred:
        iso = pc.replace_substring_regex(iso, r" ?([zZ]|UTC|GMT)$", "Z")
        iso = pc.replace_substring_regex(iso, r" ([+-][0-9:]+)$", r"\1")
        good = _looks(iso, pattern)
    iso = _short(iso, how)
    exact = _held(iso, good, lambda part: part.cast(kind))
    if good.true_count == len(good) or how.zone is None:
        return exact
    naive = pc.invert(good)
    words = _only(iso, naive)
    there = _looks(words, f"{TIMESTAMP}|{DATE}")
    stamps = _held(words, there, lambda part: part.cast(pa.timestamp("us")))
    values, unclear = zones.moments(stamps.values, how.zone, how.ambiguous, how.nonexistent)
    values = pc.coalesce(exact.values, values.cast(kind))
    refused = None if exact.bad is None else pc.and_not(exact.bad, naive)
    return _result(values, refused, stamps.bad, unclear)


_Converter = Callable[[pa.Array, pa.DataType, Spelling, bool], Converted]
_CONVERTERS: tuple[tuple[Callable[[pa.DataType], bool], _Converter], ...] = (
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_boolean, _booleans),
    (pa.types.is_date, _dates),
    (pa.types.is_time, _times),
    (pa.types.is_timestamp, _timestamps),
)
