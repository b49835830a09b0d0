"""What `factory run` adds to a failure: the task's last output, and what a laptop lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from factory.cli.logged import LINE
from factory.in_airflow.failure import message
from factory.plan.model import Pipeline
from factory.stores import BUILTIN

_MAX_LINES = 15
_BOILERPLATE = re.compile(
    r"Tmp dir root location|Running command|Output:$|Command exited with return code|::\w+"
)
_TEMPLATE = re.compile(
    r"Exception rendering Jinja .*, field '(?P<field>.*?)'\. Template: (?P<text>.*)"
)


def needs_others(error: BaseException | None) -> bool:
    """Whether a task needs a pipeline that this run's Airflow does not know."""
    said = message(error)
    return "Airflow finds no pipeline" in said or (
        "Dag with dag_id" in said and "not found" in said  # Airflow's own words, before 3.2
    )


def example_address(plan: Pipeline, task_id: str, conn_id: str) -> str:
    """What a connection's address may look like, by the type that its step takes."""
    named = [found for step in plan.steps for found in step.connections]
    types = [found.types[0] for found in named if found.conn_id == conn_id and found.types]
    kind = types[0] if types else _of_operator(plan, task_id, conn_id)
    if (store := _of_store(plan, conn_id)) and not types:
        return store
    if kind == "http":
        return "http://login:password@host:80"
    if kind in ("", "postgres"):
        return "postgres://login:password@host:5432/database"
    return f"{kind}://login:password@host"


def _of_store(plan: Pipeline, conn_id: str) -> str:
    """Where an address in a store names it."""
    text = json.dumps([task.arguments for task in plan.tasks], default=str)
    for scheme, store in BUILTIN.items():
        if store.login and f"{scheme}://{conn_id}{store.login_ends}" in text:
            return store.login
    return ""


def _of_operator(plan: Pipeline, task_id: str, conn_id: str) -> str:
    """Airflow's operators name their argument after the type: `http_conn_id`."""
    arguments = next((t.arguments for t in plan.tasks if t.id == task_id), {})
    keys = [key for key, value in arguments.items() if value == conn_id]
    return keys[0].removesuffix("conn_id").strip("_") if keys else ""


def output(log: Path, start: int) -> list[str]:
    """The last lines that a task itself wrote to the log, from `start` to its end."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode("utf-8", errors="replace")
    return list(_own_lines(text))[-_MAX_LINES:]


def _own_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        logged = LINE.match(line)
        if logged is None:
            yield line.rstrip()
        elif logged["text"].startswith("Task failed with exception"):
            return  # the traceback follows
        elif template := _TEMPLATE.match(logged["text"]):
            yield f"the template in {template['field']}: {template['text']}"
            return  # another one
        elif logged["logger"].startswith("airflow.task") and not _BOILERPLATE.match(logged["text"]):
            yield logged["text"]
