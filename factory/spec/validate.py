"""Is a resolved spec right? Yes or no in microseconds; on a no, every reason with its place.

The verdict is `jsonschema-rs`'s. Only on a no does `jsonschema` list the errors; each becomes a
`Problem` at a path of the resolved value, and `diagnose` turns those into positions in files.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec
from msgspec.structs import replace

from factory.choices import Unusable
from factory.diagnostics import (
    Diagnostic,
    Path,
    did_you_mean,
    dotted,
    limited,
    nearest,
    one_of,
    quoted,
)
from factory.errors import FactoryError, words
from factory.fields import Duration
from factory.problem import Problem, Problems
from factory.spec import (
    assets,
    condition,
    deadline,
    each,
    named,
    params,
    positions,
    schedule,
    schema,
    teardown,
)
from factory.spec.groups import NAMING
from factory.spec.model import (
    BOUNDED,
    DURATIONS,
    SETTINGS,
    Alerts,
    DefaultsFile,
    EnvironmentFile,
    Group,
    Name,
    NamedKind,
    Pipeline,
    PipelineFile,
    WrittenGroup,
    WrittenTask,
)
from factory.spec.origins import called_from, given, origin
from factory.spec.others import other
from factory.spec.read import Document
from factory.spec.resolve import Resolved
from factory.spec.syntax import as_quoted

ArgumentsOf = Callable[[str, Any], Any]
"""`uses` and `with` → the type of the arguments, or None for any mapping.

KeyError when there is no such kind, FactoryError when it does not load, Unusable when something
that they name does not.
"""


class _Validator:
    def __init__(self, model: Any, authoring: bool) -> None:
        self.model = None if authoring else model
        self.schema = schema.of(model, authoring=authoring)
        self.rules = jsonschema_rs.validator_for(self.schema)
        self.is_valid = self.rules.is_valid

    def problems(self, value: Any, prefix: Path = ()) -> list[Problem]:
        if not self.is_valid(value):
            from factory.spec.violations import violations

            return violations(self.schema, value, prefix) or [self._unexplained(value, prefix)]
        if self.model is not None:
            try:
                msgspec.convert(value, self.model)
            except msgspec.ValidationError as error:
                return [_unconverted(error, prefix)]
        return []

    def _unexplained(self, value: Any, prefix: Path) -> Problem:
        """The two gears disagree: the fast one's words are better than none."""
        error = next(iter(self.rules.iter_errors(value)))
        return Problem((*prefix, *error.instance_path), "schema", error.message)


def _unconverted(error: msgspec.ValidationError, prefix: Path) -> Problem:
    """To JSON Schema 1.0 is an integer, to Airflow and to Python it is none."""
    message, _, place = str(error).partition(" - at `$")
    path = [
        int(match[2]) if match[2] else match[1]
        for match in re.finditer(r"\.([^.\[\]`]+)|\[([0-9]+)\]", place.partition("[...]")[0])
    ]
    if message.startswith("Expected `int") and message.endswith("got `float`"):
        return Problem(
            (*prefix, *path),
            "type",
            "this is a number with a decimal point",
            expected="a whole number",
        )
    return Problem((*prefix, *path), "type", message)


@cache
def validator(model: Any, authoring: bool = False) -> _Validator:
    """The rules of a type; `authoring`: of what stands in a file, not of what it resolves to."""
    return _Validator(model, authoring)


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


def validate(resolved: Resolved, arguments_of: ArgumentsOf, kinds: Iterable[str]) -> Problems:
    """What is wrong with a resolved spec and can be told without reading other files."""
    found = Problems()
    found.put(resolved.problems)
    found.more += resolved.more
    found.put(validator(Pipeline).problems(resolved.value))
    own = resolved.value.get("kinds")
    ours = named.names(own) if isinstance(own, dict) else []
    if ours:
        found.put(_own_kinds(resolved, ours, arguments_of))
    if ours or resolved.library:
        kinds = _Both(kinds, [*ours, *resolved.library])
    for index, group in enumerate(resolved.groups):
        found.put(validator(Group).problems(group, ("groups", index)))
        found.put(filter(None, [condition.problem(group.get("if"), ("groups", index, "if"))]))
    tasks = resolved.value.get("tasks")
    if isinstance(tasks, list):
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
            place = ("tasks", index, "if")
            found.put(filter(None, [condition.problem(task.get("if"), place)]))
            if ("tasks", index, "uses") not in holes:
                names = _Names(kinds, _mapping(own), resolved.task_names[index])
                found.put(_arguments(index, task, arguments_of, names, brief=found.full))
        told = all(len(hole) != 3 or hole[2] != "id" for hole in resolved.holes)
        found.put(_graph(steps, told and len(steps) == len(tasks)))
        found.put(teardown.problems(steps))
    found.put(each.problems(resolved))
    found.put(schedule.problems(resolved.value))
    found.put(assets.problems(assets.of_steps(tasks)))
    if "deadline" in resolved.value or "alerts" in resolved.value:
        found.put(deadline.problems(resolved))
    if resolved.value.get("params"):
        found.put(params.problems(resolved.value))
    if not found:
        return found
    if (alien := other(resolved.document.value)) is not None:
        found[:], found.more = [alien], 0
        return found
    return _at_home(found, resolved, arguments_of)


