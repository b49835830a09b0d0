"""Errors that a caller may want to tell apart.

FactoryError            expected: shown as one message, exit code 1
├── SpecError           one spec cannot be used; carries its diagnostics
├── BuildError          a valid spec cannot become a DAG; says at which task
└── UsageError          the command line was used wrongly; exit code 2

TimeIsUp                an alarm; no FactoryError, for it must not be caught on its way
Terminated              SIGTERM; a KeyboardInterrupt, for it ends a command as Ctrl-C does
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


class BuildError(FactoryError):
    """A kind or Airflow refuses a valid spec.

    `step` is the id of the task that is refused, empty for the pipeline itself; `part` is the path
    below it, such as `("with", "sql")`; `at_key` when the last name in it is what is wrong.
    `others` are what else is refused, of this task or of others.
    """

    others: tuple[BuildError, ...] = ()

    def __init__(
        self,
        step: str,
        part: tuple[str | int, ...],
        message: str,
        hint: str = "",
        *,
        expected: str = "",
        at_key: bool = False,
    ) -> None:
        super().__init__(message, hint)
        self.step = step
        self.part = part
        self.expected = expected
        self.at_key = at_key


def together(errors: Iterable[BuildError]) -> BuildError | None:
    """All of them as the first one."""
    found = [each for error in errors for each in (error, *error.others)]
    if not found:
        return None
    found[0].others = tuple(found[1:])
    return found[0]


class UsageError(FactoryError):
    """The command line asks for something that does not exist."""


class TimeIsUp(BaseException):
    """An alarm, raised in whatever code runs then: nothing on its way may keep it."""


def said(error: object, limit: int = 500) -> str:
    """What an error, or any object of another package, says of itself: in one line, and cut.

    Never raises: its `__repr__` may, or may give what no database stores.
    """
    try:
        text = repr(error)[: 4 * limit]
    except BaseException as other:
        if not is_fault(other):
            raise
        text = f"{type(error).__name__} (which cannot say more of itself)"
    shown = " ".join(text.replace("\0", "\\0").split()).encode(errors="backslashreplace").decode()
    return shown if len(shown) <= limit else f"{shown[:limit]}…"


def words(error: BaseException, limit: int = 500) -> str:
    """The words of an error, or its name where it has none; as `said`."""

    class _Words:
        def __repr__(self) -> str:
            return " ".join(str(error).split()) or type(error).__name__

    found = said(_Words(), limit)
    return said(error, limit) if found.startswith("_Words (") else found


def is_fault(error: BaseException) -> bool:
    """Whether an error is that of the code that failed.

    Not a person's Ctrl-C, nor an alarm: ours, or Airflow's `AirflowTaskTimeout`. Code of other
    packages may raise all else, also what is no `Exception`, such as a panic of Rust's.
    """
    alarms = (KeyboardInterrupt, TimeIsUp)
    return not isinstance(error, alarms) and type(error).__name__ != "AirflowTaskTimeout"


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what runs is to be ended as after Ctrl-C."""
