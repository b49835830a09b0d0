"""What a task says that it did, for its log and for `factory run`, which shows no other line."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def say(text: str, *values: object) -> None:
    """One line of it, as `logging` takes it."""
    log.info(text, *values)
