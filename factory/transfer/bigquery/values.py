"""Values as the REST API writes them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _moment(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(text))


_READ: Mapping[str, Callable[[str], Any]] = {
    "INTEGER": int,
    "FLOAT": float,
    "BOOLEAN": lambda text: text == "true",
    "NUMERIC": Decimal,
    "BIGNUMERIC": Decimal,
    "BYTES": base64.b64decode,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "DATETIME": datetime.fromisoformat,
    "TIMESTAMP": _moment,
}


def row(fields: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row, of columns that are plain or lists."""
    cells = zip(fields, given["f"], strict=True)
    return tuple(_value(field, cell["v"]) for field, cell in cells)


def _value(field: Mapping[str, Any], given: Any) -> Any:
    if given is None:
        return None
    if field.get("mode") == "REPEATED":
        return [_one(field, cell["v"]) for cell in given]
    return _one(field, given)


def _one(field: Mapping[str, Any], given: Any) -> Any:
    if given is None:
        return None
    if field["type"] in ("RECORD", "STRUCT"):
        names = [inner["name"] for inner in field["fields"]]
        return dict(zip(names, row(field["fields"], given), strict=True))
    return _READ.get(field["type"], str)(given)
