"""Set up → work → tear down → done, whatever the kind."""

from __future__ import annotations

from typing import Literal

import pytest

from factory.plan.bracket import bracket
from factory.plan.fragment import wrong
from factory.plan.kind import Fragment, Step, done, task
from factory.plan.model import Group

OPERATOR = "airflow.providers.standard.operators.empty.EmptyOperator"
STEP = Step(id="lake", uses="their", arguments=None, dag_id="daily")


def made(set_up: int, work: int, last: Literal["work", "done"] = "work") -> Fragment:
    return bracket(
        STEP,
        set_up=[task(STEP, f"up{n}", OPERATOR, {}) for n in range(set_up)],
        work=[task(STEP, f"work{n}", OPERATOR, {}) for n in range(work)],
        tear_down=task(STEP, "down", OPERATOR, {}),
        done=done(STEP),
        last=last,
        tooltip="A lake.",
    )


@pytest.mark.parametrize(("set_up", "work"), [(1, 1), (2, 1), (1, 3)])
def test_it_is_whole(set_up: int, work: int) -> None:
    assert wrong(made(set_up, work), "lake") == ""


def test_the_wiring() -> None:
    found = made(2, 2)
    assert found.edges == (
        ("lake.up0", "lake.up1"),
        ("lake.up1", "lake.work0"),
        ("lake.work0", "lake.work1"),
        ("lake.work1", "lake.down"),
        ("lake.work1", "lake.done"),
    )
    assert found.first == ("lake.up0",)
    assert found.group == Group("lake", "A lake.")
    roles = {each.id: each.role for each in found.tasks}
    assert roles == {
        "lake.up0": "setup",
        "lake.up1": "setup",
        "lake.work0": "task",
        "lake.work1": "task",
        "lake.down": "teardown",
        "lake.done": "task",
    }


def test_the_teardown_is_of_all_that_was_set_up_and_fails_the_run() -> None:
    down = next(each for each in made(2, 1).tasks if each.role == "teardown")
    assert down.setups == ("lake.up0", "lake.up1")
    assert down.fails_run is True


def test_later_steps_wait_for_the_work_or_for_done_never_for_the_teardown() -> None:
    assert made(1, 2).last == ("lake.work1",)
    assert made(1, 2, "done").last == ("lake.done",)
