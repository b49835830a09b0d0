"""What stands in a run's log: the lines of Airflow and of tasks, and what a task says it did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\S+ \[(?P<level>\w+) *\] (?P<text>.*?) *\[(?P<logger>[\w.]+)\](?: .*)?$"
)
_OURS = b"[factory."
_WIDTH, _WARNING = 140, 240


class Account(msgspec.Struct, frozen=True):
    """What one of our operators says at its end, and its warnings, all shortened."""

    did: str
    warnings: tuple[str, ...]


def account(log: Path, start: int) -> Account:
    """What a task has said in the log from `start` to its end; nothing for a person's own code."""
    did, warnings = "", []
    for level, text in _ours(log, start):
        if level == "warning":
            warnings.append(_short(text, _WARNING))
        elif level == "info":
            did = text
    return Account(_short(did, _WIDTH), tuple(warnings))


def _ours(log: Path, start: int) -> Iterator[tuple[str, str]]:
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(start)
        for raw in file:  # not all at once: a task may print without end
            found = LINE.match(raw.decode("utf-8", errors="replace")) if _OURS in raw else None
            if found and found["logger"].startswith("factory."):
                yield found["level"], found["text"]


def _short(text: str, width: int) -> str:
    """As many parts of a sentence as fit."""
    if len(text) <= width:
        return text
    return f"{text[:width].rpartition(', ')[0] or text[: width - 1]} …"
