"""How the values of one column are written: a type's word, or a mapping with more.

One definition for all formats. How it is done is `factory.transfer.values.spelling` and `convert`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from factory.definitions.formats import times, types
from factory.definitions.formats.types import TypeWord
from factory.diagnostics import Severity
from factory.fields import Strict
from factory.problem import Problem

Clock = Literal["fail", "null", "earlier", "later"]


class Column(Strict, frozen=True, kw_only=True, omit_defaults=True):
    """A column's type, and how its values are written: numbers and times as people write them.

    What is not written as said is a bad row: `1,23` is no number with thousands. In JSON, strings
    may then be numbers; a number is one as it is.
    """

    type: Annotated[TypeWord, Meta(description="The column's type.")]
    decimal_point: Annotated[
        str | None,
        Meta(description="In numbers. Default: the format's, or a point.", examples=[","]),
    ] = None
    thousands: Annotated[
        str | None,
        Meta(
            description="Between groups of three digits; a space also stands for those that do not "
            "break.",
            examples=[",", ".", " ", "'"],
        ),
    ] = None
    strip: Annotated[
        list[str],
        Meta(
            description="Texts that may stand before or after a number, such as currencies.",
            examples=[["$", "EUR"]],
        ),
    ] = msgspec.field(default_factory=list)
    percent: Annotated[bool, Meta(description="`12.5%` is 0.125; each value has the sign.")] = False
    parentheses: Annotated[bool, Meta(description="`(5)` is -5.")] = False
    trailing_minus: Annotated[bool, Meta(description="`5-` is -5.")] = False
    formats: Annotated[
        list[str],
        Meta(
            description="How its dates and timestamps are written, as strptime has it. Default: "
            "the format's `timestamp_formats`, or ISO 8601.",
            examples=[["%d/%m/%Y"]],
        ),
    ] = msgspec.field(default_factory=list)
    unit: Annotated[
        Literal["s", "ms", "us", "ns"] | None,
        Meta(
            description="Timestamps are numbers: seconds (or milli-, micro-, nanoseconds) since "
            "1970, in UTC."
        ),
    ] = None
    truncate: Annotated[
        bool,
        Meta(description="Let go what is less than a microsecond; else such values are refused."),
    ] = False
    timezone: Annotated[
        str | None,
        Meta(
            description="The zone of timestamps that name none. Default: the format's.",
            examples=["Europe/Berlin"],
        ),
    ] = None
    ambiguous: Annotated[
        Clock,
        Meta(
            description="Local times that are there twice, when clocks go back: a bad row, null, "
            "or one of the two moments."
        ),
    ] = "fail"
    nonexistent: Annotated[
        Clock,
        Meta(
            description="Local times that clocks skip: a bad row, null, or the moment by the "
            "offset after (`earlier`) or before the change (`later`, as PostgreSQL has it)."
        ),
    ] = "fail"


Declared = str | Column
_NUMBERS = ("decimal_point", "thousands", "strip", "percent", "parentheses", "trailing_minus")
_ZONED = ("timezone", "ambiguous", "nonexistent")
_STAMPS = ("timestamp", "timestamptz")
_FITS: Mapping[str, tuple[str, ...]] = {
    "formats": ("date", *_STAMPS),
    "unit": _STAMPS,
    "truncate": ("time", *_STAMPS),
    **dict.fromkeys(_ZONED, ("timestamptz",)),
}
"""Options with the types that have them, but for numbers."""
_INTEGERS = ("smallint", "integer", "bigint")


def word(given: Declared) -> str:
    """The type's word."""
    return given if isinstance(given, str) else given.type


def words(given: Mapping[str, Declared]) -> dict[str, str]:
    """Each column's word."""
    return {name: word(one) for name, one in given.items()}


def options(given: Declared) -> dict[str, object]:
    """What is said beside the type."""
    if isinstance(given, str):
        return {}
    found: dict[str, object] = msgspec.to_builtins(given)
    del found["type"]
    return found


