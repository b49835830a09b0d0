"""Keys that stand in the wrong place: where they belong."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from factory.diagnostics import Path
from factory.problem import Problem, Problems
from factory.spec import each
from factory.spec.groups import NAMING
from factory.spec.model import SETTINGS, Alerts, Pipeline, WrittenGroup, WrittenTask
from factory.spec.resolve import Resolved
from factory.spec.uses import ArgumentsOf, fields
from factory.spec.validator import validator


def at_home(found: Problems, resolved: Resolved, arguments_of: ArgumentsOf) -> Problems:
    """Tell an argument beside `with`, and a setting inside it, where they belong.

    What `resolve` found says it already.
    """
    first_hand = set(resolved.problems)
    tasks: Any = resolved.value.get("tasks")
    mended = Problems()
    mended.more = found.more
    moved: set[tuple[Path, str]] = set()
    for problem in found:
        if problem in first_hand:
            mended.append(problem)
            continue
        path, key = problem.path, problem.path[-1] if problem.path else ""
        if problem.code == "unknown-key" and problem.hint.startswith("put it under "):
            moved |= {((*path[:-1], name), str(key)) for name in _HOMES.findall(problem.hint)}
        if problem.code == "unknown-key" and path[0] == "tasks" and path[2:3] == (key,):
            if key in fields(tasks[path[1]].get("uses"), arguments_of):
                moved.add(((*path[:2], "with"), str(key)))
                problem = replace(problem, expected="", hint="put it under `with:`")
            else:
                task = resolved.task_place[int(path[1])].value()
                problem = _as_written(problem, task, WrittenTask, but=("defaults",))  # a group's
                problem = replace(problem, hint=problem.hint or _of_pipeline(key))
                if problem.hint == "did you mean 'run'?":
                    moved.add((path[:2], "uses"))
        elif problem.code == "unknown-key" and _is_of_group(resolved, path):
            problem = _as_written(problem, resolved.group_place[int(path[1])].value(), WrittenGroup)
        elif problem.code == "unknown-key" and path[:2] == ("schedule", "event"):
            hint = problem.hint or "put it under `with:`, if it is the trigger's"
            problem = replace(problem, hint=hint)
        elif problem.code == "unknown-key" and (way := _beside(path)):
            problem = replace(problem, expected="", hint=way)
        elif problem.code == "type" and (way := _of_shape(resolved, path)):
            problem = replace(problem, hint=way)
        elif path[:1] == ("tasks",) and problem.message == "the key 'uses' is missing":
            problem = replace(problem, expected="`uses:` or `run:`", hint="")
        mended.append(problem)
    gaps = {(path, f"the key {key!r} is missing") for path, key in moved}
    mended[:] = [problem for problem in mended if (problem.path, problem.message) not in gaps]
    return mended


def _of_shape(resolved: Resolved, path: Path) -> str:
    """How to write what others write in another shape."""
    if path == ("schedule",) and isinstance(resolved.value.get("schedule"), list):
        return "of assets write `{assets: […]}`: when all of them were updated"
    if path[-1:] == (each.WORD,) and len(path) == 3:
        where: Any = resolved.groups if path[0] == "groups" else resolved.value["tasks"]
        given = where[path[1]].get(each.WORD)
        if isinstance(given, dict) and all(isinstance(one, list | str) for one in given.values()):
            return "of several lists make one before: a python step that gives their pairs"
    return ""


def _beside(path: Path) -> str:
    """What to do with an argument that is called as a key beside `with`, by us or others."""
    from factory.spec.violations import our_word

    if path[0] != "tasks" or path[2:-1] != ("with",):
        return ""
    key = str(path[-1])
    if key in _BESIDE:
        return "put it beside `with:`, not under it"
    ours = our_word(key, _BESIDE)
    return f"did you mean {ours!r}, beside `with:`?" if ours else ""


def _is_of_group(resolved: Resolved, path: Path) -> bool:
    """Whether it is a key of a group, and not of the call of a kind."""
    is_key = path[0] == "groups" and len(path) == 3
    return is_key and resolved.group_call[int(path[1])] is None


def _as_written(
    problem: Problem, written: dict[str, Any], model: Any, but: tuple[str, ...] = ()
) -> Problem:
    """An unknown key among those that may stand in the file; defaults do not take their place."""
    from factory.spec.violations import unknown_keys

    key = problem.path[-1]
    rules = validator(model, authoring=True).schema
    known = {name: about for name, about in rules["properties"].items() if name not in but}
    given = [name for name in written if name == key or name in known]
    return next(unknown_keys(given, known, problem.path[:-1], rules), problem)


def _of_pipeline(key: Any) -> str:
    """Where a key of a task stands that is the pipeline's own."""
    if key in Pipeline.__struct_encode_fields__:
        return "it is the pipeline's: it stands at the top of the file"
    if key in Alerts.__struct_encode_fields__:
        return "it is the pipeline's: it stands at the top of the file, under `alerts:`"
    return ""


_HOMES = re.compile(r"`(\w+):`")


_BESIDE = {*SETTINGS, *NAMING, "if", "description", "updates", "alerts", "matrix"}
