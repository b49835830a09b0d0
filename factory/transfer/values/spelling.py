"""How values are written: numbers, dates and times, time zone; in all columns, or in one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats import Csv, Jsonl, Parquet, Xlsx, columns, csv, times
from factory.definitions.formats.columns import Clock, Column, Declared
from factory.transfer.errors import BadOption

# strptime's directive → how it looks; all numbers, so one replacement makes ISO 8601 of them.
_LOOKS = {
    "Y": "([0-9]{4})",
    "m": "(0?[1-9]|1[0-2])",
    "d": "(0?[1-9]|[12][0-9]|3[01])",
    "H": "([01]?[0-9]|2[0-3])",
    "M": "([0-5]?[0-9])",
    "S": "([0-5]?[0-9])",
    "f": "([0-9]{1,6}0*)",
    "z": "(Z|[+-][0-9]{2}:?[0-9]{2})",
}


@dataclass(frozen=True)
class TimestampFormat:
    """A strptime format; `pattern` and `iso` when it is one of plain numbers."""

    text: str
    pattern: str | None = None
    iso: str = ""


@dataclass(frozen=True)
class Spelling:
    """The options that say how values are written."""

    decimal_point: str
    formats: tuple[TimestampFormat, ...]
    zone: str | None
    nulls: tuple[str, ...]
    numbers: Numbers | None = None
    unit: str | None = None  # timestamps are numbers of it since 1970
    truncate: bool = False  # what is less than a microsecond goes
    ambiguous: Clock = "fail"
    nonexistent: Clock = "fail"
    known: bool = False  # a table tells the type: what has its value may be written otherwise

    def plain(self, kind: pa.DataType) -> bool:
        """Are values of `kind` written as everywhere?"""
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return not self.formats and self.unit is None
        if self.numbers is not None and self.numbers.percent:
            return False
        return self.decimal_point == "." or pa.types.is_integer(kind)


@dataclass(frozen=True)
class Numbers:
    """How people write numbers. See `Column`."""

    thousands: str | None
    strip: tuple[str, ...]
    percent: bool
    parentheses: bool
    trailing_minus: bool


PLAIN = Spelling(".", (), None, ())
"""As programs write values; nothing but null is missing."""


def of_columns(given: Mapping[str, Declared], how: Spelling) -> dict[str, Spelling]:
    """Each declared column's own spelling: the format's, and what it says itself.

    Raises `BadOption` for what lint would have refused.
    """
    for problem in columns.problems(given, decimal_point=how.decimal_point, timezone=how.zone):
        if problem.severity == "error":
            place = ".".join(map(str, problem.path))
            raise BadOption(f"{place}: {problem.message}", problem.expected or None)
    return {name: of_column(one, how) for name, one in given.items()}


def of_column(given: Declared, how: Spelling) -> Spelling:
    """See `of_columns`."""
    if isinstance(given, str):
        return how
    return replace(
        how,
        decimal_point=given.decimal_point or how.decimal_point,
        formats=tuple(map(timestamp_format, given.formats)) or how.formats,
        zone=given.timezone or how.zone,
        numbers=_numbers(given),
        unit=given.unit,
        truncate=given.truncate,
        ambiguous=given.ambiguous,
        nonexistent=given.nonexistent,
    )


def _numbers(given: Column) -> Numbers | None:
    signs = (given.percent, given.parentheses, given.trailing_minus)
    if given.thousands is None and not given.strip and not any(signs):
        return None
    return Numbers(given.thousands, tuple(given.strip), *signs)


def spelling(given: Csv | Jsonl | Parquet | Xlsx) -> Spelling:
    """Read the options; JSON has one way to write a number. Raises `BadOption`."""
    if isinstance(given, Parquet):
        return PLAIN
    point, nulls = (given.decimal_point, csv.nulls(given)) if isinstance(given, Csv) else (".", ())
    if not csv.is_decimal_point(point):
        raise BadOption(f"'decimal_point' must be one character like `,`, not {point!r}")
    if given.timezone is not None:
        _check_zone(given.timezone)
    formats = tuple(map(timestamp_format, given.timestamp_formats))
    return Spelling(point, formats, given.timezone, nulls)


def _check_zone(zone: str) -> None:
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("us")), zone)
    except pa.ArrowException:
        raise BadOption(
            f"unknown time zone {zone!r}", "Names are like Europe/Berlin or UTC"
        ) from None


def timestamp_format(text: str) -> TimestampFormat:
    """Understand a strptime format. Raises `BadOption`."""
    if reason := times.fault(text):
        hint = None if "strptime" in reason else "For example %d/%m/%Y %H:%M:%S"
        raise BadOption(f"{text!r} {reason}", hint)
    long = times.in_full(text)
    parts = re.findall(r"%.|[^%]+|%$", long)
    used = [part[1:] for part in parts if part[0] == "%" and part != "%%"]
    if not {"Y", "m", "d"} <= set(used) <= set(_LOOKS):
        return TimestampFormat(long)
    pattern = "".join(
        _LOOKS[part[1:]] if part[0] == "%" and part != "%%" else re.escape(part.replace("%%", "%"))
        for part in parts
    )
    group = {directive: rf"\{index}" for index, directive in enumerate(used, 1)}
    iso = f"{group['Y']}-{group['m']}-{group['d']}"
    if "H" in group:
        iso += f" {group['H']}:{group.get('M', '00')}:{group.get('S', '00')}"
        iso += f".{group['f']}" if "f" in group else ""
    iso += group.get("z", "")
    return TimestampFormat(long, f"^{pattern}$", iso)


def to_iso(
    texts: pa.Array, formats: tuple[TimestampFormat, ...], *, truncate: bool = False
) -> pa.Array:
    """`31/12/2024` → `2024-12-31`, by the first format that fits; null where none does.

    `truncate`: a second may have more digits than six, and keeps them.
    """
    result = pa.nulls(len(texts), pa.string())
    for known in formats:
        if known.pattern is None:
            found = _parsed(texts, known.text)
        else:
            pattern = known.pattern.replace(_LOOKS["f"], "([0-9]+)") if truncate else known.pattern
            fits = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
            found = pc.replace_substring_regex(texts, pattern, known.iso)
            found = _padded(pc.if_else(fits, found, pa.scalar(None, pa.string())))
        result = pc.coalesce(result, found)
    return result


def _padded(texts: pa.Array) -> pa.Array:
    single = r"([- :])([0-9])(\b|Z)"
    if not pc.any(pc.match_substring_regex(texts, single)).as_py():
        return texts
    return pc.replace_substring_regex(texts, single, r"\1" + r"0\2\3")


def _parsed(texts: pa.Array, form: str) -> pa.Array:
    encoded = texts.dictionary_encode()
    words = pa.array([_iso(word, form) for word in encoded.dictionary.to_pylist()], pa.string())
    return words.take(encoded.indices)


def _iso(word: str, form: str) -> str | None:
    try:
        found = datetime.strptime(word, form)
    except ValueError:
        return None
    timed = any(part in form for part in ("%H", "%I", "%M", "%S", "%p", "%c", "%X"))
    return found.isoformat(" ") if timed else found.date().isoformat()