_NAME = re.compile("[A-Za-z0-9_-]+")


class _Names(NamedTuple):
    """What a task may use; `own` is what stands under `kinds:`, `through` led to its `uses`."""

    kinds: Iterable[str]
    own: dict[str, Any]
    through: tuple[str, ...]


class _Both:
    """Kinds, and a person's own names for them; asked for when one is not known."""

    def __init__(self, kinds: Iterable[str], ours: Iterable[str]) -> None:
        self._kinds, self._ours = kinds, ours

    def __iter__(self) -> Iterator[str]:
        yield from self._ours
        yield from self._kinds


def _own_kinds(
    resolved: Resolved, ours: Iterable[str], arguments_of: ArgumentsOf
) -> Iterator[Problem]:
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


def _arguments(
    index: int,
    task: dict[str, Any],
    arguments_of: ArgumentsOf,
    names: _Names,
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


def _unknown_kind(index: int, uses: str, names: _Names) -> Problem:
    given = _mapping(names.own.get(uses))
    if near := nearest("uses", given):  # a name of one's own that does not say it
        message = f"the key {quoted(near)} is not known here"
        path: Path = ("kinds", uses, near)
        return Problem(path, "unknown-key", message, "`uses:`", "did you mean 'uses'?", at_key=True)
    known = [name for name in names.kinds if name not in names.through]
    hint = f"under `kinds:` it has no `uses:`, which tells what {quoted(uses)} is" if given else ""
    return Problem(
        ("tasks", index, "uses"),
        "unknown-kind",
        f"there is no kind {quoted(uses)}",
        expected=f"{one_of(known)}, or an operator's import path",
        hint=did_you_mean(uses, known) or hint,
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


def _at_home(found: Problems, resolved: Resolved, arguments_of: ArgumentsOf) -> Problems:
    """Tell an argument beside `with`, and a setting inside it, where they belong."""
    tasks: Any = resolved.value.get("tasks")
    mended = Problems()
    mended.more = found.more
    moved: set[tuple[Path, str]] = set()
    for problem in found:
        path, key = problem.path, problem.path[-1] if problem.path else ""
        if problem.code == "unknown-key" and problem.hint.startswith("put it under "):
            moved |= {((*path[:-1], name), str(key)) for name in _HOMES.findall(problem.hint)}
        if problem.code == "unknown-key" and path[0] == "tasks" and path[2:3] == (key,):
            if key in _fields(tasks[path[1]].get("uses"), arguments_of):
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
        elif problem.code == "unknown-key" and _is_beside(path):
            problem = replace(problem, expected="", hint="put it beside `with:`, not under it")
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


def _is_beside(path: Path) -> bool:
    """Whether it is an argument of a task that is called as what stands beside `with`."""
    return path[0] == "tasks" and path[2:-1] == ("with",) and path[-1] in _BESIDE


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


def _fields(uses: Any, arguments_of: ArgumentsOf) -> tuple[str, ...]:
    try:
        model = arguments_of(uses, None) if isinstance(uses, str) and uses else None
    except (KeyError, FactoryError):
        return ()
    return () if model is None else tuple(model.__struct_encode_fields__)


def _graph(steps: list[tuple[int, dict[str, Any]]], complete: bool) -> Problems:
    """Ids that stand twice, needs that do not exist, needs that go round in a circle.

    :param complete: every task has an id that can be told.
    """
    found = Problems()
    first: dict[str, int] = {}
    for index, task in steps:
        if task["id"] in first:
            problem = Problem(
                ("tasks", index, "id"),
                "duplicate-id",
                f"the id {quoted(task['id'])} stands here a second time",
                expected="each id once in a pipeline",
                first=("tasks", first[task["id"]], "id"),
            )
            found.put([problem])
        first.setdefault(task["id"], index)
    edges: dict[str, list[str]] = {}
    for index, task in steps:
        for path, need in _named_tasks(index, task):
            if need in first and need != task["id"]:
                edges.setdefault(task["id"], []).append(need)
            elif found.full:
                found.more += complete or need in first
            elif complete or need in first:
                found.put([_bad_need(path, need, task["id"], first)])
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        found.put([_cycle(list(reversed(error.args[1])), first)])
    return found


def _named_tasks(index: int, task: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for key in NAMING:
        names = task.get(key)
        for place, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str):
                yield ("tasks", index, key, place), name


def _cycle(circle: list[str], first: dict[str, int]) -> Problem:
    start = circle.index(min(circle[1:], key=first.__getitem__))
    shown = [*circle[start:], *circle[1 : start + 1]]
    return Problem(
        ("tasks", first[shown[0]], "needs"),
        "cycle",
        f"the needs go round in a circle: {' → '.join(_cut(shown))}",
        expected="tasks that can be put in an order",
        at_key=True,
    )


def _cut(names: list[str]) -> list[str]:
    return names if len(names) <= 12 else [*names[:10], "…", names[-1]]


def _bad_need(path: Path, need: str, task_id: str, ids: Iterable[str]) -> Problem:
    if need == task_id:
        return Problem(path, "self-need", "the task names itself", expected="another task's id")
    others = [name for name in ids if name != task_id]
    all_of, bracket, _ = need.partition("[")
    hint = did_you_mean(need, others)
    if bracket and all_of in others:
        hint = f"write `{all_of}`: only the copies of a `matrix` have names"
    return Problem(
        path,
        "unknown-task",
        f"there is no task {quoted(need)}",
        expected=one_of(others) if others else "the id of another task",
        hint=hint,
    )


def diagnose(resolved: Resolved, problems: Iterable[Problem]) -> list[Diagnostic]:
    """Each problem at the file, line and column that wrote the value; sorted, each once, and how
    many more there are.

    What is found at a place whose value could not be told is an echo, and left out.
    """
    holes = {_address(resolved, path) for path in resolved.holes}
    first_hand = set(resolved.problems)
    more = resolved.more or getattr(problems, "more", 0)
    found = []
    for problem in problems:
        document, path = origin(resolved, problem.path)
        if problem.code == "missing-key" and document is not _home(resolved, problem.path):
            problem = _in_the_step(resolved, problem)
            document, path = origin(resolved, problem.path)
        if problem not in first_hand and any(
            (document.name, path[:length]) in holes for length in range(1, len(path) + 1)
        ):
            more = resolved.more  # those that nobody looked at may be echoes as well
            continue
        if problem.first:
            problem = replace(problem, message=f"{problem.message}{_first(resolved, problem)}")
        meant, read = given(resolved, problem)
        if read:
            document, path = origin(resolved, meant)
        calls = called_from(resolved, meant, document)
        told = replace(
            placed(document, path, problem),
            called=_lines((call.document, call.path) for call in calls),
            read_in=_lines(read),
        )
        found.append(told)
    # the same place may be read by several tasks
    each = {(d.file, d.line, d.column, d.code, d.message): d for d in found}
    return limited(sorted(each.values()), more)


def _lines(places: Iterable[tuple[Document, Path]]) -> str:
    lines = (positions.line_of(document, path) for document, path in places)
    return ", ".join(f"{file}:{line}" for file, line in lines)


def _first(resolved: Resolved, problem: Problem) -> str:
    document, path = origin(resolved, problem.path)
    here, _ = positions.line_of(document, path)
    file, line = positions.line_of(*origin(resolved, problem.first))
    return f": the other is in line {line}" + ("" if file == here else f" of {file}")


def _home(resolved: Resolved, path: Path) -> Document:
    """The file that a task was written in."""
    if path[:1] == ("tasks",) and len(path) > 1 and int(path[1]) < len(resolved.task_place):
        return resolved.task_place[int(path[1])].document
    return resolved.document


def _in_the_step(resolved: Resolved, problem: Problem) -> Problem:
    """What a default of a layer lacks is told where the step could say it."""
    if problem.path[:1] != ("tasks",):
        return problem
    written: Any = resolved.task_place[int(problem.path[1])].value()
    place, lacks = problem.path[:2], problem.path[2:]
    while lacks and isinstance(written, dict) and lacks[0] in written:
        written = written[lacks[0]]
        place, lacks = (*place, lacks[0]), lacks[1:]
    if not all(isinstance(part, str) for part in lacks):  # a list is one value
        return problem
    return replace(problem, path=place, message=f"{problem.message} in `{dotted(lacks)}`")


def _address(resolved: Resolved, path: Path) -> tuple[str, Path]:
    document, place = origin(resolved, path)
    return document.name, place


def placed(document: Document, path: Path, problem: Problem) -> Diagnostic:
    """A problem at the position of `path` in a document, or of its nearest ancestor there."""
    document, path = document.at(path)
    place, reached = positions.locate(positions.of(document.name, document.text), path)
    is_empty = place.plain and not place.raw  # nothing stands there to point at
    line, column, width = place.line, place.column, place.width
    hint = problem.hint
    part = document.parts.get(path)  # of a whole file: its name is told, for it has no line
    message = f"{problem.message} ({part.path.name})" if part else problem.message
    if place.key_line > 0 and (is_empty or (problem.at_key and len(reached) == len(path))):
        line, column, width = place.key_line, place.key_column, place.key_width
        if is_empty and not hint and _has_comment(document.text, line):
            hint = "what follows ` #` is a comment: put it in quotes"
    elif problem.part and (at := positions.find(document.text, place, problem.part, problem.nth)):
        line, column, width = *at, len(problem.part)
    elif problem.quote and place.plain and not hint and "${" not in place.raw:
        hint = f"put it in quotes: {as_quoted(place.raw)}"
    return Diagnostic(
        file=document.name,
        line=line,
        column=column,
        width=width,
        code=problem.code,
        message=message,
        path=dotted(path),
        expected=problem.expected,
        hint=hint,
        severity="warning" if problem.severity == "warning" else "error",
    )


def _has_comment(text: str, line: int) -> bool:
    return " #" in positions.lines_of(text)[line - 1]
