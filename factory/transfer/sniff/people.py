"""Columns of texts that may be numbers or times as people write them: the options that say so."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from factory.transfer.values import options
from factory.transfer.values.spelling import Spelling

_NUMBERS = (pa.int64(), pa.decimal128(18, 2), pa.decimal128(18, 4), pa.float64())
_TIMES = (pa.timestamp("us"), pa.timestamp("us", "UTC"))
_FINE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:?\d\d)?")
_STRIPPED = re.compile(r"[^\w\s]+|[A-Z]{3}")  # signs and codes of currencies
_EPOCH = re.compile(r"1\d{12}|1\d{15}|1\d{18}")  # of this century, finer than a second
_UNITS = {13: "ms", 16: "us", 19: "ns"}


def doubt(texts: Sequence[str], how: Spelling) -> str | None:
    """What a column of texts may be, for a person to decide."""
    fine = all(map(_FINE.fullmatch, texts))
    for kind in _TIMES if fine else _NUMBERS:
        said = options.reading(texts, kind, how)
        if said and all(map(_STRIPPED.fullmatch, _stripped(said))):
            what = "finer than a microsecond" if fine else "numbers"
            return f"{what}? `{options.as_yaml(kind, how, said)}`"
    return None


def epoch(texts: Sequence[str]) -> str | None:
    """What a column of whole numbers may be."""
    lengths = {len(text) for text in texts if _EPOCH.fullmatch(text)}
    if len(lengths) != 1 or not all(map(_EPOCH.fullmatch, texts)):
        return None
    return f"times? `{{type: timestamptz, unit: {_UNITS[lengths.pop()]}}}`"


def _stripped(said: options.Options) -> Sequence[str]:
    found = said.get("strip", ())
    return found if isinstance(found, list) else ()
