"""A step whose `uses` leads to a kind of the project's own: what it gives, and its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from factory.diagnostics import Path, did_you_mean, nearest, one_of, quoted
from factory.problem import Problem
from factory.spec import params
from factory.spec.fill import HOLE, Filler, Scope, Value
from factory.spec.model import SETTINGS
from factory.spec.notes import Notes
from factory.spec.own_kind import BrokenKind, OwnKind
from factory.spec.written import Written

MAX_CALLS = 16
"""Kinds that call each other in a row."""
BESIDE = ("id", "needs", "if", "for_each", "max_parallel", "description")
"""What a call says beside `uses` and `with`, as a group does."""
_OF_ONE = ("trigger_rule",)
"""Settings that mean one task, and not each of several."""
TAKEN = (*BESIDE, *sorted(SETTINGS.difference(_OF_ONE)))


def refused(name: str, kind: OwnKind | BrokenKind, place: Written, at: Path) -> Problem | None:
    """Why a call cannot be: the kind is broken, or too many have led to it.

    :param place: where the call stands; `at` is its `uses`.
    """
    if isinstance(kind, BrokenKind):
        first = kind.diagnostics[0]
        where = f"{first.file}:{first.line}:{first.column}"
        message = f"the kind {quoted(name)} is broken: {first.message}"
        return Problem(at, "broken-kind", message, hint=f"mend {where}")
    around = [name, *(one.call.kind.name for one in (place, *place.callers()) if one.call)]
    if len(around) > MAX_CALLS:
        message = "the kinds call each other too many times in a row"
        return Problem(at, "too-deep", message, f"a chain of at most {MAX_CALLS} kinds")
    return None


def ring(name: str, place: Written) -> tuple[Written, list[str]] | None:
    """Kinds that call each other in a circle, and the call that closes it: the same, whichever of
    them a pipeline calls.

    :param place: where a call of the kind `name` stands.
    """
    calls = [place, *place.callers()]  # the nearest first
    names = [name, *(one.call.kind.name for one in calls if one.call)]
    if name not in names[1:]:
        return None
    length = names.index(name, 1)
    start = min(range(length), key=names.__getitem__)
    shown = [*names[start:length], *names[: start + 1]]
    return calls[start], [*reversed(shown)]


def settings(value: Value) -> Value:
    """The settings that a call gives all tasks of the kind as defaults."""
    return {key: value[key] for key in value if key in SETTINGS and key not in _OF_ONE}


def misplaced(value: Value, kind: OwnKind, at: Path) -> Iterator[Problem]:
    """Keys that a step may have, and not the call of a kind that becomes a group."""
    for key in value:
        if key in TAKEN or key in ("uses", "with", "run", "tasks", "matrix"):
            continue
        message = f"the key {quoted(key)} is not known where {quoted(kind.name)} is called"
        hint = did_you_mean(key, (*TAKEN, "uses", "with", "matrix"))
        if key in kind.params:
            hint = f"put it under `with:`: it is a parameter of {quoted(kind.name)}"
        elif key == "params":
            hint = "what a call gives stands under `with:`"
        elif key == "defaults":
            hint = "write what stands in it beside `uses`: a call gives it to all tasks of the kind"
        elif not hint and key in _OF_STEPS:
            hint = f"a kind of your own becomes a group: say it of a step in {kind.document.name}"
        expected = (
            "uses, with, needs, if, matrix, for_each, max_parallel, description or a setting such"
            " as retries"
        )
        yield Problem((*at, key), "unknown-key", message, expected, hint, at_key=True)


_OF_STEPS = ("alerts", "teardown_for", "trigger_rule", "updates")


def arguments(kind: OwnKind, given: Any, at: Path, scope: Scope, notes: Notes) -> Value:
    """The value of each parameter; what is wrong with them is noted.

    One that lacks or is wrong is a hole: what it would break in the kind is an echo.

    :param given: the call's `with`, filled in; `scope` is the kind's own, without parameters.
    """
    place: Path = (*at, "with")
    if not isinstance(given, dict):
        if place not in notes.holes:
            notes.add(Problem(place, "type", "`with` is no mapping", "names with their values"))
        given = {}
    for problem in _unknown(kind, given, place):
        notes.add(problem)
    lacks = [name for name, about in kind.params.items() if _is_lacking(name, about, given)]
    unused = [name for name in kind.params if name not in given]
    told = {nearest(key, unused) for key in given if key not in kind.params}
    for name in lacks:
        if name not in told:  # else told as unknown
            notes.add(_missing(kind, name, place if given else (*at, "uses")))
    broken = set(notes.holes)
    filler = Filler(scope, notes)
    found: Value = dict.fromkeys(lacks, HOLE)
    for name, about in kind.params.items():
        path = (*place, name)
        if name in lacks:
            continue
        if name not in given:
            default = (*at, "params", name, "default")
            found[name] = filler.fill(about.get("default"), default)
        elif any(hole[: len(path)] == path for hole in broken):
            found[name] = HOLE
        elif problems := _wrong(about, given[name], path):
            found[name] = HOLE
            for problem in problems:
                notes.add(problem)
        else:
            found[name] = given[name]
    return found


def _is_lacking(name: str, about: Mapping[str, Any], given: Value) -> bool:
    return name not in given and "default" not in about


def _unknown(kind: OwnKind, given: Value, place: Path) -> Iterator[Problem]:
    for key in given:
        if key not in kind.params:
            known = [*kind.params]
            unused = [name for name in known if name not in given]
            hint = "leave `with` out: parameters stand here themselves" if key == "with" else ""
            if key in TAKEN or key == "matrix":
                hint = "put it beside `with:`, not under it"
            yield Problem(
                (*place, key),
                "unknown-key",
                f"{quoted(kind.name)} has no parameter {quoted(key)}",
                expected=one_of(known) if known else "nothing: it has no parameters",
                hint=hint or did_you_mean(key, unused or known),
                at_key=True,
            )


def _missing(kind: OwnKind, name: str, path: Path) -> Problem:
    about = kind.params[name].get("description")
    expected = f"`{name}:` under `with:`" + (f" ({about})" if isinstance(about, str) else "")
    message = f"{quoted(kind.name)} needs the parameter {quoted(name)}"
    return Problem(path, "missing-key", message, expected, at_key=path[-1] == "with")


def _wrong(about: Mapping[str, Any], value: Any, path: Path) -> Sequence[Problem]:
    """What of a value its parameter's schema does not take."""
    schema = {key: entry for key, entry in about.items() if key != "default"}
    if not schema:
        return ()
    written = msgspec.json.encode(schema)
    if _rules(written).is_valid(value):
        return [*_of_formats(schema, value, path)] if b'"format"' in written else ()
    from factory.spec.violations import violations

    found: list[Problem] = violations(schema, value, path)
    if found and isinstance(value, str) and "{{" in value:
        # a template is a text until the task runs
        hint = "a template fits a parameter whose `type` has `string`, or that has no `type`"
        found = [
            msgspec.structs.replace(one, hint=hint) if one.code == "type" else one for one in found
        ]
    return found or [Problem(path, "schema", "this value does not fit")]


_EXAMPLES = {"date": ", such as 2024-01-31"}


def _of_formats(schema: Mapping[str, Any], value: Any, path: Path) -> Iterator[Problem]:
    """Texts that are not in their `format`; what a template becomes is not known here."""
    try:
        for error in params.unmet(schema, value):
            wanted, text = error.validator_value, str(error.instance)
            if error.validator == "format" and not any(mark in text for mark in ("{{", "{%")):
                expected = f"`format: {wanted}`" + _EXAMPLES.get(wanted, "")
                message = f"{quoted(text)} is not in the format"
                yield Problem((*path, *error.absolute_path), "format", message, expected)
    except Exception as error:  # a format may fail in any way
        yield Problem(path, "format", f"this value cannot be checked: {type(error).__name__}")


@lru_cache(maxsize=512)
def _rules(schema: bytes) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(msgspec.json.decode(schema))


__all__ = ["MAX_CALLS", "arguments", "misplaced", "refused", "ring", "settings"]
