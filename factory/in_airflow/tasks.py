"""A task of the plan → its Airflow operator, with what its arguments mean."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.definitions.mappedoperator import MappedOperator
from msgspec import UNSET

from factory.diagnostics import Path as Place
from factory.diagnostics import did_you_mean
from factory.errors import BuildError, is_fault
from factory.in_airflow import each, importing, joins
from factory.in_airflow.conditions import Moment, conditional
from factory.in_airflow.dag import PipelineDAG
from factory.in_airflow.functions import Beside
from factory.in_airflow.guard import guarded
from factory.in_airflow.hiding import hide_connections
from factory.in_airflow.importing import reason
from factory.in_airflow.interval import tell_interval
from factory.in_airflow.objects import asset, duration, notify
from factory.in_airflow.operators.teardown import TEAR_DOWN, ending
from factory.in_airflow.templates import Expression
from factory.plan import files
from factory.plan.each import ITEMS
from factory.plan.kind import builtin_names
from factory.plan.model import Alert, Call, Items, Output, Ref, Task, TaskAlerts, Template
from factory.spec import beside
from factory.spec.filled import Filled
from factory.spec.model import DURATIONS


def operator(
    task: Task,
    dag: PipelineDAG,
    groups: Mapping[str, Any],
    made: Mapping[str, Any],
    on_retry: tuple[Alert, ...],
) -> Any:
    """The operator of a task, in the DAG and in its group.

    :param made: the operators of the tasks before it, by id.
    :raises BuildError: it cannot be imported, or refuses its arguments.
    """
    operator = _import(task.operator, task)
    try:
        group = groups[task.group] if task.group else None
        joins_itself = joins.asks(task, group)
        operator = _bounded(operator, task, joins_itself)
        around = _Around(made, dag)
        arguments = _arguments(task, around, on_retry)
        if joins_itself:
            arguments["trigger_rule"] = joins.ASKED
        named: dict[str, Any] = {
            "task_id": task.id.removeprefix(f"{task.group}."),
            "dag": dag,
            "task_group": group,
        }
        if task.for_each is not UNSET or each.is_copied(named["task_group"]):
            arguments.setdefault("map_index_template", each.NAME)
        if task.for_each is not UNSET:
            listed = {each.ITEM: items(task.for_each, made)}
            operated = each.mapped(operator, task).partial(**named, **arguments).expand(**listed)
        elif task.expand:
            many = {name: _value(value, task, around) for name, value in task.expand.items()}
            operated = operator.partial(**named, **arguments).expand(**many)
        else:
            if task.connections and task.uses in builtin_names():
                arguments["pre_execute"] = hide_connections
            operated = operator(**named, **arguments)
    except BuildError:
        raise
    except BaseException as error:
        if not is_fault(error):
            raise
        # an operator of any package may refuse in any way; the error belongs to this task alone
        raise _refusal(task, operator, error) from error
    if not isinstance(operated, BaseOperator | MappedOperator):
        raise BuildError(task.step, ("uses",), f"{task.operator} is not an Airflow operator")
    return operated


def _bounded(operator: Any, task: Task, joins_itself: bool) -> Any:
    """The operator with what stands before its work: rule, conditions, and the boundary of ours."""
    moment: Moment = "pre_execute" if task.expand else "render_template_fields"
    if task.for_each is not UNSET:
        moment = "_do_render_template_fields"
    for condition in reversed(task.conditions or ()):  # what is put around last is asked first
        operator = conditional(operator, condition, moment)
    if joins_itself:
        operator = joins.joining(operator)
    if task.role == "teardown" and task.id == f"{task.step}.{TEAR_DOWN}":
        operator = ending(operator)
    ours = task.uses in builtin_names() or task.operator == ITEMS
    return guarded(operator) if ours else operator


def _arguments(task: Task, around: _Around, on_retry: tuple[Alert, ...]) -> dict[str, Any]:
    given = _with_files(task, around.dag) if task.files else task.arguments
    arguments = {name: _value(value, task, around) for name, value in given.items()}
    arguments |= task.settings
    for name in DURATIONS:
        if isinstance(arguments.get(name), str):
            arguments[name] = duration(arguments[name])
    if task.outlets:
        arguments["outlets"] = [*_listed(arguments.get("outlets")), *map(asset, task.outlets)]
    if arguments.get("outlets") and task.for_each is UNSET:
        arguments.setdefault("post_execute", tell_interval)
    if about := _about(task):
        arguments["doc_md"] = about
    told = task.alerts or TaskAlerts()
    for event, name, alerts in (
        ("task_failure", "on_failure_callback", told.on_failure),
        ("retry", "on_retry_callback", on_retry if told.on_retry is UNSET else told.on_retry),
        ("task_success", "on_success_callback", told.on_success),
    ):
        if alerts:
            ours = [notify(alert, event) for alert in alerts]
            arguments[name] = [*_listed(arguments.get(name)), *ours]
    return arguments


def items(given: Items, made: Mapping[str, Any]) -> Any:
    """What is mapped over, as Airflow takes it."""
    return made[given.task].output if isinstance(given, Output) else list(given)


def _listed(value: Any) -> list[Any]:
    """What may stand alone, or in a list."""
    return list(value) if isinstance(value, list | tuple) else [value] if value else []


def _about(task: Task) -> str:
    """What Airflow shows beside a task."""
    said = [f"Runs only if `{condition}`." for condition in task.conditions or ()]
    return "\n\n".join(filter(None, [task.description, *said]))


def _with_files(task: Task, dag: PipelineDAG) -> Mapping[str, Any]:
    """The arguments with the text of each file in which something is filled in, for its name.

    Airflow reads a template's file when a DAG is parsed as well, so the DAG changes with it.
    """
    texts: dict[Place, str] = {}
    with beside.below(Path(dag.spec_root)):
        for file in files.named(task):
            folder = _folder(task, dag)
            filled = files.fill(task, file.name, folder)
            if filled is None and task.folder:  # Airflow looks beside the spec alone
                if problem := beside.missing(file.name, folder):
                    raise BuildError(task.step, ("with",), problem.message, problem.hint)
                filled = Filled(beside.text_of(folder / file.name))
            if filled is None:
                continue
            for problem in filled.problems:
                line, column = problem.path
                message = f"{file.name}:{line}:{column}: {problem.message}"
                raise BuildError(task.step, ("with",), message, problem.hint or problem.expected)
            texts[file.place] = _no_name(filled.text)
    return files.put(task.arguments, texts)


def _folder(task: Task, dag: PipelineDAG) -> Path:
    """Where the files are that a task's arguments name."""
    return Path(dag.spec_root, task.folder) if task.folder else Path(dag.folder)


