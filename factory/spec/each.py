"""`for_each:` on a task or a group: a list, or one expression that gives one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factory.diagnostics import Path, quoted
from factory.problem import Problem
from factory.spec import params
from factory.spec.condition import is_expression

WORD = "for_each"
_CODE = "for-each"
_WITH = "max_parallel"


def problems(resolved: Any) -> Iterator[Problem]:
    """What is wrong with every `for_each` of a resolved spec; of other values the schema tells."""
    groups: Sequence[Mapping[str, Any]] = resolved.groups
    defaults = params.defaults(resolved.value)
    mapped = [group for group in groups if WORD in group]
    for index, group in enumerate(groups):
        place: Path = ("groups", index)
        yield from _of_one(group, place, _around(group, mapped))
        yield from _of_param(group.get(WORD), (*place, WORD), defaults)
    tasks = resolved.value.get("tasks")
    for index, task in enumerate(tasks if isinstance(tasks, list) else ()):
        if isinstance(task, dict):
            place = ("tasks", index)
            yield from _of_one(task, place, _around(task, mapped))
            yield from _of_param(task.get(WORD), (*place, WORD), defaults)


def _around(entry: Mapping[str, Any], mapped: Sequence[Mapping[str, Any]]) -> str:
    """The id of a group around something that has a `for_each`."""
    own = str(entry.get("id"))
    ids = (str(group.get("id")) for group in mapped)
    return next((name for name in ids if own.startswith(f"{name}.")), "")


def _of_one(entry: Mapping[str, Any], place: Path, around: str) -> Iterator[Problem]:
    written = entry.get(WORD)
    if WORD not in entry:
        if _WITH in entry:
            message = f"`{_WITH}` says how many copies may run at once, and there are none"
            yield Problem((*place, _WITH), _CODE, message, f"`{WORD}:` beside it", at_key=True)
        return
    if isinstance(written, str) and not is_expression(written):
        yield _no_expression(written, (*place, WORD))
    if isinstance(written, list):
        yield from _templates(written, (*place, WORD))
    if entry.get("teardown_for"):
        message = f"a task with `teardown_for` ends all there is, and has no `{WORD}`"
        yield Problem((*place, WORD), _CODE, message, "one of the two", at_key=True)
    if around:
        message = f"the group {quoted(around)} has a `{WORD}`, and Airflow takes none in another"
        hint = "make one list of both before: `{{ a | map(…) }}`, or a python step that gives it"
        yield Problem((*place, WORD), _CODE, message, f"one `{WORD}`", hint, at_key=True)


def _of_param(written: Any, path: Path, defaults: Mapping[str, Any]) -> Iterator[Problem]:
    """A parameter that alone stands for the list, and has no list for a default."""
    name = params.alone(written) if isinstance(written, str) else ""
    default = defaults.get(name)
    if default is None or isinstance(default, list):
        return
    what = {str: "a text", dict: "a mapping", bool: "true or false"}.get(type(default), "a number")
    message = f"the parameter {quoted(name)} is {what}, which has no items"
    hint = f"let its default be a list: `params: {{{name}: [a, b]}}`"
    if isinstance(default, str):
        hint += f"; of words in a text, `{{{{ params.{name}.split() }}}}` is one"
    yield Problem(path, _CODE, message, "a list, or an expression that gives one", hint)


def _templates(items: Sequence[Any], path: Path) -> Iterator[Problem]:
    for index, item in enumerate(items):
        if text := _template(item):
            message = f"the template {quoted(text)} in a list that stands here is not filled in"
            hint = f'make the list one expression: `"{{{{ [{_joined(items)}] }}}}"`'
            yield Problem((*path, index), _CODE, message, "a value, or one expression", hint)
            return


def _joined(items: Sequence[Any]) -> str:
    """The expressions of a list as those of one; an example where some are more than that."""
    every = [item.strip()[2:-2].strip("- ") for item in items if _is_expression(item)]
    return ", ".join(every) if len(every) == len(items) else "ds, macros.ds_add(ds, 1)"


def _is_expression(item: Any) -> bool:
    return isinstance(item, str) and is_expression(item)


def _template(item: Any) -> str:
    """The first text in plain data that Jinja would fill in elsewhere."""
    if isinstance(item, str):
        return item if "{{" in item or "{%" in item else ""
    entries = item.values() if isinstance(item, Mapping) else item
    is_many = isinstance(item, Mapping | list)
    return next(filter(None, map(_template, entries)), "") if is_many else ""


def _no_expression(written: str, path: Path) -> Problem:
    bare = written.strip()
    if "{{" in bare or "{%" in bare:
        hint = "put all of it into one: `{{ a + b }}`"
    elif bare.replace("_", "").replace(".", "").isalnum() and "." in bare:
        hint = f'write `{WORD}: "{{{{ {bare} }}}}"`'
    else:
        hint = f"write `{WORD}: [{bare}]`" if bare else "leave it out"
    return Problem(
        path,
        _CODE,
        f"{quoted(written)} is a text, which has no items",
        expected="a list, or one expression such as `{{ tasks.cities.output }}`",
        hint=hint,
    )


__all__ = ["WORD", "problems"]
