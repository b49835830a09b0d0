"""A plan as a tree for people: what holds for the DAG, then its tasks in the order they run."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone

from msgspec import UnsetType

from factory.amounts import counted
from factory.diagnostics import printable
from factory.plan import watch
from factory.plan.model import Assets, Deadline, Every, Output, Pipeline, Task, Template
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
        text = _started(schedule)
        if plan.covers != "none":
            text += f", of {plan.covers.replace('_', ' ')}"
    else:
        text = schedule if plan.timezone == "UTC" else f"{schedule} ({plan.timezone})"
    if plan.or_assets:
        text += f", or {_started(plan.or_assets)}"
    if plan.start_date:
        text += f", from {plan.start_date}"
    return f"{text}, until {plan.end_date}" if plan.end_date else text


def _started(schedule: Assets) -> str:
    found = []
    if (watched := schedule.watched) is not None:
        found.append(f"when {watched.uses.rpartition('.')[2]} tells of an event")
        schedule = next((one for one in schedule.uris if isinstance(one, Assets)), Assets(()))
    if schedule.uris:
        found.append(f"when {_assets(schedule)} is updated")
    return ", or ".join(found)


def _assets(schedule: Assets) -> str:
    each = [f"({_assets(one)})" if isinstance(one, Assets) else str(one) for one in schedule.uris]
    word = "any of " if schedule.any else "all of " if len(each) > 1 else ""
    return f"{word}{', '.join(each)}"


def _rows(plan: Pipeline) -> Iterator[tuple[str, str, str, str]]:
    """(branch and id, operator, needs, settings) of every group and task."""
    needs: dict[str, list[str]] = {task.id: [] for task in plan.tasks}
    for before, after in plan.edges:
        needs[after].append(before)
    place = {task.id: number for number, task in enumerate(plan.tasks)}
    inside = _inside(_in_order(needs, place, plan))
    copies = _copies(plan)
    each = _each(plan)

    def rows(group: str, lead: str) -> Iterator[tuple[str, str, str, str]]:
        start = f"{group}." if group else ""
        for entry in inside[group]:
            is_last = entry is inside[group][-1]
            branch = f"{lead}{'└── ' if is_last else '├── '}" if group else ""
            if isinstance(entry, Task):
                name = entry.id.removeprefix(start)
                needed = _needs(sorted(needs[entry.id], key=place.__getitem__), start, copies)
                told = ", ".join(filter(None, (each.get(entry.id), _settings(entry))))
                yield branch + name, _operator(entry), needed, told
            else:
                yield branch + entry.removeprefix(start), "", "", each.get(entry, "")
                yield from rows(entry, f"{lead}{'    ' if is_last else '│   '}" if group else "")

    yield from rows("", "")


def _inside(tasks: Iterable[Task]) -> dict[str, list[Task | str]]:
    """What each group holds, tasks and the ids of groups, in their order; "" is the pipeline."""
    found: dict[str, list[Task | str]] = {"": []}

    def within(group: str) -> list[Task | str]:
        if group not in found:
            found[group] = []
            within(group.rpartition(".")[0]).append(group)
        return found[group]

    for task in tasks:
        within(task.group).append(task)
    return found


def _copies(plan: Pipeline) -> dict[str, tuple[str, set[str]]]:
    """A task's name without the values of its `matrix`, and all tasks that have it."""
    steps = {step.id: step.copy_of for step in plan.steps if step.copy_of}
    found: dict[str, set[str]] = {}
    for task in plan.tasks:
        if task.step in steps:
            found.setdefault(steps[task.step] + task.id.removeprefix(task.step), set()).add(task.id)
    return {task: (name, every) for name, every in found.items() for task in every}


def _each(plan: Pipeline) -> dict[str, str]:
    """What tasks and groups have a copy for each of, in the file's words."""
    asked = {task.id: task.arguments.get("items") for task in plan.tasks}
    found: dict[str, str] = {}
    every = {entry.id: entry.for_each for entry in plan.groups}
    every |= {task.id: task.for_each for task in plan.tasks}
    for name, items in every.items():
        if isinstance(items, Output):
            text = asked.get(items.task)
            written = text.text if isinstance(text, Template) else str(text)
            found[name] = f"for each of {_bare(written)}"
        elif not isinstance(items, UnsetType):
            found[name] = f"for each of {counted(len(items), 'item')}"
    return found


def _in_order(needs: dict[str, list[str]], place: dict[str, int], plan: Pipeline) -> list[Task]:
    """What can run first comes first; else the order of the spec."""
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


def _needs(names: list[str], group: str, copies: dict[str, tuple[str, set[str]]]) -> str:
    """What a task needs, seen from its group; all copies of a task are one name."""
    found: dict[str, None] = {}
    for name in names:
        called, every = copies.get(name, (name, {name}))
        whole = len(every) > 1 and every <= {*names}
        text = f"{called} (all {len(every)})" if whole else name
        found[text.removeprefix(group)] = None
    return f"needs {', '.join(found)}" if found else ""


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
    found += [f"if {_bare(condition)}" for condition in task.conditions or ()]
    if said.get("trigger_rule", "all_success") != "all_success":
        why = ": fails with any of them" if task.description == watch.WHY else ""
        found.append(f"{said['trigger_rule']}{why}")
    if said.get("retries"):
        delay = said.get("retry_delay")
        found.append(f"retries {said['retries']}" + (f" after {delay}" if delay else ""))
    if said.get("execution_timeout"):
        found.append(f"timeout {said['execution_timeout']}")
    return ", ".join(found)
