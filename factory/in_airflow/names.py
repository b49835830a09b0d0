"""What templates know beside Airflow's own names; each is found when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jinja2 import StrictUndefined
from jinja2.runtime import Context
from jinja2.utils import missing

from factory.diagnostics import did_you_mean
from factory.in_airflow import each, left
from factory.in_airflow.interval import NONE, interval_of
from factory.plan.outputs import Outputs


class Tasks:
    """`tasks`: the steps of the pipeline, by the words that `needs` knows them by."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context

    def __getitem__(self, name: str) -> Any:
        outputs: Outputs = self._context["dag"].outputs
        reader = self._context["ti"].task_id
        if not outputs.steps(name, reader) and not outputs.given(name, reader):
            hint = did_you_mean(name, outputs.names)
            return StrictUndefined(f"there is no task {name!r}: {hint}".removesuffix(": "))
        return Task(partial(_output, self._context, outputs, name), Named(self._context, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of every object
            raise AttributeError(name)
        return self[name]


class Task:
    """A step, with what it has handed on."""

    def __init__(self, pull: Callable[[], Any], outputs: Named) -> None:
        self._pull = pull
        self.outputs = outputs

    @property
    def output(self) -> Any:
        """Its result; of several copies, a list; None where a step was skipped."""
        return self._pull()


class Named:
    """The outputs of a call of a kind of the project's own, by name."""

    def __init__(self, context: Mapping[str, Any], call: str) -> None:
        self._context = context
        self._call = call

    def __getitem__(self, name: str) -> Any:
        outputs: Outputs = self._context["dag"].outputs
        reader = self._context["ti"].task_id
        step = outputs.behind(self._call, name, reader)
        if not step:
            hint = did_you_mean(name, outputs.given(self._call, reader))
            message = f"the task {self._call!r} has no output {name!r}: {hint}"
            return StrictUndefined(message.removesuffix(": "))
        return _output(self._context, outputs, step)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of every object
            raise AttributeError(name)
        return self[name]


def _output(context: Mapping[str, Any], outputs: Outputs, name: str) -> Any:
    handed = outputs.of(name, context["ti"].task_id)
    if handed is None:
        return StrictUndefined(f"the task {name!r} hands nothing on: it has no output")
    task = context["ti"]
    if left.may_be(context):
        every = [one for id in handed.tasks for one in left.without(task, id, own=handed.own)]
        found: Any = every if handed.many else next(iter(every), None)
    else:
        own = {"map_indexes": task.map_index} if handed.own else {}
        names = list(handed.tasks) if handed.many else handed.tasks[0]
        found = task.xcom_pull(task_ids=names, **own)
    # of a task without copies Airflow gives None in the list
    return [one for one in found if one is not None] if handed.copied else found


def _interval(context: Mapping[str, Any]) -> Any:
    return interval_of(context) or StrictUndefined(NONE, name="interval")


def _events(context: Mapping[str, Any]) -> list[Any]:
    """What the triggers told that started this run; empty where something else did."""
    triggering = context.get("triggering_asset_events") or {}
    each = (event.extra or {} for events in triggering.values() for event in events)
    return [extra.get("payload") for extra in each if extra.get("from_trigger")]


_OURS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "events": _events,
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
