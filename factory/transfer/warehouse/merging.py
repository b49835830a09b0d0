"""What a merge key has to be: the words of all warehouses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from factory.transfer.errors import BadRow, TransferError, unknown
from factory.transfer.warehouse.parts import Table

_APART = "Name a key that tells the rows apart"


def require(key: Iterable[str], columns: Collection[str]) -> None:
    """See that there are all columns of the key. Raises `BadOption`."""
    for name in key:
        if name not in columns:
            raise unknown("column in the merge key", name, columns)


def shown(key: Sequence[str], values: Sequence[object]) -> str:
    """`id = 1, day = 2024-01-01`."""
    return ", ".join(f"{name} = {value}" for name, value in zip(key, values, strict=True))


def nulls(count: int, rows: int, key: Sequence[str], what: str = "merge key") -> BadRow:
    """Build the error for rows that their key does not name."""
    return BadRow(f"{count} of {rows} rows have a null in the {what} {list(key)}")


def twice(count: int, example: str, what: str = "merge key", hint: str = _APART) -> BadRow:
    """Build the error for keys that are in several rows; `example` is one of them."""
    return BadRow(
        f"{count} {what}s stand in more than one row of this load, for example {example}", hint
    )


def several(target: Table, count: object, example: str) -> TransferError:
    """Build the error for a key that names several rows of the target."""
    return TransferError(
        f"{target} has {count} rows of one merge key, {example}: a row of the load would overwrite "
        "them all",
        f"{_APART}, or take out those that are too many",
    )
