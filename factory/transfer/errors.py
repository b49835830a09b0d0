"""What can go wrong with data.

TransferError
├── Missing        what was asked for is not there (HTTP 404, no file matches)
├── BadOption      an option that has no such name or value
├── BadRow         a value, a row or a file that is not what it was declared to be
├── ChecksFailed   a check of severity `error` failed; a load has published nothing
├── SchemaChanged  the load's columns and the target's do not fit
└── Unavailable    a system cannot be asked now, and later may be
"""

from collections.abc import Sequence
from typing import Any

from factory.definitions.errors import BadOption, TransferError, unknown

__all__ = [
    "BadOption",
    "BadRow",
    "ChecksFailed",
    "Missing",
    "SchemaChanged",
    "TransferError",
    "Unavailable",
    "unknown",
]


class Missing(TransferError):
    """Nothing is there."""


class BadRow(TransferError):
    """Data that is not what it was declared to be."""


class ChecksFailed(TransferError):
    """A check of severity `error` failed; `results` are those of all checks of the `rows`.

    `earlier` is what a try of the same load had published before, for people; empty: nothing.
    """

    def __init__(
        self, message: str, hint: str | None = None, *, rows: int = 0, results: Sequence[Any] = ()
    ) -> None:
        super().__init__(message, hint)
        self.rows = rows
        self.results = tuple(results)
        self.earlier = ""


class SchemaChanged(TransferError):
    """The columns of a load and of its target do not fit."""


class Unavailable(TransferError):
    """A system that cannot be asked now, and later may be: nothing of what was asked is wrong."""
