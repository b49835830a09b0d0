"""Why a text is no value of a type, and the options of `columns` that would make it one.

A hint is given only when the text then fits: each is tried.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from factory.definitions.formats.columns import Column
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import Spelling, of_column
from factory.transfer.values.types import type_word

Options = Mapping[str, object]
_MOST = 20  # of the options of a column
_COUNTS = {7: "seven", 8: "eight", 9: "nine"}
_SEPARATORS = ",.' \u2019\u00a0\u202f_"
_UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d")
SHORT = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y")  # which century is a person's to say
TIMES = ("", " %H:%M", " %H:%M:%S")
_ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
TRUNCATE: Mapping[str, object] = {"truncate": True}
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def why(text: str, kind: pa.DataType, how: Spelling, name: str) -> tuple[str, str] | None:
    """What is wrong with a text, and the options that read it; None when no option does."""
    if not any(map(str.isdigit, text)) or (
        pa.types.is_temporal(kind) and _fits(text, kind, how, {})
    ):
        return None
    fitting = [pair for pair in _options(text, kind, how) if _fits(text, kind, how, pair[1])]
    if not fitting:
        return None
    ways = [written(name, kind, how, options) for _, options in fitting]
    meant = "the rest may go" if fitting[0][1] is TRUNCATE else "that is meant"
    said = f"If {meant}, say so: {', or '.join(dict.fromkeys(ways))}"
    return fitting[0][0], f"{said}; else declare the column `text`"


def written(name: str, kind: pa.DataType, how: Spelling, options: Options) -> str:
    """`columns` with the options that a column has and some more."""
    return f"`columns: {{{_yaml(name)}: {as_yaml(kind, how, options)}}}`"


def as_yaml(kind: pa.DataType, how: Spelling, options: Options) -> str:
    """A column's type with the options that it has and some more."""
    told = {"type": type_word(kind), **_said(how), **options}
    return f"{{{', '.join(f'{word}: {_yaml(value)}' for word, value in told.items())}}}"


def reading(texts: Sequence[str], kind: pa.DataType, how: Spelling) -> Options | None:
    """Options with which all texts are of a type; None where there are none."""
    array = pa.array(texts, pa.string())
    found: Options = {}
    for _ in range(_MOST):
        wrong = _wrong(array, kind, how, found)
        if wrong is None:
            return found
        text = array.filter(wrong)[0].as_py()
        more = (_both(found, options) for _, options in _options(text, kind, how))
        fitting = (options for options in more if _fits(text, kind, how, options))
        if (better := next(fitting, None)) is None:
            return None
        found = better
    return None


def _both(one: Options, other: Options) -> Options:
    strip = [w for options in (one, other) for w in options.get("strip", ())]  # type: ignore[attr-defined]
    return {**one, **other, **({"strip": list(dict.fromkeys(strip))} if strip else {})}


def _fits(text: str, kind: pa.DataType, how: Spelling, options: Options) -> bool:
    return _wrong(pa.array([text], pa.string()), kind, how, options) is None


def _wrong(texts: pa.Array, kind: pa.DataType, how: Spelling, options: Options) -> pa.Array | None:
    """Which texts are not of a type."""
    word = type_word(kind)
    given = Column(**{"type": word, **_said(how), **options})  # type: ignore[arg-type]
    return convert(texts, kind, of_column(given, how), inferred=False).bad


def _said(how: Spelling) -> dict[str, object]:
    """What a column says already."""
    numbers = how.numbers
    said: dict[str, object] = {
        "thousands": numbers and numbers.thousands,
        "strip": list(numbers.strip) if numbers else None,
        "percent": numbers and numbers.percent,
        "parentheses": numbers and numbers.parentheses,
        "trailing_minus": numbers and numbers.trailing_minus,
        "unit": how.unit,
        "truncate": how.truncate,
        "ambiguous": None if how.ambiguous == "fail" else how.ambiguous,
        "nonexistent": None if how.nonexistent == "fail" else how.nonexistent,
    }
    return {word: value for word, value in said.items() if value}


def _yaml(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value) and value not in ("y", "n", "null"):
        return value
    return json.dumps(value, ensure_ascii=False)


def _options(
    text: str, kind: pa.DataType, how: Spelling
) -> Iterator[tuple[str, Mapping[str, object]]]:
    word = type_word(kind)
    found = re.search(r"\.([0-9]{7,})", text)
    if found and (pa.types.is_timestamp(kind) or pa.types.is_time(kind)):
        yield f"has {digits(len(found[1]))} digits of a second, a {word} holds six", TRUNCATE
    if pa.types.is_timestamp(kind):
        yield from _clocks(kind, how)
        number = re.fullmatch(r"-?([0-9]{9,19})(\.[0-9]+)?", text.strip())
        if number and how.unit is None:
            unit = _UNITS.get(len(number[1]), "s")
            yield f"is not {word}, but may be a number of {unit} since 1970", {"unit": unit}
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and how.unit is None:
        for form in _forms(kind, how):
            yield f"is not {word}", {"formats": [*(one.text for one in how.formats), form]}
    elif _is_number(kind):
        for options in _numbers(text, kind, how):
            yield f"is not {word}", options


def _forms(kind: pa.DataType, how: Spelling) -> Iterator[str]:
    """Ways to write times that a column does not have yet."""
    times = TIMES[:1] if pa.types.is_date(kind) else TIMES
    iso = _ISO[:1] if pa.types.is_date(kind) else _ISO
    yield from iso if how.formats else ()
    yield from (day + time for day in (*DATES, *SHORT) for time in times)


def digits(count: int) -> str:
    """Their number, as a word."""
    return _COUNTS.get(count, str(count))


def _clocks(kind: pa.DataType, how: Spelling) -> Iterator[tuple[str, Mapping[str, object]]]:
    if kind.tz is None or how.zone is None or how.unit is not None:
        return
    yield f"is there twice in {how.zone}, where clocks go back", {"ambiguous": "earlier"}
    yield f"does not exist in {how.zone}, where clocks go forward", {"nonexistent": "later"}


def _is_number(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind))


def _numbers(text: str, kind: pa.DataType, how: Spelling) -> Iterator[dict[str, object]]:
    """Ways to read a text as a number, the likely ones first."""
    bare = text.strip()
    fixed: dict[str, object] = {}
    if "%" in bare and not pa.types.is_integer(kind):
        fixed["percent"] = True
    if "(" in bare:
        fixed["parentheses"] = True
    if re.search(r"[0-9]\D*-", bare):
        fixed["trailing_minus"] = True
    words = [word for word in re.findall(r"[^\d\s%()+\-]+", bare) if word.strip(_SEPARATORS)]
    if words:
        fixed["strip"] = words
    core = re.search(r"[0-9](.*[0-9])?", bare)
    between = dict.fromkeys(c for c in (core[0] if core else "") if c in _SEPARATORS)
    points = dict.fromkeys([how.decimal_point, *(point for point in ".," if point in between)])
    for point, thousands in itertools.product(points, [*between, None]):
        other = {"decimal_point": point} if point != how.decimal_point else {}
        if thousands != point or pa.types.is_integer(kind):
            grouped = {"thousands": _group(thousands)} if thousands else {}
            yield {**fixed, **grouped, **other}


def _group(character: str) -> str:
    return {"\u2019": "'", "\u00a0": " ", "\u202f": " "}.get(character, character)
