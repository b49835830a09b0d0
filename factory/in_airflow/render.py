"""The plan → an Airflow DAG. Imports only the operators of the DAG that is being built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, EdgeModifier, Label, TaskGroup
from msgspec import UNSET

from factory.errors import BuildError, is_fault, together
from factory.in_airflow import each
from factory.in_airflow.dag import dag_of
from factory.in_airflow.importing import reason
from factory.in_airflow.tasks import items, operator
from factory.plan.model import Pipeline, Task
from factory.plan.outputs import Outputs

_LABEL = 36
"""So many characters of a condition stand on an arrow; the task's page has all."""


def render(plan: Pipeline, root: Path, environment: str = "") -> DAG:
    """The DAG of a plan.

    :param root: the configuration root that the plan's `source` is relative to.
    :param environment: what it was built for, to be shown on its page.
    :raises BuildError: an operator cannot be imported or refuses its arguments, or Airflow
        refuses the DAG's own.
    """
    dag = dag_of(plan)
    if environment:
        dag.doc_md = f"{dag.doc_md}\n\nEnvironment: **{environment}**"
    dag.spec_file = dag.fileloc = str(root / plan.source)
    dag.spec_root = str(root)
    dag.outputs = Outputs(plan)
    made: dict[str, Any] = {}
    groups = _Groups(plan, dag, made)
    refused: dict[str, BuildError] = {}  # by step: the others of its tasks may need the first
    for task in plan.tasks:
        if task.step in refused:
            continue
        try:
            made[task.id] = operator(task, dag, groups, made, plan.on_retry)
        except BuildError as error:
            refused[task.step] = error
    if (wrong := together(refused.values())) is not None:
        raise wrong
    by_id = {task.id: task for task in plan.tasks}
    labels = _labels(plan)
    for before, after in plan.edges:
        with _refusing(by_id[before], "cannot be put before another task"):
            made[before].set_downstream(made[after], edge_modifier=labels.get(after))
    for task in plan.tasks:
        _give_role(task, made)
    return dag


def _labels(plan: Pipeline) -> dict[str, EdgeModifier]:
    """What the arrows into a task with `if` says in the graph."""
    return {task.id: Label(_asked(task.conditions)) for task in plan.tasks if task.conditions}


def _asked(conditions: Sequence[str]) -> str:
    bare = [one.strip().removeprefix("{{").removesuffix("}}").strip() for one in conditions]
    text = f"if {' and '.join(bare)}"
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"


class _Groups(dict[str, TaskGroup]):
    """The task groups by their ids, each made when it is asked for: after what it is mapped over.

    A group's id begins with that of the group around it.
    """

    def __init__(self, plan: Pipeline, dag: DAG, made: Mapping[str, Any]) -> None:
        super().__init__()
        self.planned = {group.id: group for group in plan.groups}
        self.dag = dag
        self.made = made

    def __missing__(self, group_id: str) -> TaskGroup:
        group = self.planned[group_id]
        above, _, name = group_id.rpartition(".")
        given: dict[str, Any] = {
            "group_id": name,
            "tooltip": group.tooltip,
            "parent_group": self[above] if above in self.planned else None,
            "dag": self.dag,
        }
        if group.for_each is UNSET:
            self[group_id] = TaskGroup(**given)
        else:
            self[group_id] = each.group(items(group.for_each, self.made), **given)
        return self[group_id]


def _give_role(task: Task, made: Mapping[str, Any]) -> None:
    if task.role == "teardown":
        with _refusing(task, "cannot be a teardown"):
            made[task.id].as_teardown(
                setups=[made[name] for name in task.setups],
                on_failure_fail_dagrun=task.fails_run is True,
            )
    elif task.role == "setup":
        with _refusing(task, "cannot be a setup"):
            made[task.id].as_setup()


@contextmanager
def _refusing(task: Task, what: str) -> Iterator[None]:
    """An operator may have methods of its own for what it is asked here."""
    try:
        yield
    except BaseException as error:
        if not is_fault(error):
            raise
        name = task.operator.rpartition(".")[2]
        message = f"{name} {what}: {reason(error)}"
        raise BuildError(task.step, ("uses",), message) from error
