"""What is wrong with a Jinja template that Airflow fills in: parsed as there, never rendered.

Two gears: a template of nothing but known names is known by a pattern; only another one is worth
importing Jinja.
"""

from __future__ import annotations

import re

from factory import intervals
from factory.lint.jinja.parts import FILTERS, ITEM, NAMES, OPENS, Read, Wrong, is_gone


def line_of(text: str, wrong: Wrong | Read) -> int:
    """The line of a text in which something is wrong, or is read."""
    place = -1
    for _ in range(wrong.nth + 1):
        place = text.find(wrong.part, place + 1)
    return text.count("\n", 0, max(place, 0)) + 1


def wrong(text: str, also: tuple[str, ...] = ()) -> tuple[Wrong, ...]:
    """Everything that is wrong with a template; `also` are names that it knows besides."""
    if not _is_read(text) or _is_plain(text, also):
        return ()
    from factory.lint.jinja.parsed import found

    return found(text, also)


def params(text: str, known: tuple[str, ...]) -> tuple[Wrong, ...]:
    """What a template asks of a pipeline's `params` and they have not."""
    if not _is_read(text):
        return ()
    if all(match["name"] in known for match in _PARAM.finditer(text)):
        return ()
    from factory.lint.jinja.parsed import asked_of

    return asked_of(text, "params", "the pipeline has no param", known)


def interval(text: str) -> tuple[Wrong, ...]:
    """What a template asks of a run's `interval` and it has not: Airflow would write nothing."""
    if "interval" not in text or not _is_read(text):
        return ()
    if all(match["name"] in intervals.NAMES for match in _INTERVAL.finditer(text)):
        return ()
    from factory.lint.jinja.parsed import asked_of_interval

    return asked_of_interval(text)


def fields(text: str, known: tuple[str, ...]) -> tuple[Wrong, ...]:
    """What a template asks of its `item` and no item has."""
    if ITEM not in text or not _is_read(text):
        return ()
    from factory.lint.jinja.parsed import asked_of

    return asked_of(text, ITEM, "no item has a", known)


def steps(text: str) -> tuple[Read, ...]:
    """The steps whose outputs a template reads; none of one that does not parse."""
    if "tasks" not in text or not _is_read(text):
        return ()
    from factory.lint.jinja.parsed import steps_of

    return steps_of(text)


def pulled(text: str) -> tuple[Read, ...]:
    """The tasks of its own run that a template asks by `ti.xcom_pull`."""
    if "xcom_pull" not in text or not _is_read(text):
        return ()
    from factory.lint.jinja.parsed import pulled_of

    return pulled_of(text)


_INTERVAL = re.compile(r"\binterval\s*(?:\.\s*(?P<name>\w+)|\[)")
_PARAM = re.compile(r"\bparams\b(?:\.(?P<name>\w+))?")
_LONGEST = 128 * 1024
"""Characters of a template that are looked at: Jinja takes seconds for a MiB."""
_PLAIN = re.compile(
    r"\{\{-?\s*(?P<name>[a-z_]+)(?P<path>(?:\.[a-z_]\w*)*)(?:\s*\|\s*(?P<filter>[a-z_]+))?\s*-?\}\}"
)


def _is_read(text: str) -> bool:
    """Whether a text is a template, and short enough to be looked at."""
    return len(text) <= _LONGEST and OPENS.search(text) is not None


def _is_plain(text: str, also: tuple[str, ...]) -> bool:
    """Whether it is nothing but text and known names: most are."""
    if "{#" in text or "{%" in text:
        return False
    for match in _PLAIN.finditer(text):
        name, attribute = match["name"], match["path"].split(".")[1:2]
        if name not in NAMES and name not in also:
            return False
        if name == "task" and match["path"].endswith(".output"):
            return False
        if match["filter"] not in (None, *FILTERS) or any(is_gone(name, a) for a in attribute):
            return False
    return not OPENS.search(_PLAIN.sub("", text))


__all__ = [
    "ITEM",
    "Read",
    "Wrong",
    "fields",
    "interval",
    "line_of",
    "params",
    "pulled",
    "steps",
    "wrong",
]
