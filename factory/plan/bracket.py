"""*Set up → work → tear down → done*: what was begun is ended, and the run still fails.

This wiring alone fails the run whichever task fails, and ends what was begun: an `all_done` leaf
would hide failed work, and a teardown by itself hides its own failure. So the teardown fails the
run, and beside it stands `done`, an empty task that fails when the work does. What a person who
ends the run meets is told in `factory/in_airflow/operators/teardown.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from factory.errors import BuildError
from factory.plan import kind
from factory.plan.kind import Fragment, Step
from factory.plan.model import Group, Task

Edge = tuple[str, str]
FAILING = frozenset({"all_success", "none_failed", "none_failed_min_one_success"})
"""Rules by which a task fails with what it needs."""


def bracket(
    step: Step,
    *,
    set_up: Sequence[Task],
    work: Sequence[Task],
    tear_down: Task,
    done: Task,
    last: Literal["work", "done"],
    tooltip: str = "",
) -> Fragment:
    """The tasks of a step, one after the other, with their roles.

    All of `set_up` are the teardown's setups: clearing the work clears them, too.

    :param last: what later steps wait for: the last task of the work, so that they are skipped
        when it is, or `done`. Neither waits for the teardown: with a task behind it that could not
        fail a run that a person ends.
    """
    chain = [*map(_set_up, set_up), *work]
    end = chain[-1]
    return Fragment(
        tasks=(*chain, _torn_down(tear_down, (task.id for task in set_up)), done),
        first=(chain[0].id,),
        last=(done.id if last == "done" else end.id,),
        edges=(
            *((before.id, after.id) for before, after in itertools.pairwise(chain)),
            *_ended([end], tear_down, done),
        ),
        group=Group(step.id, tooltip),
    )


def teardown(step: Step, fragment: Fragment) -> Fragment:
    """A step that ends others: its own task, and `done` beside it.

    `done` waits for several ends, of which one may be skipped before another fails; where all are,
    nothing was done.

    :raises BuildError: the step becomes several tasks.
    """
    if len(fragment.tasks) > 1:
        message = f"{kind.called(step)} becomes several tasks, and one alone can be a teardown"
        raise BuildError(step.id, ("teardown_for",), message)
    (task,) = fragment.tasks
    tear_down = replace(task, id=f"{step.id}.tear_down", group=step.id)
    return replace(
        fragment,
        tasks=(
            tear_down,
            kind.done(step, settings={"trigger_rule": "none_failed_min_one_success"}),
        ),
        first=(tear_down.id,),
        last=(tear_down.id,),
        output=tear_down.id if fragment.output else "",
        skipping=(tear_down.id,) if fragment.skipping else (),
        group=Group(step.id),
    )


def ends(tear_down: Fragment, behind: Task) -> Sequence[str]:
    """What a task waits for that needs a teardown.

    A teardown is well whatever the work was, so `done` counts, too. It stays the run's end where
    what comes behind would hide that the work failed.
    """
    whole = [task.id for task in tear_down.tasks]
    return whole if rule(behind) in FAILING else tear_down.last


class Behind(dict[str, list[str]]):
    """The tasks directly behind each."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        super().__init__()
        self.add(edges)

    def add(self, edges: Iterable[Edge]) -> None:
        """Edges that came later."""
        for before, after in edges:
            self.setdefault(before, []).append(after)


def close(
    tear_down: Fragment,
    begun: Sequence[Fragment],
    work: Sequence[Fragment],
    tasks: Mapping[str, Task],
    behind: Mapping[str, Sequence[str]],
) -> tuple[dict[str, Task], list[Edge]]:
    """The tasks that change where a teardown ends what others began, by id, and its edges.

    It waits for every task behind which nothing of `begun` or `work` comes: what others wait for
    need not be the end of a step.

    :param tasks: all of the plan, by id; `behind`: those directly behind each so far.
    """
    inside = [task.id for fragment in (*begun, *work) for task in fragment.tasks]
    known = {*inside}
    ends = [tasks[name] for name in inside if known.isdisjoint(behind.get(name, ()))]
    setups = [
        name
        for fragment in begun
        for name in _leading(fragment)
        if all(_may_follow_a_setup(tasks[other]) for other in behind.get(name, ()))
    ]
    ending, done = (tasks[task.id] for task in tear_down.tasks)
    changed = {name: _set_up(tasks[name]) for name in setups if tasks[name].role == "task"}
    changed[ending.id] = _torn_down(ending, setups)
    return changed, _ended(ends, ending, done)


def _leading(fragment: Fragment) -> list[str]:
    """The tasks that lead to what others wait for: clearing their work clears them, too."""
    found = {*fragment.last}
    for _ in fragment.tasks:
        found |= {before for before, after in fragment.edges if after in found}
    return [task.id for task in fragment.tasks if task.id in found and task.role != "teardown"]


def _may_follow_a_setup(task: Task) -> bool:
    """Airflow refuses another rule directly behind a setup, but for a teardown."""
    return task.role == "teardown" or rule(task) == "all_success"


def rule(task: Task) -> Any:
    """The trigger rule of a task."""
    return task.settings.get("trigger_rule", task.arguments.get("trigger_rule", "all_success"))


def _set_up(task: Task) -> Task:
    return replace(task, role="setup")


def _torn_down(task: Task, setups: Iterable[str]) -> Task:
    return replace(task, role="teardown", setups=tuple(setups), fails_run=True)


def _ended(ends: Sequence[Task], tear_down: Task, done: Task) -> list[Edge]:
    """Both wait for the ends; what may fail without failing the run does not fail `done`."""
    told = [end for end in ends if end.role != "teardown" or end.fails_run is True]
    return [*((end.id, tear_down.id) for end in ends), *((end.id, done.id) for end in told)]
