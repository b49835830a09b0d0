"""What can be told of a value before it is used: names, addresses, moments, times.

A value that holds a template is known only when the task runs; nothing is said of it here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from urllib.parse import urlsplit

from factory.diagnostics import Path, quoted
from factory.problem import Problem

LONGEST_TIMEOUT = 2**31 - 1
"""Milliseconds: PostgreSQL counts time-outs in 32 bits."""
_MOMENT = "an ISO date or time, such as 2024-01-31 or 2024-01-31T06:00:00Z"


def is_template(text: str) -> bool:
    """Whether Airflow fills something in when the task runs."""
    return "{{" in text or "{%" in text


def lone_percent(sql: str) -> int | None:
    """Where a `%` stands that such a driver refuses whose parameters are `%s` or `%(name)s`.

    None when there is no such parameter: another driver reads this.
    """
    plain = _blanked(_TAGS, sql)
    found = (match.start() for match in re.finditer(_PERCENT, plain) if match["lone"] is not None)
    lone = next(found, None)
    if lone is None:
        return None
    bare = re.finditer(_PERCENT, _blanked(_QUOTED, plain))
    binds = any(match["lone"] is None and match[0] != "%%" for match in bare)
    return lone if binds else None


_PERCENT = r"%(?:%|\(\w+\)[a-z]|[sbt](?!\w)|(?P<lone>))"
_TAGS = r"(?s)\{(?:\{.*?(?:\}\}|\Z)|%.*?(?:%\}|\Z)|#.*?(?:#\}|\Z))"
_QUOTED = r"'[^']*(?:'|\Z)"


def _blanked(pattern: str, text: str) -> str:
    return re.sub(pattern, lambda match: " " * len(match[0]), text)


def columns(names: Sequence[str], path: Path, *, filled: bool = False) -> Iterator[Problem]:
    """Names that no column of a table can have; each stands at its place in a list."""
    for index, name in enumerate(names):
        yield from column(name, (*path, index), filled=filled)


def column(
    name: str, path: Path, *, filled: bool = False, at_key: bool = False
) -> Iterator[Problem]:
    """A name that no column of a table can have; `filled`: templates are filled in."""
    if is_template(name):
        if not filled:
            message = f"{quoted(name)} is a template, which nobody fills in here"
            yield Problem(path, "column-name", message, "a column's name", at_key=at_key)
    elif not name:
        yield Problem(path, "column-name", "a column without a name", at_key=at_key)


def repeated(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The names that stood before, with their places."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield index, name
        seen.add(name)


def twice(names: Iterable[str], path: Path) -> Iterator[Problem]:
    """Columns that stand in a list more than once."""
    for index, name in repeated(names):
        message = f"the column {name!r} is named twice"
        yield Problem((*path, index), "key-columns", message, expected="each column once")


def moment(text: str) -> datetime | None:
    """An ISO date or time; UTC unless it says its zone. None when it is none."""
    try:
        found = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text.strip()))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def moments(given: Mapping[str, str | None], path: Path) -> Iterator[Problem]:
    """Texts that are no moment."""
    for name, text in given.items():
        if text is not None and not is_template(text) and moment(text) is None:
            message = f"{quoted(text)} is no moment"
            yield Problem((*path, name), "date", message, _MOMENT)


def in_order(start: str | None, end: str | None, path: Path) -> Iterator[Problem]:
    """An interval that ends before it begins, or at once."""
    if start is None or end is None or is_template(start + end):
        return
    first, last = moment(start), moment(end)
    if first is not None and last is not None and first >= last:
        message = "the interval is empty: `end` is the first moment that is not in it"
        yield Problem(path, "date-order", message, f"later than {start}")


def timeout(seconds: float, path: Path) -> Iterator[Problem]:
    """A time-out that PostgreSQL cannot count."""
    if seconds * 1000 > LONGEST_TIMEOUT:
        message = "PostgreSQL takes no time-out as long as this"
        yield Problem(path, "out-of-bounds", message, "at most 24d; 0s is none at all")


def pause(seconds: float, path: Path) -> Iterator[Problem]:
    """Two looks without time between them."""
    if not seconds:
        message = "it would be looked again and again without a pause"
        yield Problem(path, "out-of-bounds", message, "more than nothing", "write such as 10s")


def url(text: str, path: Path) -> Iterator[Problem]:
    """An address by HTTP that has no host, no port that can be, or a blank in it."""
    if is_template(text):
        return
    try:
        parts = urlsplit(text)
        _ = parts.port
        reason = "" if parts.hostname else "it names no host"
    except ValueError as error:
        reason = str(error)
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        reason = "it holds a blank"
    if reason:
        message = f"{quoted(text)} is no address: {reason}"
        yield Problem(path, "format", message, "an address such as https://example.org/data.csv")


def below(text: str, path: Path) -> Iterator[Problem]:
    """What is added to a connection's address: not another address, and one line."""
    if match := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        message = f"{match[0]} cannot stand here: the connection's own address comes before"
        hint = "write what comes after the host"
        yield Problem(path, "format", message, "a path such as /v1/invoices", hint)
    elif re.search(r"[\x00-\x1f\x7f]", text) and not is_template(text):
        message = "a path holds no line break and no control character"
        yield Problem(path, "format", message, "a path such as /v1/invoices")


_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


def headers(given: Mapping[str, str], path: Path) -> Iterator[Problem]:
    """Headers that HTTP cannot send. What a header says is never shown: it may be a secret."""
    for name, value in given.items():
        place = (*path, name)
        if not _HEADER.match(name):
            message = f"{quoted(name)} cannot be a header's name"
            yield Problem(place, "header", message, "letters, digits and `-`", at_key=True)
        elif not is_template(value) and re.search(r"^\s|[\r\n\x00]", value):
            message = f"the header {name} begins with a blank, or holds a line break"
            hint = "end the text with `>-` or `|-`, or put it in quotes" if "\n" in value else ""
            yield Problem(place, "header", message, "one line", hint)
        elif any(character > "\xff" for character in value):
            message = f"the header {name} holds characters that HTTP cannot send"
            yield Problem(place, "header", message, "characters of Latin-1")


_WRONG = (
    "unterminated character set",
    "missing )",
    "unbalanced parenthesis",
    "nothing to repeat",
    "bad character range",
    "min repeat greater",
)
_LONGEST_PATTERN = 1000


def postgres_pattern(text: str, path: Path) -> Iterator[Problem]:
    """A regular expression that is wrong for Python and PostgreSQL alike."""
    if is_template(text) or len(text) > _LONGEST_PATTERN or text.startswith(("***", "(?")):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        if str(error).startswith(_WRONG):
            message = f"this is no regular expression: {error}"
            yield Problem(path, "format", message, "a regular expression, such as ^[A-Z]{2}$")
