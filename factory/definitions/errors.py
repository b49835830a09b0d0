"""What the definitions refuse; the whole tree of what can go wrong with data is `transfer.errors`.

A value that a template leaves is known only when a task runs, so what lint would have told of it is
told then.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection


class TransferError(Exception):
    """What went wrong, and a hint where one is known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class BadOption(TransferError):
    """No such option, or no such value of it."""


def unknown(what: str, name: str, known: Collection[str]) -> BadOption:
    """Build the error for a name that is not among the known ones."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(sorted(known))}"
    return BadOption(f"unknown {what} {name!r}", hint)
