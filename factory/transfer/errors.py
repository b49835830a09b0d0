"""What can go wrong with data.

TransferError
├── Missing        what was asked for is not there (HTTP 404, no file matches)
├── BadOption      an option that has no such name or value
├── BadRow         a value, a row or a file that is not what it was declared to be
├── ChecksFailed   a check of severity `error` failed; a load has published nothing
└── SchemaChanged  the load's columns and the target's do not fit
"""

import difflib
from collections.abc import Collection, Sequence
from typing import Any


class TransferError(Exception):
    """What went wrong, and a hint where one is known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class Missing(TransferError):
    """Nothing is there."""


class BadOption(TransferError):
    """No such option, or no such value of it."""


class BadRow(TransferError):
    """Data that is not what it was declared to be."""


class ChecksFailed(TransferError):
    """A check of severity `error` failed; `results` are those of all checks of the `rows`."""

    def __init__(
        self, message: str, hint: str | None = None, *, rows: int = 0, results: Sequence[Any] = ()
    ) -> None:
        super().__init__(message, hint)
        self.rows = rows
        self.results = tuple(results)


class SchemaChanged(TransferError):
    """The columns of a load and of its target do not fit."""


def unknown(what: str, name: str, known: Collection[str]) -> BadOption:
    """Build the error for a name that is not among the known ones."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(sorted(known))}"
    return BadOption(f"unknown {what} {name!r}", hint)
