"""Templates that Airflow cannot fill in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from factory.diagnostics import Diagnostic
from factory.diagnostics import Path as Place
from factory.lint import jinja
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Task, Template
from factory.problem import Problem
from factory.spec import beside
from factory.spec.model import Alerts, StepAlerts


def unreadable(scope: Scope) -> Iterator[Diagnostic]:
    """What does not parse, and what names nothing, in the arguments that Airflow fills in."""
    with beside.below(scope.project.root):
        for linted in scope.linted():
            yield from linted.diagnose([*_problems(linted), *_of_alerts(linted)])


_OF_ALERTS = ("event", "message", "deadline")


def _of_alerts(linted: Linted) -> Iterator[Problem]:
    """Each a warning: what cannot be filled in is told in other words."""
    value = linted.resolved.value
    if written := value.get("alerts"):
        yield from _in_alerts(msgspec.convert(written, Alerts), written, ("alerts",))
    for index, task in enumerate(value["tasks"]):
        if written := task.get("alerts"):
            place: Place = ("tasks", index, "alerts")
            yield from _in_alerts(msgspec.convert(written, StepAlerts), written, place)


def _in_alerts(
    alerts: Alerts | StepAlerts, events: Iterable[str], place: Place
) -> Iterator[Problem]:
    for event in events:
        for index, alert in enumerate(getattr(alerts, event)):
            for field in alert.filled:
                text = getattr(alert, field)
                for one in jinja.wrong(text, _OF_ALERTS):
                    wrong = one._replace(sure=False)
                    yield _problem((*place, event, index, field), wrong, text, "")


def _problems(linted: Linted) -> Iterator[Problem]:
    for step, tasks in linted.tasks.items():
        folder = linted.folder(step)
        filled = Filled(tasks)
        params = _params(linted, tasks)
        also = (jinja.ITEM,) if linted.is_copied(step) else ()
        fields = linted.fields(step) if also else ()
        for place, text in linted.texts(step):
            file = file_text(text, folder)
            found = _wrong(file or text, params, also)
            if fields:
                found = (*found, *jinja.fields(file or text, fields))
            if found and text in filled:
                yield from (_problem(place, one, text, file) for one in found)
            asks = also and not found and _asks(file or text)
            if asks and not _fills(tasks, filled, text) and not filled.is_untaken(place):
                yield _unfilled(place)
        for place, text in conditions(linted, step):
            # what decides about a step or a group does so before its items
            known = also if linted.in_copies(linted.group_at(place) or step) else ()
            for one in _wrong(text, params, known):
                yield _problem(place, _before_items(one) if also else one, text, "")
    for place, text in of_groups(linted):
        yield from (_problem(place, one, text, "") for one in _wrong(text, _params(linted, ()), ()))


def _asks(text: str) -> bool:
    return jinja.ITEM in text and any(one.part == jinja.ITEM for one in jinja.wrong(text))


def _fills(tasks: list[Task], filled: Filled, text: str) -> bool:
    """Whether Airflow fills a text in, as far as the sources of its operators tell."""
    from factory.lint.rendered import rendered

    return text in filled or not all(rendered(task.operator) for task in tasks)


def _unfilled(place: Place) -> Problem:
    message = "Airflow fills in no template here: the item is not known"
    return Problem(place, "template", message, "a value that is the same for all copies")


def _before_items(one: jinja.Wrong) -> jinja.Wrong:
    if one.part != jinja.ITEM:
        return one
    message = "this is asked once, before there are items"
    hint = "leave items out of the list: `{{ xs | selectattr('open') | list }}`"
    return one._replace(message=message, expected="what holds for all of them", hint=hint)


def _params(linted: Linted, tasks: Iterable[Task]) -> tuple[str, ...]:
    """The pipeline's own, and what an operator is given besides; empty where there are none.

    Without a list of them, what a run is started with is not known.
    """
    if not linted.plan.params:
        return ()
    given = (task.arguments.get("params") for task in tasks)
    more = (name for one in given if isinstance(one, Mapping) for name in one)
    return (*linted.plan.params, *more)


def _wrong(text: str, params: tuple[str, ...], also: tuple[str, ...]) -> tuple[jinja.Wrong, ...]:
    found = (*jinja.wrong(text, also), *jinja.interval(text))
    return (*found, *jinja.params(text, params)) if params else found


def conditions(linted: Linted, step: str) -> Iterator[tuple[Place, str]]:
    """What decides about a step, with its place: the templates of `if` and of `for_each`.

    And of the `if` of each group whose first step it is.
    """
    written = linted.written(step)
    for word in ("if", "for_each"):
        if isinstance(text := written.get(word), str):
            yield linted.beside(step, word), text
    yield from ((place, text) for place, text in linted.decided(step) if isinstance(text, str))


def of_groups(linted: Linted) -> Iterator[tuple[Place, str]]:
    """The templates of the `for_each` of groups, with their places."""
    for index, group in enumerate(linted.resolved.groups):
        if isinstance(items := group.get("for_each"), str):
            yield ("groups", index, "for_each"), items


def file_text(name: str, folder: Path) -> str:
    """The text of the SQL file that a text names, if it names one: Airflow fills that in."""
    is_name = name.endswith(".sql") and len(name.split()) == 1 and "{" not in name
    return beside.text_of(folder / name) if is_name and not beside.missing(name, folder) else ""


class Filled:
    """The texts of a step that its operators hand to Jinja; told when one is asked for."""

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks

    def __contains__(self, text: str) -> bool:
        # a kind may add a blank, so that a text is not taken for a file's name
        return text in self._texts or f"{text} " in self._texts

    def is_untaken(self, place: Place) -> bool:
        """Whether a text is in an argument that no operator takes, which is told as that."""
        from factory.lint import signature

        _, _, _, name, *_ = place
        given = frozenset({str(name)})
        return any(
            task.uses == task.operator and given == signature.untaken(task.operator, given)
            for task in self.tasks
        )

    @cached_property
    def _texts(self) -> frozenset[str]:
        from factory.lint.rendered import rendered  # asked only when something is wrong

        return frozenset(
            text
            for task in self.tasks
            for field in rendered(task.operator)
            for text in _all_texts({**task.arguments, **task.expand}.get(field))
        )


def _all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Template):
        yield value.text
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _all_texts(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _all_texts(entry)


def _problem(place: Place, wrong: jinja.Wrong, text: str, file: str) -> Problem:
    where = f"line {jinja.line_of(file, wrong)} of {text}: " if file else ""
    return Problem(
        place,
        "template",
        where + wrong.message,
        expected=wrong.expected,
        hint=wrong.hint,
        part="" if file else wrong.part,
        nth=wrong.nth,
        severity="error" if wrong.sure else "warning",
    )
