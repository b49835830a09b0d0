"""Which step a running task belongs to.

A plan says it of each task. A task that runs has no plan, and is not told: what a mapped operator
is given is stored with the DAG, and a trigger knows the task's place alone. It has Airflow's id,
which `factory.plan.kind.task` makes of step and name: only this tells them apart again.
"""

from __future__ import annotations


def step_of(task_id: str) -> str:
    """`lake` of `lake.start`; of a step that is one task, its own id, or that of its group."""
    return task_id.rpartition(".")[0] or task_id
