"""What becomes of JSON values in a column of a given type: exact, or refused.

There are two ways to a value. msgspec decodes it as `fast` says, which is quick and strict; and
`one` takes the JSON text of one value and can say what is wrong with it. Both end in `array`.
"""

from __future__ import annotations

import itertools
import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats.types import MOST_DIGITS
from factory.definitions.warehouses import Holds
from factory.transfer.holds import before_all, unheld
from factory.transfer.values import decimals
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import Spelling
from factory.transfer.values.types import type_word

_INTEGER = re.compile(rb"-?[0-9]+")
_NUMBER = b"-0123456789"
_SHOWN = 100


class Unfit(Exception):
    """A value that is not of its column's type."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint


class Nul(Unfit):
    """A text with a NUL, which the target takes in columns of some other types."""


class Kind(Protocol):
    """How the values of one column are read."""

    fast: Any  # the type that msgspec decodes; `Raw`: the text goes through `one`
    type: pa.DataType

    def one(self, token: bytes) -> object:
        """Give what `array` takes, for a value as it is written. Raises `Unfit`."""

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Give many, some None. Raises one of `FAILURES` when one does not fit."""

    def wrong(self, token: bytes) -> Unfit:
        """Say what is wrong with a value."""


FAILURES = (pa.ArrowException, OverflowError, ValueError, Unfit)


class _Plain:
    def __init__(self, kind: pa.DataType) -> None:
        self.type = kind

    def array(self, values: Sequence[Any]) -> pa.Array:
        return pa.array(values, self.type)

    def wrong(self, token: bytes) -> Unfit:
        return Unfit(f"{shown(token)} is not {type_word(self.type)}")


class Null(_Plain):
    """A column of which the sample holds no value."""

    fast: Any = None

    def one(self, token: bytes) -> object:
        """Refuse all but null."""
        if token != b"null":
            raise Unfit(
                f"{shown(token)} is the first value, far from the start; its type is not known"
            )
        return None


class Boolean(_Plain):
    """true and false."""

    fast: Any = bool | None

    def one(self, token: bytes) -> object:
        """Refuse what only stands for true or false."""
        if token not in (b"true", b"false", b"null"):
            raise self.wrong(token)
        return None if token == b"null" else token == b"true"


class Integer(_Plain):
    """Whole numbers without a fraction or an exponent."""

    fast: Any = int | None

    def one(self, token: bytes) -> object:
        """Refuse what is out of range."""
        if token == b"null":
            return None
        if not _INTEGER.fullmatch(token):
            raise self.wrong(token)
        bits = self.type.bit_width
        # Python reads no more than some thousand digits.
        if len(token) > 20 or not -(1 << bits - 1) <= int(token) < 1 << bits - 1:
            words = " or ".join(f"`{word}`" for word in (*_larger(token, bits), "text"))
            raise Unfit(
                f"{shown(token)} is out of the range of {type_word(self.type)}",
                f"Declare it {words}",
            )
        return int(token)


def _larger(token: bytes, bits: int) -> Iterator[str]:
    """The next type that takes a whole number, if there is one."""
    digits = len(token.lstrip(b"-"))
    if bits < 64 and digits <= 20 and -(1 << 63) <= int(token) < 1 << 63:
        yield "bigint"
    elif digits <= MOST_DIGITS:
        yield f"decimal({38 if digits <= 38 else MOST_DIGITS}, 0)"


def _keeping(token: bytes) -> str:
    """The types that keep all of a number's digits."""
    if _digits(token) <= MOST_DIGITS:
        return "`decimal(…, …)` or `text`, which keep"
    return "`text`, which keeps"


def _digits(token: bytes) -> int:
    """How many a decimal needs for a number, before and after its point."""
    try:
        _, digits, exponent = Decimal(token.decode()).as_tuple()
    except InvalidOperation:  # an exponent of more than 18 digits
        return MOST_DIGITS + 1
    places = int(exponent)
    return max(len(digits) + places, len(digits), -places)


