"""What a kind makes is whole: the built-in ones by this test, others by a look at each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from factory.plan.compile import steps
from factory.plan.fragment import wrong
from factory.plan.kind import Fragment, Step, done, single, task
from factory.plan.model import Call, Group, Output, Task
from factory.project import Project
from tests import cases

VALID = sorted((Path(__file__).parents[1] / "cases/valid").glob("*/*"))
OPERATOR = "airflow.providers.standard.operators.empty.EmptyOperator"
STEP = Step(id="load", uses="their", arguments=None, dag_id="daily")
SINGLE = single(STEP, OPERATOR, {})
TWO = Fragment(
    tasks=(task(STEP, "one", OPERATOR, {}), task(STEP, "two", OPERATOR, {})),
    first=("load.one",),
    last=("load.two",),
    edges=(("load.one", "load.two"),),
    group=Group("load"),
)


@pytest.mark.parametrize("folder", VALID, ids=cases.name_of)
def test_built_in_kinds_make_whole_fragments(folder: Path) -> None:
    for outcome in Project(folder).outcomes():
        for resolved in outcome.specs:
            for kind, step, _ in steps(resolved):
                assert wrong(kind.compile(step), step.id) == ""


def replaced(fragment: Fragment, **changes: Any) -> Fragment:
    return msgspec.structs.replace(fragment, **changes)


def with_task(**changes: Any) -> Fragment:
    return replaced(SINGLE, tasks=(msgspec.structs.replace(SINGLE.tasks[0], **changes),))


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (lambda: None, "its compile returns None, not a Fragment"),
    "no_task": (lambda: replaced(SINGLE, tasks=()), "its fragment has no task"),
    "tasks_is_a_text": (lambda: replaced(SINGLE, tasks="load"), "its fragment is not plain data"),
    "task_is_a_mapping": (lambda: replaced(SINGLE, tasks=({"id": 1},)), "not plain data"),
    "edge_to_nowhere": (lambda: replaced(SINGLE, edges=(("load", "x"),)), "an edge names 'x'"),
    "edge_of_three": (lambda: replaced(TWO, edges=(("load.one",) * 3,)), "not plain data"),
    "first_unknown": (lambda: replaced(SINGLE, first=("x",)), "first names 'x'"),
    "last_empty": (lambda: replaced(SINGLE, last=()), "`last` names no task"),
    "one_id_twice": (lambda: replaced(SINGLE, tasks=SINGLE.tasks * 2), "have one id"),
    "of_another_step": (lambda: with_task(id="other"), "the task 'other' is neither 'load'"),
    "deeper_than_a_group": (lambda: with_task(id="load.a.b", group="load"), "is neither"),
    "group_of_another": (lambda: replaced(TWO, group=Group("x")), "its group is 'x'"),
    "group_unsaid": (lambda: replaced(TWO, group=None), "is neither 'load' nor in a group"),
    "not_in_its_group": (
        lambda: replaced(
            TWO, tasks=(msgspec.structs.replace(TWO.tasks[0], group=""), TWO.tasks[1])
        ),
        "is not in the group",
    ),
    "circle": (
        lambda: replaced(TWO, edges=(("load.one", "load.two"), ("load.two", "load.one"))),
        "go round in a circle",
    ),
    "output_of_nobody": (lambda: with_task(arguments={"x": Output("y")}), "an Output in load"),
    "output_of_itself": (lambda: with_task(arguments={"x": Output("load")}), "an Output in load"),
    "output_too_early": (
        lambda: replaced(
            TWO,
            tasks=(
                msgspec.structs.replace(TWO.tasks[0], expand={"x": Output("load.two")}),
                TWO.tasks[1],
            ),
        ),
        "takes the output of load.two, which comes after it",
    ),
    "setting_unknown": (lambda: with_task(settings={"retrys": 1}), "'retrys' in `settings`"),
    "role_unknown": (lambda: with_task(role="boss"), "not plain data"),
    "teardown_of_nothing": (lambda: with_task(role="teardown"), "has no setups"),
    "setups_unknown": (lambda: with_task(role="teardown", setups=("x",)), "`setups` of load"),
    "no_operator": (lambda: with_task(operator="Empty"), "is no import path"),
    "object": (lambda: with_task(arguments={"x": object()}), "is no value of JSON"),
    "set": (lambda: with_task(arguments={"x": {1, 2}}), "is no value of JSON"),
    "key_of_a_number": (lambda: with_task(arguments={"x": {1: 2}}), "the key 1 is no text"),
    "object_in_a_call": (
        lambda: with_task(arguments={"x": Call("a.b", {"y": object()})}),
        "is no value of JSON",
    ),
    "not_a_number": (lambda: with_task(arguments={"x": float("nan")}), "is no number of JSON"),
    "too_many_tasks": (
        lambda: replaced(SINGLE, tasks=SINGLE.tasks * 60_000),
        "has 60,000 tasks, and 1,000 is the most",
    ),
    "nul": (lambda: with_task(arguments={"x": "a\0b"}), "holds a NUL character"),
    "surrogate": (lambda: with_task(arguments={"x": "\udc80"}), "surrogates not allowed"),
    "deep": (lambda: with_task(arguments={"x": deep(10_000)}), "levels deep"),
    "outlets_of_a_text": (lambda: with_task(outlets=(1,)), "not plain data"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_whole_is_told(name: str) -> None:
    make, expected = WRONG[name]
    assert expected in wrong(make(), "load")


def test_what_is_whole_is_not_told() -> None:
    ends = replaced(TWO, tasks=(*TWO.tasks, done(STEP)), last=("load.done",))
    assert [wrong(fragment, "load") for fragment in (SINGLE, TWO, ends)] == ["", "", ""]
    assert (
        wrong(Fragment(tasks=(Task(id="a", operator="a.B"),), first=("a",), last=("a",)), "a") == ""
    )
