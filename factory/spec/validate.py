"""Is a resolved spec right? Each thing that is wrong is a `Problem` at a path of its value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from factory.diagnostics import Diagnostic, limited
from factory.problem import Problems
from factory.spec import (
    assets,
    condition,
    deadline,
    each,
    misplaced,
    named,
    needs,
    params,
    schedule,
    teardown,
    uses,
)
from factory.spec.diagnose import placed
from factory.spec.model import DefaultsFile, EnvironmentFile, Group, Name, Pipeline, PipelineFile
from factory.spec.others import other
from factory.spec.read import Document
from factory.spec.resolve import Resolved
from factory.spec.validator import validator


def validate_layer(document: Document, *, environment: bool = False) -> list[Diagnostic]:
    """What is wrong in a `_defaults.yaml` or in an environment file."""
    model = EnvironmentFile if environment else DefaultsFile
    found = Problems()
    found.put(validator(model, authoring=True).problems(document.value))
    return limited((placed(document, entry.path, entry) for entry in found), found.more)


def validate_file(document: Document) -> list[Diagnostic]:
    """What is wrong in a pipeline's file as it stands, before layers and `${…}`."""
    found = Problems()
    found.put(validator(PipelineFile, authoring=True).problems(document.value))
    return limited((placed(document, entry.path, entry) for entry in found), found.more)


def validate(resolved: Resolved, arguments_of: uses.ArgumentsOf, kinds: Iterable[str]) -> Problems:
    """What is wrong with a resolved spec and can be told without reading other files."""
    found = Problems()
    found.put(resolved.problems)
    found.more += resolved.more
    value = resolved.value
    found.put(validator(Pipeline).problems(value))
    own = value.get("kinds")
    own = own if isinstance(own, dict) else {}
    ours = named.names(own)
    if ours:
        found.put(uses.own_kinds(resolved, ours, arguments_of))
    if ours or resolved.library:
        kinds = uses.Both(kinds, [*ours, *resolved.library])
    for index, group in enumerate(resolved.groups):
        found.put(validator(Group).problems(group, ("groups", index)))
    _check_steps(found, resolved, arguments_of, kinds, own)
    found.put(condition.problems(resolved))
    found.put(each.problems(resolved))
    found.put(schedule.problems(value))
    found.put(assets.problems(assets.of_steps(value.get("tasks"))))
    if "deadline" in value or "alerts" in value:
        found.put(deadline.problems(resolved))
    if value.get("params"):
        found.put(params.problems(value))
    if not found:
        return found
    if (alien := other(resolved.document.value)) is not None:
        found[:], found.more = [alien], 0
        return found
    return misplaced.at_home(found, resolved, arguments_of)


def _check_steps(
    found: Problems,
    resolved: Resolved,
    arguments_of: uses.ArgumentsOf,
    kinds: Iterable[str],
    own: dict[str, Any],
) -> None:
    """Put to `found` what is wrong in each step, and in what they need."""
    tasks = resolved.value.get("tasks")
    if not isinstance(tasks, list):
        return
    steps = [
        (index, task)
        for index, task in enumerate(tasks)
        if isinstance(task, dict) and isinstance(task.get("id"), str)
    ]
    holes = set(resolved.holes)
    for index, task in steps:
        name = task["id"].removeprefix(f"{resolved.task_group[index]}.")
        if "." in name:
            found.put(validator(Name).problems(name, ("tasks", index, "id")))
        if ("tasks", index, "uses") not in holes:
            names = uses.Names(kinds, own, resolved.task_names[index])
            found.put(uses.arguments(index, task, arguments_of, names, brief=found.full))
    told = all(len(hole) != 3 or hole[2] != "id" for hole in resolved.holes)
    found.put(needs.problems(steps, told and len(steps) == len(tasks)))
    found.put(teardown.problems(steps))
