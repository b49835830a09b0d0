"""`factory run --dry-run`: what the statements of a run would read; none is run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.amounts import size
from factory.cli import terminal
from factory.diagnostics import printable
from factory.plan.dry_run import dry_run

if TYPE_CHECKING:
    from factory.plan.model import Pipeline

_LONGEST = 60
ACCURACY = {"LOWER_BOUND": "at least ", "UPPER_BOUND": "at most "}
_NOTHING = "no task sends a statement that BigQuery could be asked about"

Entry = tuple[str, Mapping[str, Any]]
"""A task's id, and what it told of one statement."""


def run(
    plan: Pipeline, root: Path, moment: str, only: str, params: Mapping[str, Any], log: Path
) -> int:
    """Ask, and print a table; 1 when the asking itself fails."""
    from factory.cli.quiet import quiet
    from factory.in_airflow import run as real
    from factory.in_airflow.hiding import redacted

    asking = dry_run(plan, only)
    if not asking.tasks:
        print(_NOTHING)
        return 0
    with ExitStack() as stack:
        stack.enter_context(real.terminable())
        out = stack.enter_context(quiet(log, redacted))
        os.environ.pop("AIRFLOW_HOME", None)  # an Airflow of its own: nothing is noted anywhere
        stack.enter_context(real.airflow_home(log))
        done = real.run(asking, root, moment, "", lambda event: None, params=params)
        told = real.returned(plan.dag_id, done.run_id)
        entries = [(task.id, each) for task in asking.tasks for each in told.get(task.id, ())]
        paint = terminal.painter("auto", out)
        print(f"{paint('strong', plan.dag_id)}: nothing is run", file=out)
        for line in lines(entries):
            print(redacted(line), file=out)
        if not done.succeeded:
            print(f"\nnot all could be asked; the whole log: {log}", file=out)
    if done.stopped:
        raise done.stopped
    return 0 if done.succeeded else 1


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """A table of what was asked, with its sum, and a list of what was not."""
    asked = [(task, each) for task, each in entries if "why" not in each]
    total = sum(each["bytes"] for _, each in asked)
    rows = [(task, _short(each["statement"]), _read(each)) for task, each in asked]
    if asked:
        rows = [("step", "statement", "would read"), *rows, ("total", "", size(total))]
        yield ""
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    for task, statement, read in rows:
        first, second, third = widths
        yield f"  {task:{first}}  {statement:{second}}  {read:>{third}}"
    if unasked := [(task, each["why"]) for task, each in entries if "why" in each]:
        yield ""
        yield "not asked:"
        yield from (f"  {task}: {printable(why)}" for task, why in unasked)


def _short(statement: str) -> str:
    text = printable(" ".join(statement.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _read(told: Mapping[str, Any]) -> str:
    return f"{ACCURACY.get(told['accuracy'], '')}{size(told['bytes'])}"
