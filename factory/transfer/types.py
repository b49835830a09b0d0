"""The words for column types in `columns:`, and the Arrow types that they mean."""

import re

import pyarrow as pa

from factory.transfer.errors import BadOption, unknown

WORDS: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double": pa.float64(),
    "text": pa.string(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
}
SHORT = {"bool": "boolean", "int": "integer", "float": "double", "string": "text"}

_DECIMAL = re.compile(r"(?:decimal|numeric)\(\s*(\d+)\s*,\s*(\d+)\s*\)")


def arrow_type(word: str) -> pa.DataType:
    """`bigint`, `decimal(10, 2)`, … Raises `BadOption`."""
    word = word.strip().lower()
    if match := _DECIMAL.fullmatch(word):
        precision, scale = int(match[1]), int(match[2])
        if not 1 <= precision <= 76 or scale > precision:
            raise BadOption(f"{word} is not possible", "Give 1 to 76 digits, and a smaller scale")
        return (
            pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
        )
    if word in ("decimal", "numeric"):
        raise BadOption(f"{word} needs its digits", "Write, for example, decimal(18, 2)")
    try:
        return WORDS[SHORT.get(word, word)]
    except KeyError:
        raise unknown("column type", word, [*WORDS, *SHORT, "decimal"]) from None


def type_word(kind: pa.DataType) -> str:
    """The word for an Arrow type, for messages."""
    for word, known in WORDS.items():
        if kind == known:
            return word
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return str(kind)
