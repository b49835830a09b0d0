"""Text → dates, times and timestamps, by Arrow's ISO parser or by given formats.

Arrow alone would change values: it takes 31 February for 2 March where a format is given, and
the years before 1, which PostgreSQL shows as BC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.errors import BadOption

_TIME = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_FIRST, _LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)


class NotTemporal(ValueError):
    """A text that is not of the kind."""


@dataclass(frozen=True)
class Temporal:
    """How timestamps are written."""

    formats: Sequence[str] = ()  # of strptime, the first that fits; none: ISO 8601
    zone: str | None = None  # of timestamps that name none, where the column has one

    def parse(self, texts: pa.Array, kind: pa.DataType) -> pa.Array:
        """All texts as `kind`; raises `ValueError` when one of them is not."""
        if pa.types.is_time(kind):
            return _times(texts).cast(kind)
        if self.formats:
            moments, aware = self._by_format(texts)
        elif pa.types.is_timestamp(kind) and kind.tz:
            moments, aware = self._with_zone(texts), True
        else:
            moments, aware = texts.cast(pa.timestamp("us")), False
        if pa.types.is_timestamp(kind) and kind.tz:
            return _within(moments if aware else self._localized(moments)).cast(kind)
        if aware:
            raise NotTemporal("it has a time zone")
        found = _within(moments).cast(kind)
        # A cast to a date forgets the time of day.
        if not pc.all(pc.equal(found.cast(moments.type), moments)).as_py():
            raise NotTemporal("it has a time of day")
        return found

    def _with_zone(self, texts: pa.Array) -> pa.Array:
        try:
            return texts.cast(pa.timestamp("us", "UTC"))
        except pa.ArrowInvalid:
            if self.zone is None:
                raise
        # Some, or all, name no zone.
        zoned = pc.match_substring_regex(texts, r"[0-9][0-9:.]*" + _ZONE)
        zoned = pc.and_(zoned, pc.match_substring_regex(texts, ":"))
        known = pc.if_else(zoned, texts, None).cast(pa.timestamp("us", "UTC"))
        local = pc.if_else(zoned, None, texts).cast(pa.timestamp("us"))
        return pc.coalesce(known, self._localized(local))

    def _localized(self, moments: pa.Array) -> pa.Array:
        if self.zone is None:
            raise NotTemporal("it has no time zone")
        return pc.assume_timezone(moments, self.zone).cast(pa.timestamp("us", "UTC"))

    def _by_format(self, texts: pa.Array) -> tuple[pa.Array, bool]:
        aware = {"%z" in entry for entry in self.formats}
        if len(aware) > 1:
            raise BadOption("some 'timestamp_formats' have a time zone (%z), some do not")
        found: pa.Array | None = None
        for entry in self.formats:
            if not any(word in entry for word in ("%z", "%f")):
                exact = _strptime(texts, entry)
                found = exact if found is None else pc.coalesce(found, exact)
        return self._slowly(texts, found), True in aware

    def _slowly(self, texts: pa.Array, found: pa.Array | None) -> pa.Array:
        """What Arrow has not found, by the standard library."""
        zone = "UTC" if any("%z" in entry for entry in self.formats) else None
        kind = pa.timestamp("us", zone)
        found = pa.nulls(len(texts), kind) if found is None else found
        missing = pc.and_(pc.is_null(found), pc.is_valid(texts))
        if not pc.any(missing).as_py():
            return found
        rest = pc.if_else(missing, texts, None).to_pylist()
        parsed = [None if text is None else self._one(text) for text in rest]
        return pc.coalesce(found, pa.array(parsed, kind))

    def _one(self, text: str) -> dt.datetime:
        for entry in self.formats:
            try:
                return dt.datetime.strptime(text, entry)
            except ValueError:
                continue
        raise NotTemporal(f"it is none of {', '.join(map(repr, self.formats))}")


def inferred(texts: pa.Array) -> pa.DataType:
    """What all texts are: a date, a timestamp, a time; else a text."""
    for pattern, kind in (
        (_DATE, pa.date32()),
        (_TIMESTAMP + "$", pa.timestamp("us")),
        (_TIMESTAMP + _ZONE, pa.timestamp("us", "UTC")),
        (_TIME, pa.time64("us")),
    ):
        if pc.all(pc.match_substring_regex(texts, pattern)).as_py():
            try:
                Temporal().parse(texts, kind)
            except (ValueError, OverflowError):
                return pa.string()
            return kind
    return pa.string()


def _times(texts: pa.Array) -> pa.Array:
    if pc.any(pc.invert(pc.match_substring_regex(texts, _TIME))).as_py():
        raise NotTemporal("it is not hours:minutes:seconds")
    # Arrow casts no text to a time.
    moments = pc.binary_join_element_wise("1970-01-01", texts, " ").cast(pa.timestamp("us"))
    return moments.cast(pa.time64("us"))


def _strptime(texts: pa.Array, entry: str) -> pa.Array:
    """Those that come out again as they went in; null for the others."""
    found = pc.strptime(texts, entry, "s", error_is_null=True)
    same = pc.equal(pc.strftime(found, entry), texts)
    return pc.if_else(same, found, None).cast(pa.timestamp("us"))


def _within(moments: pa.Array) -> pa.Array:
    if len(moments) - moments.null_count:
        ends = pc.min_max(moments.cast(pa.int64()))
        low, high = ends["min"].as_py(), ends["max"].as_py()
        if low < _micros(_FIRST) or high > _micros(_LAST):
            raise NotTemporal("its year is not between 1 and 9999")
    return moments


def _micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
