"""What counts as done, and as failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from factory.nifi.model import Bulletin

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MOST = 500
"""Of a message, that many characters are shown."""


@dataclass(frozen=True)
class Rules:
    """Times are in seconds.

    :param idle_polls: looks in a row that must find nothing under way.
    :param start_timeout: until everything runs, also again after NiFi was away.
    :param grace: until the first sign of work; then `no_activity` decides.
    :param stall_timeout: a queue that does not move while no thread runs; None waits on.
    :param timeout: for the whole wait.
    :param unreachable_timeout: how long NiFi may not answer.
    :param bulletins: what a bulletin of `bulletin_level` or worse means whose message has
        `bulletin_pattern` (a regular expression; empty for any).
    :param source_time: with a source to be stopped: how long it runs after the first activity.
    :param min_flow_files_out: and `min_bytes_out`: what must have left the group when it is done.
    """

    poll_interval: float = 5.0
    idle_polls: int = 3
    start_timeout: float = 60.0
    grace: float = 120.0
    no_activity: Literal["fail", "succeed"] = "fail"
    stall_timeout: float | None = 600.0
    timeout: float = 6 * 3600.0
    unreachable_timeout: float = 300.0
    bulletins: Literal["fail", "warn", "ignore"] = "fail"
    bulletin_level: str = "ERROR"
    bulletin_pattern: str = ""
    source_time: float = 0.0
    min_flow_files_out: int = 0
    min_bytes_out: int = 0

    def __post_init__(self) -> None:
        if self.idle_polls < 1:
            raise ValueError("idle_polls: expected 1 or more")
        if self.bulletin_level not in LEVELS:
            raise ValueError(f"bulletin_level: expected one of {', '.join(LEVELS)}")
        re.compile(self.bulletin_pattern)

    def matters(self, bulletin: Bulletin) -> bool:
        """It is as bad as the level, and its message has the pattern."""
        level = "WARNING" if bulletin.level == "WARN" else bulletin.level
        bad = level not in LEVELS or LEVELS.index(level) >= LEVELS.index(self.bulletin_level)
        return bad and re.search(self.bulletin_pattern, bulletin.message) is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rules:
        """The opposite of `to_dict`."""
        return cls(**{each.name: data[each.name] for each in fields(cls) if each.name in data})