class Double(_Plain):
    """Floating point. Declared, it is the nearest to what is written; inferred, what is written."""

    def __init__(self, kind: pa.DataType, *, declared: bool) -> None:
        super().__init__(kind)
        self.declared = declared
        # Decoded at once, more digits than a double has are rounded in silence: see `decode`.
        self._single = pa.types.is_float32(kind)
        self.fast: Any = msgspec.Raw if self._single else float | None

    def one(self, token: bytes) -> object:
        """Refuse what would come out with other digits."""
        if token == b"null":
            return None
        try:
            value = float(token)
        except ValueError:
            raise self.wrong(token) from None
        if self._single:
            value = _single(value)
        if math.isinf(value):
            raise Unfit(f"{shown(token)} is out of the range of {type_word(self.type)}")
        # As most programs write it: nothing more to ask.
        if not self.declared and repr(value).encode() != token and not self._holds(token):
            word = type_word(self.type)
            raise Unfit(
                f"{shown(token)} has more digits than a {word} can hold",
                f"Declare the column {_keeping(token)} them, or `{word}`",
            )
        return value

    def _holds(self, token: bytes) -> bool:
        value = float(token)
        return holds(token.decode(), _shortest(_single(value)) if self._single else repr(value))


class Exact(_Plain):
    """Decimals."""

    fast: Any = msgspec.Raw

    def one(self, token: bytes) -> object:
        """Give the number's own text."""
        if token == b"null":
            return None
        if token[0] not in _NUMBER:
            raise self.wrong(token)
        return token.decode()

    def array(self, values: Sequence[Any]) -> pa.Array:
        """What would have to be rounded or cut is refused."""
        return decimals.exact(pa.array(values, pa.string()), self.type)


class Text(_Plain):
    """Strings as they are; in a column declared as text also others, as their own JSON text."""

    def __init__(self, holds: Holds, *, declared: bool, mixed: bool = False) -> None:
        super().__init__(pa.string())
        self._holds = holds
        self.declared = declared
        self.fast: Any = msgspec.Raw if declared and mixed else str | None

    def one(self, token: bytes) -> object:
        """Refuse a NUL where the target takes none."""
        if token[:1] == b'"':
            text: str = msgspec.json.decode(token, type=str)
            if "\0" in text and not self._holds.nul:
                raise Nul(
                    f"a text with a NUL character (\\u0000), which {self._holds.name} has none of"
                )
            return text
        if token == b"null":
            return None
        if not self.declared:
            raise self.wrong(token)
        return token.decode()


class Json(_Plain):
    """Every value but null as the JSON text that stands in the file."""

    fast: Any = msgspec.Raw

    def __init__(self) -> None:
        super().__init__(pa.string())

    def one(self, token: bytes) -> object:
        """Refuse nothing."""
        return None if token == b"null" else token.decode()


class Several(_Plain):
    """Lists of values of one kind, some of them null."""

    fast: Any = msgspec.Raw

    def __init__(self, kind: pa.DataType, element: Kind) -> None:
        super().__init__(kind)
        self._element = element

    def one(self, token: bytes) -> object:
        """Each element as it is alone. Refuse what is no list."""
        if token == b"null":
            return None
        if token[:1] != b"[":
            raise Unfit(f"{shown(token)} is not a list")
        tokens: list[bytes] = list(map(bytes, msgspec.json.decode(token, type=list[msgspec.Raw])))
        if any(each[:1] in (b"[", b"{") for each in tokens):
            raise Unfit(f"{shown(token)} is not a list of plain values")
        return list(map(self._element.one, tokens))

    def array(self, values: Sequence[Any]) -> pa.Array:
        """One list after the other."""
        flat = self._element.array([each for value in values if value for each in value])
        ends = list(itertools.accumulate(len(value or ()) for value in values))
        mask = pa.array([value is None for value in values], pa.bool_())
        offsets = pa.array([0, *ends], pa.int32())
        return pa.ListArray.from_arrays(offsets, flat, type=self.type, mask=mask)


class Binary(_Plain):
    """The UTF-8 bytes of strings."""

    fast: Any = str | None

    def one(self, token: bytes) -> object:
        """Refuse what is no string."""
        if token == b"null":
            return None
        if token[:1] != b'"':
            raise self.wrong(token)
        text: str = msgspec.json.decode(token, type=str)
        return text  # bytes may be zero

    def array(self, values: Sequence[Any]) -> pa.Array:
        """As bytes."""
        return pa.array(values, pa.string()).cast(self.type)


