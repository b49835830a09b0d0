"""What Airflow's templates know, and what is told of one."""

from __future__ import annotations

import re
from typing import NamedTuple

from factory.context import CONTEXT

NAMES = CONTEXT.union(
    ("exception", "expanded_ti_count", "reason", "templates_dict", "test_mode", "try_number")
)
"""What Airflow's templates know."""
FILTERS = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
"""Airflow's own filters."""
OPENS = re.compile(r"\{[{%#]")


class Wrong(NamedTuple):
    """What is wrong, and where: `part` is what is meant there, and stands `nth` times before."""

    message: str
    part: str
    nth: int
    expected: str = ""
    hint: str = ""
    sure: bool = True
