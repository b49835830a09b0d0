"""How values are written: decimal point, dates and times, time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats import Csv, Jsonl, Xlsx, csv, times
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
    known: bool = False  # a table tells the type: what has its value may be written otherwise

    def plain(self, kind: pa.DataType) -> bool:
        """Are values of `kind` written as everywhere?"""
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return not self.formats
        return self.decimal_point == "." or pa.types.is_integer(kind)


def spelling(given: Csv | Jsonl | Xlsx) -> Spelling:
    """Read the options; JSON has one way to write a number. Raises `BadOption`."""
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


def to_iso(texts: pa.Array, formats: tuple[TimestampFormat, ...]) -> pa.Array:
    """`31/12/2024` → `2024-12-31`, by the first format that fits; null where none does."""
    result = pa.nulls(len(texts), pa.string())
    for known in formats:
        if known.pattern is None:
            found = _parsed(texts, known.text)
        else:
            fits = pc.fill_null(pc.match_substring_regex(texts, known.pattern), False)
            found = pc.replace_substring_regex(texts, known.pattern, known.iso)
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
