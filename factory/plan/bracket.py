"""*Set up → work → tear down → done*: what was begun is ended, and the run still fails.

This wiring alone fails the run whichever task fails, and ends what was begun: an `all_done` leaf
would hide failed work, and a teardown by itself hides its own failure. So the teardown fails the
run, and beside it stands `done`, an empty task that fails when the work does. What a person who
ends the run meets is told in `factory/in_airflow/operators/teardown.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from factory.plan.kind import Fragment, Step
from factory.plan.model import Group, Task


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
        when it is, or `done`.
    """
    chain = [*(replace(task, role="setup") for task in set_up), *work]
    end = chain[-1].id
    setups = tuple(task.id for task in set_up)
    tear_down = replace(tear_down, role="teardown", setups=setups, fails_run=True)
    return Fragment(
        tasks=(*chain, tear_down, done),
        first=(chain[0].id,),
        last=(done.id if last == "done" else end,),
        edges=(
            *((before.id, after.id) for before, after in itertools.pairwise(chain)),
            (end, tear_down.id),
            (end, done.id),
        ),
        group=Group(step.id, tooltip),
    )
