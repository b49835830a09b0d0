"""What a task `uses`, and whether its `with` is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from factory.choices import Unusable
from factory.diagnostics import Path, nearest, one_of, quoted
from factory.errors import FactoryError, words
from factory.fields import Duration
from factory.problem import Problem
from factory.spec.model import BOUNDED, DURATIONS, NamedKind
from factory.spec.resolve import Resolved
from factory.spec.validator import validator

ArgumentsOf = Callable[[str, Any], Any]
"""`uses` and `with` → the type of the arguments, or None for any mapping.

KeyError when there is no such kind, FactoryError when it does not load, Unusable when something
that they name does not.
"""


class Names(NamedTuple):
    """What a task may use; `own` is what stands under `kinds:`, `through` led to its `uses`."""

    kinds: Iterable[str]
    own: dict[str, Any]
    through: tuple[str, ...]


class Both:
    """Kinds, and a person's own names for them; asked for when one is not known."""

    def __init__(self, kinds: Iterable[str], ours: Iterable[str]) -> None:
        self.kinds, self.ours = kinds, ours

    def __iter__(self) -> Iterator[str]:
        yield from self.ours
        yield from self.kinds


_NAME = re.compile("[A-Za-z0-9_-]+")


def own_kinds(
    resolved: Resolved, ours: Iterable[str], arguments_of: ArgumentsOf
) -> Iterator[Problem]:
    """What is wrong with the names that stand under `kinds:`."""
    given = resolved.value["kinds"]
    for name in ours:
        path: Path = ("kinds", name)
        if not _NAME.fullmatch(name):
            message = f"{quoted(name)} is no name of a kind"
            yield Problem(path, "kind-name", message, "letters, digits, `_` and `-`", at_key=True)
        yield from validator(NamedKind, authoring=True).problems(given[name], path)
        if name in resolved.library or _is_kind(name, arguments_of):
            message = f"{quoted(name)} is a kind already"
            yield Problem(path, "kind-name", message, "a name of your own", at_key=True)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_kind(name: str, arguments_of: ArgumentsOf) -> bool:
    try:
        arguments_of(name, None)
    except KeyError:
        return False
    except FactoryError:  # one that does not load
        return True
    return True


def arguments(
    index: int,
    task: dict[str, Any],
    arguments_of: ArgumentsOf,
    names: Names,
    *,
    brief: bool,
) -> Iterator[Problem]:
    """What is wrong with a task's `with`; `brief`: only whether anything is."""
    uses, given = task.get("uses"), task.get("with", {})
    if not isinstance(uses, str) or not uses:
        return
    if "." in uses:
        yield from _operator(index, uses, given)
        return
    try:
        model = arguments_of(uses, given)
        rules = None if model is None else validator(model)
    except KeyError:
        yield _unknown_kind(index, uses, names)
        return
    except Unusable as error:
        path = ("tasks", index, "with", *error.path)
        yield Problem(path, "broken-package", error.message, hint=error.hint)
        return
    except FactoryError as error:  # a kind of another package that does not load
        yield Problem(("tasks", index, "uses"), "broken-kind", error.message, hint=error.hint)
        return
    except TypeError as error:  # one whose arguments have no JSON Schema
        message = f"the kind {uses!r} is broken: {words(error)}"
        yield Problem(("tasks", index, "uses"), "broken-kind", message)
        return
    if rules is None or not isinstance(given, dict):
        return
    if brief:
        if not rules.is_valid(given):
            yield Problem(("tasks", index, "with"), "schema", "")
    else:
        yield from rules.problems(given, ("tasks", index, "with"))


def _unknown_kind(index: int, uses: str, names: Names) -> Problem:
    from factory.spec.called import meant  # asked only when something is wrong

    given = _mapping(names.own.get(uses))
    if near := nearest("uses", given):  # a name of one's own that does not say it
        message = f"the key {quoted(near)} is not known here"
        path: Path = ("kinds", uses, near)
        return Problem(path, "unknown-key", message, "`uses:`", "did you mean 'uses'?", at_key=True)
    known = [name for name in names.kinds if name not in names.through]
    ours = [name for name in known if isinstance(names.kinds, Both) and name in names.kinds.ours]
    hint = f"under `kinds:` it has no `uses:`, which tells what {quoted(uses)} is" if given else ""
    return Problem(
        ("tasks", index, "uses"),
        "unknown-kind",
        f"there is no kind {quoted(uses)}",
        expected=f"{one_of(known)}, or an operator's import path",
        hint=hint or meant(uses, ours, known),
    )


def _operator(index: int, uses: str, given: Any) -> Iterator[Problem]:
    if not all(part.isidentifier() for part in uses.split(".")):
        yield Problem(
            ("tasks", index, "uses"),
            "import-path",
            f"{quoted(uses)} is not an import path",
            expected="names joined by dots, such as package.module.MyOperator",
        )
    for key in ("task_id", "dag", "task_group"):
        if isinstance(given, dict) and key in given:
            yield Problem(
                ("tasks", index, "with", key),
                "unknown-key",
                f"the key {key!r} is not an argument here",
                hint="the task's own `id:` is it" if key == "task_id" else "leave it out",
                at_key=True,
            )
    for key in DURATIONS:
        value = given.get(key) if isinstance(given, dict) else None
        if isinstance(value, str):
            yield from validator(Duration).problems(value, ("tasks", index, "with", key))
        elif key == "execution_timeout" and isinstance(value, int | float):
            message = f"{value} is a number"
            hint = f"write {value}s for seconds"
            yield Problem(("tasks", index, "with", key), "type", message, "a duration", hint)
    for key in BOUNDED:
        if isinstance(given, dict) and isinstance(given.get(key), (str, int, float)):
            about = BOUNDED[key]
            yield from validator(about).problems(given[key], ("tasks", index, "with", key))


def fields(uses: Any, arguments_of: ArgumentsOf) -> tuple[str, ...]:
    """The names that may stand in its `with`; none where that can't be told."""
    try:
        model = arguments_of(uses, None) if isinstance(uses, str) and uses else None
    except (KeyError, FactoryError):
        return ()
    return () if model is None else tuple(model.__struct_encode_fields__)
