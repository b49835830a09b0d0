"""The Arrow types that the words for column types mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from factory.definitions.formats.types import OWN, SHORT, WORDS, digits, element, is_possible
from factory.transfer.errors import BadOption, unknown

_ARROW: dict[str, pa.DataType] = {
    word: getattr(pa, function)(*given) for word, (function, *given) in WORDS.items()
}


@dataclass(frozen=True)
class Known:
    """What a table that is there tells of a column that nobody declared."""

    type: pa.DataType  # what its values are read as
    json: bool = False  # a value of JSON is taken as it is written
    number: bool = False  # a text that is to be a number, with a point
    needed: bool = False  # a load without the column is refused


def arrow_type(word: str) -> pa.DataType:
    """`bigint`, `decimal(10, 2)`, … Raises `BadOption`."""
    word = word.strip().lower()
    if (inner := element(word)) is not None:
        return pa.list_(arrow_type(inner))
    if word in OWN:
        return pa.string()
    if (found := digits(word)) is not None:
        precision, scale = found
        if not is_possible(precision, scale):
            raise BadOption(f"{word} is not possible", "Give 1 to 76 digits, and a smaller scale")
        return (
            pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
        )
    if word in ("decimal", "numeric"):
        raise BadOption(f"{word} needs its digits", "Write, for example, decimal(18, 2)")
    try:
        return _ARROW[SHORT.get(word, word)]
    except KeyError:
        raise unknown("column type", word, [*WORDS, *SHORT, *OWN, "decimal"]) from None


_OWN_TYPE = b"factory.type"


def said(schema: pa.Schema, words: Mapping[str, str]) -> pa.Schema:
    """Note the words that Arrow has no type for at their columns."""
    for place, field in enumerate(schema):
        word = str(words.get(field.name, "")).strip().lower()
        if (element(word) or word) in OWN or (element(word) and pa.types.is_string(field.type)):
            noted = {**(field.metadata or {}), _OWN_TYPE: word.encode()}
            schema = schema.set(place, field.with_metadata(noted))
    return schema


def own_type(field: pa.Field) -> str:
    """The word that was noted of a column; empty: its type says it."""
    noted: bytes = (field.metadata or {}).get(_OWN_TYPE, b"")
    return noted.decode()


def type_word(kind: pa.DataType) -> str:
    """The word for an Arrow type, for messages."""
    for word, known in _ARROW.items():
        if kind == known:
            return word
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return str(kind)
