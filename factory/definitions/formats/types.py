"""The words for a column's type, in YAML and in messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import Meta

from factory import literals
from factory.diagnostics import did_you_mean
from factory.problem import Problem

WORDS: Mapping[str, tuple[str, ...]] = {
    "boolean": ("bool_",),
    "smallint": ("int16",),
    "integer": ("int32",),
    "bigint": ("int64",),
    "real": ("float32",),
    "double": ("float64",),
    "text": ("string",),
    "date": ("date32",),
    "time": ("time64", "us"),
    "timestamp": ("timestamp", "us"),
    "timestamptz": ("timestamp", "us", "UTC"),
    "binary": ("binary",),
}
"""Each word with pyarrow's function that makes the type, and what that is given."""
SHORT: Mapping[str, str] = {
    "bool": "boolean",
    "int": "integer",
    "float": "double",
    "string": "text",
}
"""Other words for some of them."""
OWN = ("uuid", "jsonb", "interval", "timetz", "inet", "cidr", "macaddr")
"""Types that no file has: a text is staged, and the target makes its own of it."""
OTHERS: Mapping[str, str] = {
    "varchar": "`text`",
    "char": "`text`",
    "character varying": "`text`",
    "decimal": "its digits, as in `decimal(18, 2)`",
    "numeric": "its digits, as in `decimal(18, 2)`",
    "int2": "`smallint`",
    "int4": "`integer`",
    "int32": "`integer`",
    "int8": "`bigint`",
    "int64": "`bigint`",
    "long": "`bigint`",
    "float4": "`real`",
    "float8": "`double`",
    "double precision": "`double`",
    "datetime": "`timestamp`, or `timestamptz` where values have an offset",
    "timestamp without time zone": "`timestamp`",
    "timestamp with time zone": "`timestamptz`",
    "time with time zone": "`timetz`",
    "bytea": "`binary`",
    "money": "`decimal(18, 2)`",
    "json": "`jsonb`",
}
"""What databases and other programs call them."""
JSON = "json"
"""Of JSON Lines: a value as it is written, as text."""
MOST_DIGITS = 76
"""Of a decimal: Arrow's own limit."""

_DECIMAL = re.compile(r"(?:decimal|numeric)\( *(\d+) *, *(\d+) *\)")


def _spelled() -> Iterator[str]:
    """Each word, and its short one: as its beginning, or beside it."""
    short = {word: other for other, word in SHORT.items()}
    for word in WORDS:
        other = short.get(word)
        if other is None:
            yield word
        elif word.startswith(other):
            yield f"{other}({word.removeprefix(other)})?"
        else:
            yield f"{word}|{other}"


def _pattern(more: str = "") -> str:
    words = "|".join(_spelled()).replace("|text", f"|text{more}")
    own = "|".join(OWN)
    return rf"^(({words}|{own}|(decimal|numeric)\( *[0-9]+ *, *[0-9]+ *\))(\[\])?)$"


TypeWord = Annotated[
    str,
    Meta(title="column type", pattern=_pattern(), examples=["integer", "decimal(10, 2)", "uuid"]),
]
JsonTypeWord = Annotated[
    str,
    Meta(
        title="column type",
        pattern=_pattern(f"|{JSON}"),
        examples=["integer", "decimal(10, 2)", "json"],
    ),
]


def element(word: str) -> str | None:
    """Of `text[]`, what its elements are; None: it is no array."""
    return word.removesuffix("[]") if word.endswith("[]") else None


def nearest(word: str) -> str:
    """The word that may have been meant, as a hint; empty when there is none."""
    word = word.strip().lower()
    other = OTHERS.get(word.partition("(")[0])
    if other is not None:
        return f"write {other}"
    return did_you_mean(word, [*WORDS, *SHORT, *OWN, "decimal(10, 2)"])


def digits(word: str) -> tuple[int, int] | None:
    """Precision and scale of `decimal(10, 2)`; None when the word is another."""
    match = _DECIMAL.fullmatch(word)
    return None if match is None else (int(match[1]), int(match[2]))


def is_possible(precision: int, scale: int) -> bool:
    """Whether there is a decimal of so many digits, so many of them after the point."""
    return 1 <= precision <= MOST_DIGITS and scale <= precision


def problems(columns: Mapping[str, str]) -> Iterator[Problem]:
    """Names that no column can have, and decimals that there are none of."""
    for name, word in columns.items():
        yield from literals.column(name, ("columns", name), at_key=True)
        found = digits(word)
        if found is not None and not is_possible(*found):
            expected = f"1 to {MOST_DIGITS} digits, and a smaller scale"
            yield Problem(("columns", name), "bad-value", f"{word} is not possible", expected)
