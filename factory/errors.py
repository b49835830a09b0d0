"""Errors that a caller may want to tell apart.

FactoryError            expected: shown as one message, exit code 1
├── SpecError           one spec cannot be used; carries its diagnostics
└── UsageError          the command line was used wrongly; exit code 2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from factory.diagnostics import Diagnostic


class FactoryError(Exception):
    """Something expected went wrong; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SpecError(FactoryError):
    """A spec that cannot become a plan; all of its problems at once."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(f"{len(self.diagnostics)} problem(s) in the spec")


class UsageError(FactoryError):
    """The command line asks for something that does not exist."""
