"""A plan as a tree for people: what holds for the DAG, then its tasks in the order they run."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

from factory.diagnostics import printable
from factory.plan.model import Assets, Deadline, Every, Pipeline, Task
from factory.review import spans
from factory.spec.model import SETTINGS

Paint = Callable[[str, str], str]


def tree(plan: Pipeline, root: str, paint: Paint) -> Iterator[str]:
    """The lines of one DAG."""
    source = printable(f"{root}/{plan.source}")
    yield f"{paint('strong', plan.dag_id)}  {paint('faint', source)}"
    if plan.description:
        yield from (f"  {printable(line)}" for line in plan.description.strip().splitlines())
    for name, text in _facts(plan):
        yield f"  {paint('faint', f'{name:<9}')} {printable(text)}"
    yield ""
    rows = list(_rows(plan))
    first = max(len(left) for left, _, _, _ in rows)
    second = max(len(operator) for _, operator, _, _ in rows)
    for left, operator, needs, settings in rows:
        line = f"  {left:<{first}}  {paint('note', f'{operator:<{second}}')}  {needs}"
        yield f"{line.rstrip()}  {paint('faint', settings)}".rstrip() if settings else line.rstrip()


def duration(seconds: float) -> str:
    """300.0 as `5m`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:g}s"


def _bare(expression: str) -> str:
    """`{{ params.full }}` without its braces."""
    return expression.strip().removeprefix("{{").removesuffix("}}").strip()


def _facts(plan: Pipeline) -> Iterator[tuple[str, str]]:
    yield "schedule", _schedule(plan)
    for index, text in enumerate(spans.upcoming(plan, datetime.now(timezone.utc))):
        yield ("runs at" if index == 0 else "", text)
    limits = {
        "catchup": "catchup" * plan.catchup,
        "max_active_runs": plan.max_active_runs and f"at most {plan.max_active_runs} at once",
        "dagrun_timeout": plan.dagrun_timeout and f"at most {duration(plan.dagrun_timeout)} each",
        "deadline": _deadline(plan.deadline),
        "fail_fast": "stops at the first failed task" * plan.fail_fast,
        "paused": {True: "paused at first", False: "active at first", None: ""}[plan.paused],
    }
    runs = [text for text in limits.values() if text]
    if runs:
        yield "runs", ", ".join(runs)
    yield "owner", plan.owner
    if plan.tags:
        yield "tags", ", ".join(plan.tags)
    if plan.params:
        yield "params", ", ".join(plan.params)
    by_event = {name: getattr(plan, name) for name in ("on_failure", "on_retry", "on_success")}
    by_event["on_deadline"] = plan.deadline.alerts if plan.deadline else ()
    for name, alerts in by_event.items():
        if alerts:
            told = ", ".join(alert.notifier.rpartition(".")[2] for alert in alerts)
            yield "alerts", f"{told} {name.replace('_', ' ')}"


def _deadline(deadline: Deadline | None) -> str:
    if deadline is None:
        return ""
    words = {"queued_at": "being queued", "logical_date": "their logical date"}
    return f"to be done {deadline.after} after {words[deadline.reference]}"


def _schedule(plan: Pipeline) -> str:
    schedule = plan.schedule
    if schedule is None:
        text = "none: runs are started by hand"
        if plan.covers != "none":
            text += f", of {plan.covers.replace('_', ' ')}"
    elif isinstance(schedule, Every):
        text = f"every {duration(schedule.seconds)}"
    elif isinstance(schedule, Assets):
        text = f"when {_assets(schedule)} is updated"
    else:
        text = schedule if plan.timezone == "UTC" else f"{schedule} ({plan.timezone})"
    if plan.start_date:
        text += f", from {plan.start_date}"
    return f"{text}, until {plan.end_date}" if plan.end_date else text


def _assets(schedule: Assets) -> str:
    each = [f"({_assets(one)})" if isinstance(one, Assets) else one for one in schedule.uris]
    word = "any of " if schedule.any else "all of " if len(each) > 1 else ""
    return f"{word}{', '.join(each)}"


def _rows(plan: Pipeline) -> Iterator[tuple[str, str, str, str]]:
    """(branch and id, operator, needs, settings) of every group and task."""
    needs: dict[str, list[str]] = {task.id: [] for task in plan.tasks}
    for before, after in plan.edges:
        needs[after].append(before)
    ordered = _in_order(plan, needs)
    done: set[str] = set()
    for task in ordered:
        if not task.group:
            yield task.id, _operator(task), _needs(needs[task.id], ""), _settings(task)
        elif task.group not in done:
            done.add(task.group)
            yield task.group, "", "", ""
            inside = [entry for entry in ordered if entry.group == task.group]
            for entry in inside:
                branch = "└── " if entry is inside[-1] else "├── "
                name = entry.id.removeprefix(f"{task.group}.")
                needed = _needs(needs[entry.id], f"{task.group}.")
                yield branch + name, _operator(entry), needed, _settings(entry)


def _in_order(plan: Pipeline, needs: dict[str, list[str]]) -> list[Task]:
    """What can run first comes first; else the order of the spec."""
    place = {task.id: number for number, task in enumerate(plan.tasks)}
    sorter = graphlib.TopologicalSorter(needs)
    sorter.prepare()
    names: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        names += ready
        sorter.done(*ready)
    tasks = {task.id: task for task in plan.tasks}
    return [tasks[name] for name in names]


def _operator(task: Task) -> str:
    return task.operator.rpartition(".")[2]


def _needs(names: list[str], group: str) -> str:
    short = [name.removeprefix(group) if group else name for name in names]
    return f"needs {', '.join(short)}" if short else ""


def _settings(task: Task) -> str:
    found: list[str] = []
    # an operator takes settings among its arguments, too
    said = {key: value for key, value in task.arguments.items() if key in SETTINGS}
    said |= task.settings
    if task.setups:
        found.append(
            f"teardown of {', '.join(name.removeprefix(f'{task.group}.') for name in task.setups)}"
        )
    elif task.role != "task":
        found.append(task.role)
    if task.condition:
        found.append(f"if {_bare(task.condition)}")
    if said.get("trigger_rule", "all_success") != "all_success":
        found.append(str(said["trigger_rule"]))
    if said.get("retries"):
        delay = said.get("retry_delay")
        found.append(f"retries {said['retries']}" + (f" after {delay}" if delay else ""))
    if said.get("execution_timeout"):
        found.append(f"timeout {said['execution_timeout']}")
    return ", ".join(found)
