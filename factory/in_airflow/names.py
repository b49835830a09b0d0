"""What templates know beside Airflow's own names; each is found when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jinja2 import StrictUndefined
from jinja2.runtime import Context
from jinja2.utils import missing

from factory.diagnostics import did_you_mean
from factory.in_airflow import each
from factory.in_airflow.interval import NONE, interval_of
from factory.plan.outputs import Outputs


class Tasks:
    """`tasks`: the steps of the pipeline, by the words that `needs` knows them by."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context

    def __getitem__(self, name: str) -> Any:
        outputs: Outputs = self._context["dag"].outputs
        if not outputs.steps(name, self._context["ti"].task_id):
            hint = did_you_mean(name, outputs.names)
            return StrictUndefined(f"there is no task {name!r}: {hint}".removesuffix(": "))
        return Task(partial(_output, self._context, outputs, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of every object
            raise AttributeError(name)
        return self[name]


class Task:
    """A step, with what it has handed on."""

    def __init__(self, pull: Callable[[], Any]) -> None:
        self._pull = pull

    @property
    def output(self) -> Any:
        """Its result; of several copies, a list; None where a step was skipped."""
        return self._pull()


def _output(context: Mapping[str, Any], outputs: Outputs, name: str) -> Any:
    handed = outputs.of(name, context["ti"].task_id)
    if handed is None:
        return StrictUndefined(f"the task {name!r} hands nothing on: it has no output")
    pull = context["ti"].xcom_pull
    if handed.own and not handed.many:
        return pull(task_ids=handed.tasks[0], map_indexes=context["ti"].map_index)
    if not handed.many:
        return pull(task_ids=handed.tasks[0])
    return pull(task_ids=list(handed.tasks))


def _interval(context: Mapping[str, Any]) -> Any:
    return interval_of(context) or StrictUndefined(NONE, name="interval")


_OURS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "interval": _interval,
    "item": each.item,
    "item_name": each.name,
    "tasks": Tasks,
}


class _Variables:
    """Airflow's Variables, where `get` of one that is not there is None.

    To Airflow it is a mark that counts as true, so that an `if` would take it for set.
    """

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept, name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a Variable, or what stands in for it."""
        return self._kept.get(name, default)


class Names(Context):
    """What templates know: Airflow's names and ours."""

    def resolve_or_missing(self, key: str) -> Any:
        """A name's value, or jinja2's `missing`."""
        found = super().resolve_or_missing(key)
        if key == "var" and found is self.parent.get(key) and isinstance(found, dict):
            return {name: _Variables(kept) for name, kept in found.items()}
        if found is not missing or key not in _OURS or "dag_run" not in self.parent:
            return found
        return _OURS[key](self.parent)