class When(_Plain):
    """Dates, times and timestamps, written as text."""

    fast: Any = str | None

    def __init__(self, kind: pa.DataType, how: Spelling, holds: Holds, *, declared: bool) -> None:
        super().__init__(kind)
        self.how = how
        self._holds = holds
        self._declared = declared

    def one(self, token: bytes) -> object:
        """Give the text."""
        if token == b"null":
            return None
        if token[:1] != b'"':
            raise self.wrong(token)
        text: str = msgspec.json.decode(token, type=str)
        return text

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Parse them all."""
        done = self._parsed(values)
        if done is None or unheld(done, self._holds) is not None:
            raise ValueError
        return done

    def wrong(self, token: bytes) -> Unfit:
        """Too early, or no such type."""
        done = self._parsed([self.one(token)]) if token[:1] == b'"' else None
        return (
            super().wrong(token)
            if done is None
            else Unfit(f"{shown(token)} {before_all(self._holds)}")
        )

    def _parsed(self, values: Sequence[Any]) -> pa.Array | None:
        texts = pa.array(values, pa.string())
        done = convert(texts, self.type, self.how, inferred=not self._declared)
        # What counts as missing in a CSV is no time here.
        if done.bad is not None or done.values.null_count > texts.null_count:
            return None
        return done.values


class Spelled(_Plain):
    """Numbers and times as people write them, in strings. A number of JSON is one as it is."""

    fast: Any = msgspec.Raw

    def __init__(self, kind: pa.DataType, how: Spelling, holds: Holds) -> None:
        super().__init__(kind)
        self.how = how
        self._holds = holds
        self._plain = replace(how, decimal_point=".", numbers=None)
        percent = how.numbers is not None and how.numbers.percent
        self._numbers = not percent and (how.unit is not None or not _is_time(kind))

    def one(self, token: bytes) -> object:
        """Give a string's text, or a number's own as bytes."""
        if token == b"null":
            return None
        if token[:1] == b'"':
            text: str = msgspec.json.decode(token, type=str)
            return text
        if not self._numbers or token[0] not in _NUMBER:
            raise self.wrong(token)
        return token

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Each by its own way."""
        texts = [value if isinstance(value, str) else None for value in values]
        numbers = [value.decode() if isinstance(value, bytes) else None for value in values]
        found = pa.nulls(len(values), self.type)
        for words, how in ((texts, self.how), (numbers, self._plain)):
            done = convert(pa.array(words, pa.string()), self.type, how, inferred=False)
            if done.bad is not None or unheld(done.values, self._holds) is not None:
                raise ValueError
            found = pc.coalesce(found, done.values)
        return found


def is_spelled(kind: pa.DataType) -> bool:
    """Whether people may write such values otherwise than programs do."""
    t = pa.types
    return bool(t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or _is_time(kind))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind))


class Skipped(_Plain):
    """A key that is not selected."""

    fast: Any = msgspec.Raw

    def __init__(self) -> None:
        super().__init__(pa.null())

    def one(self, token: bytes) -> object:
        """Take anything."""
        return None


def kind_of(type: pa.DataType, how: Spelling, holds: Holds, *, declared: bool) -> Kind:
    """How values become `type`; a string is a `Text` or `Json`."""
    t = pa.types
    if t.is_null(type):
        return Null(type)
    if t.is_boolean(type):
        return Boolean(type)
    if t.is_integer(type):
        return Integer(type)
    if t.is_floating(type):
        return Double(type, declared=declared)
    if t.is_decimal(type):
        return Exact(type)
    if t.is_binary(type):
        return Binary(type)
    return When(type, how, holds, declared=declared)


def holds(written: str, shortest: str) -> bool:
    """Is a number, in the fewest digits that tell it from others of its type, what was written?"""
    try:
        return Decimal(shortest) == Decimal(written)
    except InvalidOperation:  # an exponent of more than 18 digits
        return False


def _shortest(value: float) -> str:
    """The fewest digits that tell a single from others."""
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next(text for text in texts if _single(float(text)) == value)


def _single(value: float) -> float:
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf
    return single


def shown(token: bytes) -> str:
    """A value, shortened for a message."""
    text = token.decode(errors="replace")
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
