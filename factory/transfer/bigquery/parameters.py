"""Values that are bound to a query, as the REST API takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from factory.transfer.errors import BadOption

_TYPES: Sequence[tuple[type, str]] = (
    (bool, "BOOL"),  # before int, of which it is one
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "BIGNUMERIC"),
    (datetime, "DATETIME"),  # before date
    (date, "DATE"),
    (time, "TIME"),
    (str, "STRING"),  # which BigQuery takes for a date, where it is compared with one
    (type(None), "STRING"),
)


def bound(given: Mapping[str, Any] | Iterable[Any] | None) -> dict[str, Any]:
    """Of a query's configuration: `@name` by a mapping, else `?` in turn. Raises `BadOption`."""
    if not given:
        return {}
    if isinstance(given, Mapping):
        named = [{"name": name, **_one(value)} for name, value in given.items()]
        return {"parameterMode": "NAMED", "queryParameters": named}
    return {"parameterMode": "POSITIONAL", "queryParameters": [_one(value) for value in given]}


def _one(value: Any) -> dict[str, Any]:
    if isinstance(value, (list, tuple)):
        kind = _type(value[0]) if value else "STRING"
        values = [{"value": _text(each)} for each in value]
        array = {"type": "ARRAY", "arrayType": {"type": kind}}
        return {"parameterType": array, "parameterValue": {"arrayValues": values}}
    kind = _type(value)
    return {"parameterType": {"type": kind}, "parameterValue": {"value": _text(value)}}


def _type(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return "TIMESTAMP"
    for known, name in _TYPES:
        if isinstance(value, known):
            return name
    raise BadOption(f"BigQuery takes no parameter of the type {type(value).__name__}")


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
