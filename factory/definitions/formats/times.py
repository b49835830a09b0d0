"""How dates and times are written in a file."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from factory.problem import Problem

TimestampFormats = Annotated[
    list[str],
    Meta(
        description="How dates and timestamps are written, as strptime has it. Default: ISO 8601.",
        examples=[["%d/%m/%Y %H:%M:%S"]],
    ),
]
TimeZone = Annotated[
    str | None,
    Meta(
        description="The zone of timestamps that name none, in columns with a time zone.",
        examples=["Europe/Berlin"],
    ),
]
_SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}
_YEARS = {"%Y", "%y", "%c", "%x", "%G"}


def in_full(form: str) -> str:
    """A strptime format without the short directives, which Python does not read."""
    return re.sub("%[FTRD]", lambda match: _SHORT[match[0]], form)


def fault(form: str) -> str:
    """Why no date is read by a strptime format, as what follows its name; empty when one is."""
    long = in_full(form)
    try:
        datetime.strptime("", long)
    except ValueError as error:
        if "does not match format" not in str(error):
            return f"is not a strptime format: {error}"
    except re.error:
        return "is not a strptime format: a directive repeats"
    return "" if _YEARS.intersection(re.findall("%.", long)) else "has no year"


def problems(formats: Sequence[str], zone: str | None) -> Iterator[Problem]:
    """Formats that read no date, and a zone that there is none of."""
    for index, form in enumerate(formats):
        if reason := fault(form):
            expected = "a strptime format such as %d/%m/%Y %H:%M:%S"
            place = ("timestamp_formats", index)
            yield Problem(place, "bad-value", f"{form!r} {reason}", expected=expected)
    if zone is not None and zone not in (known := zoneinfo.available_timezones()) and known:
        near = difflib.get_close_matches(zone, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else ""
        said = f"there is no time zone {zone!r}"
        expected = "a name such as Europe/Berlin or UTC"
        yield Problem(("timezone",), "bad-value", said, expected=expected, hint=hint)
