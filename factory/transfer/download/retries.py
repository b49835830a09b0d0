"""Which failures are worth another attempt, and when."""

import random
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 60.0
LONGEST_ASKED = 300.0
"""A server that asks for more is asked again by the task's own retry."""


class Again(Exception):
    """Worth another attempt; `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def pause(attempt: int, backoff: float, asked: float | None) -> float:
    """Seconds until the attempt after this one, the first being 1.

    They double, with a random part, so that many tasks do not come back at once.
    """
    if asked is not None:
        return min(asked, LONGEST_ASKED)
    return min(backoff * 2.0 ** (attempt - 1), LONGEST_WAIT) * random.uniform(0.5, 1)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for: a number, or a date by the server's own clock."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    until = parsed_date(asked)
    if until is None:
        return None
    now = parsed_date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def parsed_date(text: str | None) -> datetime | None:
    """A date of an HTTP header; None when it is none."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, TypeError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
