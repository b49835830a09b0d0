"""What stands in a run's log: the lines of Airflow and of tasks, and what a task says it did."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from factory import account as accounts
from factory.amounts import counted

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\S+ \[(?P<level>\w+) *\] (?P<text>.*?) *\[(?P<logger>[\w.]+)\](?: .*)?$"
)
_OURS = b"[factory."
_SQL = re.compile(rb" \[info *\] (?:Running statement: |Rows affected: (?P<rows>\d+) )")
_HOOK = re.compile(rb"\[airflow\.task\.hooks\.[\w.]+\.SubprocessHook\](?: |$)")
_BEGINS, _ENDS = "Output:", "Command exited with return code "
_LAST = 20  # lines that a command printed: most say at their end what came of it
_WARNING = 240
_MOST = 10  # statements whose rows are shown


class Account(msgspec.Struct, frozen=True):
    """What one of our operators says it did, and its warnings, shortened.

    `printed` are the last lines of a command's own output, of which `before` came before them.
    """

    did: tuple[str, ...]
    warnings: tuple[str, ...]
    printed: tuple[str, ...] = ()
    before: int = 0


def account(log: Path, start: int) -> Account:
    """What a task has said in the log from `start` to its end; nothing for a person's own code."""
    did: list[str] = []
    warnings: list[str] = []
    statements: list[int | None] = []  # rows affected, where that is told
    output = _Output()
    for raw in _lines(log, start):
        if (text := _printed(raw)) is not None:
            output.add(text.decode("utf-8", errors="replace"))
        elif found := _SQL.search(raw):
            _note(statements, found["rows"])
        elif line := _ours(raw):
            if line["level"] == "warning":
                warnings.append(_short(line["text"]))
            elif line["logger"] == accounts.__name__:
                did.append(line["text"])
    said = (*did, *_said(statements))
    return Account(said, tuple(warnings), tuple(output.last), output.before)


class _Output:
    """The last lines that a command printed, of all that Airflow's hook for commands says."""

    def __init__(self) -> None:
        self.last: deque[str] = deque(maxlen=_LAST)
        self.before = 0
        self._is_within = False

    def add(self, text: str) -> None:
        """Its next line."""
        if not self._is_within:
            self._is_within = text == _BEGINS
        elif text.startswith(_ENDS):
            self._is_within = False
        else:
            self.before += len(self.last) == _LAST
            self.last.append(text)


def _lines(log: Path, start: int) -> Iterator[bytes]:
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(start)
        yield from file  # not all at once: a task may print without end


def _printed(raw: bytes) -> bytes | None:
    """What a line says of a command; in steps, for one pattern takes minutes for a long line."""
    if b".SubprocessHook]" not in raw or (hook := _HOOK.search(raw)) is None:
        return None
    _, level, text = raw[: hook.start()].partition(b"] ")
    return text.rstrip(b" ") if level else None


def _ours(raw: bytes) -> re.Match[str] | None:
    if _OURS not in raw:
        return None
    found = LINE.match(raw.decode("utf-8", errors="replace"))
    return found if found and found["logger"].startswith("factory.") else None


def _note(statements: list[int | None], rows: bytes | None) -> None:
    """Airflow's hooks for SQL tell each statement, then its rows."""
    if rows is None:
        statements.append(None)
    elif statements:
        statements[-1] = int(rows)


def _said(statements: list[int | None]) -> Iterator[str]:
    if statements:
        affected = [f"{rows:,}" for rows in statements if rows is not None]
        rows = f", rows affected: {' + '.join(affected[:_MOST])}" if affected else ""
        more = " + …" if len(affected) > _MOST else ""
        yield f"{counted(len(statements), 'statement')}{rows}{more}"


def _short(text: str) -> str:
    """As many parts of a sentence as fit."""
    if len(text) <= _WARNING:
        return text
    return f"{text[:_WARNING].rpartition(', ')[0] or text[: _WARNING - 1]} …"