def _no_name(text: str) -> str:
    """A text that Airflow does not take for the name of a file."""
    return f"{text} " if text.endswith((".sql", ".json")) else text


def _refusal(task: Task, operator: Any, error: BaseException) -> BuildError:
    """Where a person must look: at the argument, when one can be told."""
    name = task.operator.rpartition(".")[2]
    written = task.arguments if task.uses == task.operator else {}
    known = _parameters(operator)
    for key in written:
        if known and key not in known:
            message = f"{name} has no argument {key!r}"
            hint = did_you_mean(key, known)
            return BuildError(task.step, ("with", key), message, hint, at_key=True)
    said = reason(error)
    named = [key for key in written if re.search(rf"\b{re.escape(key)}\b", said)]
    return BuildError(task.step, ("with", *named[:1]), f"{name} refuses its arguments: {said}")


def _parameters(operator: Any) -> set[str]:
    """Every argument that an operator and the classes above it take."""
    if not isinstance(operator, type) or not issubclass(operator, BaseOperator):
        return set()
    found: set[str] = set()
    for above in operator.__mro__:
        if "__init__" in above.__dict__:
            found |= set(inspect.signature(above.__init__).parameters)  # type: ignore[misc]
    return found


class _Around(NamedTuple):
    """What an argument may need of the DAG: the operators that are made, and where its spec is."""

    made: Mapping[str, Any]
    dag: PipelineDAG


def _value(value: Any, task: Task, around: _Around) -> Any:
    kind = value.__class__
    if kind is str or kind is bool or kind is int or value is None:
        return value
    if kind is dict:
        return {name: _value(entry, task, around) for name, entry in value.items()}
    if kind is list or kind is tuple:
        return [_value(entry, task, around) for entry in value]
    if kind is Call:
        return _named(_called(value, task, around), task)
    if kind is Ref:
        if ":" in value.path:
            return Beside(value.path, str(_folder(task, around.dag)), around.dag.spec_root)
        return _named(_import(value.path, task), task)
    if kind is Output:
        return around.made[value.task].output
    if kind is Template:
        return Expression(value.text)
    return value


def _import(path: str, task: Task) -> Callable[..., Any]:
    try:
        return importing.load(path)
    except BaseException as error:
        if not is_fault(error):
            raise
        # importing runs another package's code, which may fail in any way
        part = ("uses",) if path == task.operator else _marked(path, task)
        raise BuildError(task.step, part, *importing.why(path, error)) from error


def _called(call: Call, task: Task, around: _Around) -> Any:
    target = _import(call.path, task)
    given = {name: _value(value, task, around) for name, value in call.arguments.items()}
    try:
        return target(**given)
    except BaseException as error:
        if not is_fault(error):
            raise
        message = f"{call.path} refuses its arguments: {reason(error)}"
        raise BuildError(task.step, _marked(call.path, task), message) from error


def _marked(path: str, task: Task) -> Place:
    """Where an argument of a task names an import path."""
    written = task.arguments if task.uses == task.operator else {}
    return next(_marks(path, written, ("with",)), ("with",))


def _marks(path: str, value: Any, place: Place) -> Iterator[Place]:
    if isinstance(value, Ref | Call) and value.path == path:
        yield (*place, "$ref" if isinstance(value, Ref) else "$call")
    if isinstance(value, Call):
        value, place = value.arguments, (*place, "with")
    entries: Any = enumerate(value) if isinstance(value, list | tuple) else ()
    for name, entry in value.items() if isinstance(value, Mapping) else entries:
        yield from _marks(path, entry, (*place, name))


def _named(value: Any, task: Task) -> Any:
    """What an operator's `outlets` and `inlets` hold must not disturb the assets of others."""
    if not isinstance(value, Asset) or value.name == value.uri:
        return value
    if _is_spelling(value.name, value.uri):
        value = copy.copy(value)  # it may be another module's own
        value.name = value.uri
    elif value.uri.startswith("table://"):
        message = f"the asset {value.uri} has another name here, {value.name!r}"
        hint = "leave `name` out: its address is its name, in every pipeline"
        raise BuildError(task.step, ("with",), message, hint)
    return value


def _is_spelling(name: str, uri: str) -> bool:
    try:
        return Asset(uri=name).uri == uri
    except ValueError:
        return False