def problems(
    given: Mapping[str, Declared], *, decimal_point: str = ".", timezone: str | None = None
) -> Iterator[Problem]:
    """Names and types that no column can have, and options that do not fit each other.

    :param decimal_point: the format's; so is `timezone`.
    """
    yield from types.problems(words(given))
    for name, one in given.items():
        if not isinstance(one, str):
            place = ("columns", name)
            yield from _of_types(one, place)
            yield from _of_numbers(one, place, one.decimal_point or decimal_point)
            yield from _of_times(one, place, timezone)


def _plain(given: Column) -> str:
    """The type's own word: `decimal` for one with digits."""
    bare = given.type.strip().lower()
    return "decimal" if types.digits(bare) else types.SHORT.get(bare, bare)


def _of_types(given: Column, place: tuple[str, str]) -> Iterator[Problem]:
    kind = _plain(given)
    for option in options(given):
        fits = (*_INTEGERS, "decimal", "real", "double") if option in _NUMBERS else _FITS[option]
        if kind not in fits:
            said = f"{option} says nothing of a {kind}"
            yield Problem((*place, option), "bad-value", said, f"one of {', '.join(fits)}")
    if given.percent and kind in _INTEGERS:
        said = f"a percentage is a fraction, no {kind}"
        yield Problem((*place, "percent"), "bad-value", said, "decimal(…, …) or double")


def _of_numbers(given: Column, place: tuple[str, str], point: str) -> Iterator[Problem]:
    if given.decimal_point is not None and not is_separator(given.decimal_point):
        said = f"decimal_point can't be {given.decimal_point!r}"
        yield Problem((*place, "decimal_point"), "bad-value", said, "`.` or `,`")
    if given.thousands is not None and not is_separator(given.thousands):
        said = f"thousands can't be {given.thousands!r}"
        yield Problem((*place, "thousands"), "bad-value", said, "one character such as `,`")
    if given.thousands == point and _plain(given) not in _INTEGERS:
        said = f"thousands and decimal_point are both {point!r}"
        yield Problem((*place, "thousands"), "bad-value", said, "two characters")
    for index, text in enumerate(given.strip):
        if not _is_beside_a_number(text) or text in (point, given.thousands):
            said = f"{text!r} may be part of a number"
            expected = "a text such as `$` or `EUR`"
            yield Problem((*place, "strip", index), "bad-value", said, expected)


def is_separator(character: str) -> bool:
    """Whether no number has it elsewhere."""
    return len(character) == 1 and not character.isalnum() and character not in "+-()%\0\r\n"


def _is_beside_a_number(text: str) -> bool:
    odd = any(character.isdigit() or character in "+-()\0" for character in text)
    return bool(text.strip()) and text == text.strip() and not odd


def _of_times(given: Column, place: tuple[str, str], zone: str | None) -> Iterator[Problem]:
    formats: Sequence[str] = given.formats
    for problem in times.problems(formats, given.timezone):
        field, *rest = problem.path
        path = (*place, "formats" if field == "timestamp_formats" else field, *rest)
        yield msgspec.structs.replace(problem, path=path)
    said = options(given)
    if given.unit is not None:
        for option in ("formats", *_ZONED):
            if option in said:
                text = f"a number of {given.unit} since 1970 is a moment: {option} says nothing"
                severity: Severity = "error" if option == "formats" else "warning"
                yield Problem((*place, option), "bad-value", text, severity=severity)
    elif given.timezone is None and zone is None:
        for option in ("ambiguous", "nonexistent"):
            if option in said:
                text = f"{option} needs the zone of the times"
                yield Problem((*place, option), "missing-key", text, "`timezone: Europe/Berlin`")


__all__ = [
    "Clock",
    "Column",
    "Declared",
    "is_separator",
    "options",
    "problems",
    "word",
    "words",
]
