"""`for_each` in Airflow: mapped tasks and task groups, whose templates know the `item`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions._internal.expandinput import DictOfListsExpandInput
from airflow.sdk.definitions.taskgroup import MappedTaskGroup
from jinja2 import StrictUndefined

from factory.in_airflow.hiding import hide_connections, redacted
from factory.in_airflow.interval import tell_interval
from factory.plan.kind import builtin_names
from factory.plan.model import Task

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, TaskGroup

ITEM = "for_each_item"
"""The argument of a mapped operator that holds its item, and the attribute."""
NAME = "{{ item_name }}"
"""The name of a copy, in place of its number."""
_LONGEST = 250  # Airflow's column
_NAMES = ("name", "id", "key")


def mapped(operator: type[BaseOperator], task: Task) -> type[BaseOperator]:
    """The operator with an item. Airflow stores, shows and imports it under its own name."""
    hides = bool(task.connections) and task.uses in builtin_names()
    return _mapped(operator, hides)


@lru_cache(maxsize=1024)
def _mapped(operator: type[BaseOperator], hides: bool) -> type[BaseOperator]:
    base: Any = operator

    def made_of(self: Any, *, for_each_item: Any = None, **kwargs: Any) -> None:
        base.__init__(self, **kwargs)
        self.for_each_item = for_each_item

    def pre_execute(self: Any, context: Any) -> None:
        if hides:
            hide_connections(context)
        base.pre_execute(self, context)

    def post_execute(self: Any, context: Any, result: Any = None) -> None:
        base.post_execute(self, context, result)
        if self.outlets:
            tell_interval(context)

    own: dict[str, Any] = {
        "__module__": operator.__module__,
        "__qualname__": operator.__qualname__,
        "__doc__": operator.__doc__,
        "__init__": made_of,
        "pre_execute": pre_execute,
        "post_execute": post_execute,
    }
    metaclass: Any = type(operator)
    made: type[BaseOperator] = metaclass(operator.__name__, (operator,), own)
    return made


def group(items: Any, **given: Any) -> MappedTaskGroup:
    """A task group of which there is one copy for each item."""
    listed = DictOfListsExpandInput({ITEM: items})
    made = MappedTaskGroup(expand_input=listed, **given)
    for task, _ in listed.iter_references():
        made.update_relative(task, upstream=True)  # so that the task says how many there are
    return made


def is_copied(group: TaskGroup | None) -> bool:
    """Whether what stands in a group has a copy for each item."""
    return group is not None and next(group.iter_mapped_task_groups(), None) is not None


def waits_for_list(group: TaskGroup | None) -> bool:
    """Whether a group has copies, and how many is known once a task has given the list."""
    around = next(group.iter_mapped_task_groups(), None) if group is not None else None
    return around is not None and any(around._expand_input.iter_references())


def own_index(context: Mapping[str, Any]) -> int | None:
    """The number of the copy that a task belongs to with other tasks; None: of no copy."""
    task = context.get("task")
    if task is None or _around(task) is None:
        return None
    found: int = context["ti"].map_index
    return found


def key(context: Mapping[str, Any]) -> str:
    """What tells a copy apart wherever its files or rows are noted: `@` and digits of its item.

    In a group it is of the item, not of its number: a repeated run whose list has changed finds its
    own, and equal items are counted. A copied task alone knows no other items: its number stands
    behind. Empty where there are no copies.
    """
    task = context.get("task")
    if task is None:
        return ""
    if hasattr(task, ITEM):
        return f"@{_digits(getattr(task, ITEM))}.{context['ti'].map_index}"
    if (around := _around(task)) is None:
        return ""
    every, number = _listed(around, context), context["ti"].map_index
    own = _digits(every[number])
    same = sum(_digits(other) == own for other in every[:number])
    return f"@{own}.{same}" if same else f"@{own}"


def _digits(found: Any) -> str:
    text = json.dumps(found, sort_keys=True, default=_as_text)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_text(found: Any) -> Any:
    # each process has another order of a set, and the tasks of a copy must agree
    return sorted(map(repr, found)) if isinstance(found, Set) else repr(found)


def item(context: Mapping[str, Any]) -> Any:
    """The item of the copy that a task belongs to."""
    task = context["task"]
    if hasattr(task, ITEM):
        return getattr(task, ITEM)
    if (around := _around(task)) is None:
        return StrictUndefined("`item` is known only in a step or a group with `for_each`")
    return _listed(around, context)[context["ti"].map_index]


def _around(task: Any) -> Any:
    find = getattr(task, "get_closest_mapped_task_group", None)
    return find() if find else None


_read: dict[tuple[Any, ...], Any] = {}


def _listed(around: Any, context: Mapping[str, Any]) -> Sequence[Any]:
    """The items; each task asks Airflow for them once, however many templates it has."""
    given = around._expand_input.value[ITEM]
    if isinstance(given, Sequence):
        return given
    ti = context["ti"]
    asking = (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, str(ti.id))
    if asking not in _read:
        _read.clear()
        _read[asking] = given.resolve(context)
    found: Sequence[Any] = _read[asking]
    return found


def name(context: Mapping[str, Any]) -> str:
    """What a copy is called in Airflow: its item, or what names it."""
    found = item(context)
    if isinstance(found, Mapping):
        fields = [found[word] for word in _NAMES if word in found]
        found = next((value for value in [*fields, *found.values()] if _is_short(value)), found)
    return redacted(str(found))[:_LONGEST]


def _is_short(value: Any) -> bool:
    return value is not None and not isinstance(value, Mapping | list | tuple | bool)


__all__ = [
    "ITEM",
    "NAME",
    "group",
    "is_copied",
    "item",
    "key",
    "mapped",
    "name",
    "own_index",
    "waits_for_list",
]
