"""What Airflow's templates know, and what is told of one."""

from __future__ import annotations

import re
from typing import NamedTuple

from factory.context import CONTEXT

NAMES = CONTEXT.union(
    ("exception", "expanded_ti_count", "reason", "templates_dict", "test_mode", "try_number"),
    ("tasks", "events"),
)
"""What Airflow's templates know, with `tasks` and `events`."""
ITEM = "item"
"""What they know besides where there is one copy for each item."""
FILTERS = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
"""Airflow's own filters."""
PATHS = {
    "dag_run.execution_date": "dag_run.logical_date",
    "dag_run.external_trigger": "dag_run.run_type == 'manual'",
    "task_instance.execution_date": "logical_date",
    "ti.execution_date": "logical_date",
}
"""What some of them had in Airflow 2, and today's way."""
VAR = ("value", "json")
"""What `var` has: Airflow's Variables, as text or read as JSON."""
OPENS = re.compile(r"\{[{%#]")


def is_gone(name: str, attribute: str) -> bool:
    """Whether a name of Airflow's has no such attribute."""
    return f"{name}.{attribute}" in PATHS or (name == "var" and attribute not in VAR)


class Read(NamedTuple):
    """A step that a template reads, and what of it: `tasks.load.output`.

    `part` is how its name is written, and stands `nth` times before. `output` is the name of one
    of several: `tasks.load.outputs.rows`. `path` is all that is asked of it, by names.
    """

    step: str
    what: str
    part: str
    nth: int
    output: str = ""
    path: tuple[str, ...] = ()


class Wrong(NamedTuple):
    """What is wrong, and where: `part` is what is meant there, and stands `nth` times before."""

    message: str
    part: str
    nth: int
    expected: str = ""
    hint: str = ""
    sure: bool = True
