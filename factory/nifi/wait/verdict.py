"""How a wait ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Word = Literal[
    "succeeded",
    "no_activity",
    "bulletin",
    "invalid",
    "stopped",
    "not_started",
    "failure_connection",
    "too_little",
    "stalled",
    "unreachable",
    "timeout",
]


@dataclass(frozen=True)
class Verdict:
    """`word` for machines; `message` tells people what happened and what to do."""

    ok: bool
    word: Word
    message: str
