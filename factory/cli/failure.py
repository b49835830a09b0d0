"""Why a task failed: its own words and the place, not the framework's."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from factory.cli.logged import LINE
from factory.plan.model import Pipeline
from factory.spec import positions
from factory.spec.resolve import Resolved

_MAX_LINES = 15
_BOILERPLATE = re.compile(
    r"Tmp dir root location|Running command|Output:$|Command exited with return code|::\w+"
)
_TEMPLATE = re.compile(
    r"Exception rendering Jinja .*, field '(?P<field>.*?)'\. Template: (?P<text>.*)"
)
_CONNECTION = re.compile(r"conn_id [`'\"]([\w.-]+)[`'\"] isn't defined")
_CONNECTION_MISSING = re.compile(r"[Cc]onnection[^`'\"]*[`'\"]([\w.-]+)[`'\"].*not found")
_FRAMEWORK = tuple(
    dict.fromkeys(
        [
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("purelib"),
            sysconfig.get_path("platlib"),
            str(Path(__file__).parent.parent),
        ]
    )
)


def message(error: BaseException | None) -> str:
    """An error in one line or a few, with its type when that says something."""
    if error is None:
        return "it failed"
    detail = getattr(error, "detail", None)  # of an answer of Airflow's API
    if isinstance(detail, dict) and "message" in detail:
        return f"Airflow says: {detail['message']}"
    text = str(error).strip()
    name = type(error).__name__
    if not text:
        return name
    return text if name.startswith("Airflow") else f"{name}: {text}"


def user_code(error: BaseException | None) -> tuple[str, int, str, str] | None:
    """(file, line, function, source) of the innermost frame that is the user's own."""
    found = None
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            own = not frame.filename.startswith(_FRAMEWORK) and Path(frame.filename).is_file()
            if own and frame.lineno:
                found = (frame.filename, frame.lineno, frame.name, frame.line or "")
        error = error.__cause__
    return found


def missing_connection(error: BaseException | None) -> str:
    """The connection that a task could not do without, or an empty string."""
    while error is not None:
        for pattern in (_CONNECTION, _CONNECTION_MISSING):
            if match := pattern.search(str(error)):
                return match[1]
        error = error.__cause__ or error.__context__
    return ""


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
    if kind == "http":
        return "http://login:password@host:80"
    if kind in ("", "postgres"):
        return "postgres://login:password@host:5432/database"
    return f"{kind}://login:password@host"


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


def step_line(resolved: Resolved, plan: Pipeline, task_id: str) -> int:
    """The line of the spec where the step of a task begins; `task_id` may have a map index."""
    task = task_id.partition("[")[0]
    step = next((known.step for known in plan.tasks if known.id == task), "")
    for index, written in enumerate(resolved.value["tasks"]):
        if written["id"] == step:
            path = ("tasks", resolved.task_index[index])
            return positions.locate(positions.build(resolved.document.text), path)[0].line
    return 1
