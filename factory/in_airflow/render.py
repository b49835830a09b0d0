"""The plan → an Airflow DAG. Imports only the operators of the DAG that is being built."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pendulum
from airflow import plugins_manager
from airflow.sdk import (
    DAG,
    Asset,
    AssetAll,
    AssetAny,
    BaseOperator,
    Param,
    TaskGroup,
)
from airflow.sdk.definitions.deadline import (  # type: ignore[attr-defined]  # as 3.1 has it
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
)
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.timetables.trigger import CronTriggerTimetable, DeltaTriggerTimetable
from msgspec import UNSET

from factory.diagnostics import Path as Place
from factory.diagnostics import did_you_mean
from factory.errors import BuildError, is_fault, together
from factory.fields import seconds
from factory.in_airflow import importing
from factory.in_airflow.conditions import Moment, conditional
from factory.in_airflow.functions import Beside
from factory.in_airflow.guard import guarded
from factory.in_airflow.hiding import hide_connections
from factory.in_airflow.importing import reason
from factory.in_airflow.interval import tell_interval
from factory.in_airflow.names import Names
from factory.in_airflow.notifiers import Notify
from factory.in_airflow.templates import Expression, TemplateFiles
from factory.in_airflow.timetable import PipelineTimetable
from factory.plan import files
from factory.plan.kind import builtin_names
from factory.plan.model import (
    Alert,
    Assets,
    Call,
    Deadline,
    Every,
    Output,
    Pipeline,
    Ref,
    Task,
    TaskAlerts,
    Template,
)
from factory.plan.outputs import Outputs
from factory.plan.runs import bounds, runs
from factory.spec import beside
from factory.spec.model import DURATIONS
from factory.spec.params import is_schema

if TYPE_CHECKING:
    from jinja2 import Environment

_ONCE = ("@once", "@continuous")
_REFERENCES = {
    "queued_at": DeadlineReference.DAGRUN_QUEUED_AT,
    "logical_date": DeadlineReference.DAGRUN_LOGICAL_DATE,
}


class PipelineDAG(DAG):
    """A DAG whose Code tab and template folder are those of its YAML file.

    Airflow's importer sets `fileloc` to the loader after building; `validate` runs after that.
    """

    spec_file: str = ""
    spec_root: str = ""
    outputs: Outputs

    def get_template_env(self, *, force_sandboxed: bool = False) -> Environment:
        """Airflow's own, without the files that links from elsewhere would give it."""
        environment: Environment = super().get_template_env(force_sandboxed=force_sandboxed)
        environment.context_class = Names
        if self.spec_root:
            environment.loader = TemplateFiles(self.folder, Path(self.spec_root))
        return environment

    def validate(self) -> None:
        """Airflow's own validation, then `fileloc` is the spec's."""
        super().validate()  # type: ignore[no-untyped-call]
        if self.spec_file:
            self.fileloc = self.spec_file

    def test(self, *args: Any, **kwargs: Any) -> Any:
        """Airflow's own run in this process; without a deadline, which nothing would look at.

        With one, Airflow's ends in an error (apache/airflow#73428).
        """
        self.deadline = None
        return super().test(*args, **kwargs)


def render(plan: Pipeline, root: Path, environment: str = "") -> DAG:
    """The DAG of a plan.

    :param root: the configuration root that the plan's `source` is relative to.
    :param environment: what it was built for, to be shown on its page.
    :raises BuildError: an operator cannot be imported or refuses its arguments, or Airflow
        refuses the DAG's own.
    """
    dag = dag_of(plan)
    if environment:
        dag.doc_md = f"{dag.doc_md}\n\nEnvironment: **{environment}**"
    dag.spec_file = dag.fileloc = str(root / plan.source)
    dag.spec_root = str(root)
    dag.outputs = Outputs(plan)
    groups = _groups(plan, dag)
    made: dict[str, Any] = {}
    refused: dict[str, BuildError] = {}  # by step: the others of its tasks may need the first
    for task in plan.tasks:
        if task.step in refused:
            continue
        try:
            made[task.id] = _operator(task, dag, groups, made, plan.on_retry)
        except BuildError as error:
            refused[task.step] = error
    if (wrong := together(refused.values())) is not None:
        raise wrong
    by_id = {task.id: task for task in plan.tasks}
    for before, after in plan.edges:
        with _refusing(by_id[before], "cannot be put before another task"):
            made[before].set_downstream(made[after])
    for task in plan.tasks:
        _give_role(task, made)
    return dag


def _groups(plan: Pipeline, dag: DAG) -> dict[str, TaskGroup]:
    """A group's id begins with that of the group around it, which stands before it."""
    made: dict[str, TaskGroup] = {}
    for group in plan.groups:
        above, _, name = group.id.rpartition(".")
        made[group.id] = TaskGroup(
            group_id=name, tooltip=group.tooltip, parent_group=made.get(above), dag=dag
        )
    return made


def _give_role(task: Task, made: Mapping[str, Any]) -> None:
    if task.role == "teardown":
        with _refusing(task, "cannot be a teardown"):
            made[task.id].as_teardown(
                setups=[made[name] for name in task.setups],
                on_failure_fail_dagrun=task.fails_run is True,
            )
    elif task.role == "setup":
        with _refusing(task, "cannot be a setup"):
            made[task.id].as_setup()


@contextmanager
def _refusing(task: Task, what: str) -> Iterator[None]:
    """An operator may have methods of its own for what it is asked here."""
    try:
        yield
    except BaseException as error:
        if not is_fault(error):
            raise
        name = task.operator.rpartition(".")[2]
        message = f"{name} {what}: {reason(error)}"
        raise BuildError(task.step, ("uses",), message) from error


def dag_of(plan: Pipeline) -> PipelineDAG:
    """The DAG without its tasks."""
    part: tuple[str, ...] = ("schedule",)
    try:
        schedule = _schedule(plan)
        part = ("params",) if plan.params else ("schedule",)
        dag = PipelineDAG(schedule=schedule, **_dag_arguments(plan))
    except BuildError:
        raise
    except BaseException as error:
        if not is_fault(error):
            raise
        # Airflow, or a provider that knows the scheme of an asset, may refuse in any way
        raise BuildError("", part, f"Airflow refuses the pipeline: {reason(error)}") from error
    # Airflow takes it from `start_date` alone
    dag.timezone = pendulum.timezone(plan.timezone)
    return dag


def _dag_arguments(plan: Pipeline) -> dict[str, Any]:
    first, last = bounds(plan)
    arguments: dict[str, Any] = {
        "dag_id": plan.dag_id,
        "description": plan.description or None,
        "doc_md": _doc(plan),
        "tags": list(plan.tags),
        "start_date": _pendulum(first, plan.timezone),
        "end_date": _pendulum(last, plan.timezone),
        "catchup": plan.catchup,
        "default_args": {"owner": plan.owner},
        "fail_fast": plan.fail_fast,
        "is_paused_upon_creation": plan.paused,
    }
    for name in ("max_active_runs", "max_active_tasks", "max_consecutive_failed_dag_runs"):
        if (value := getattr(plan, name)) is not None:
            arguments[name] = value
    if plan.dagrun_timeout is not None:
        arguments["dagrun_timeout"] = timedelta(seconds=plan.dagrun_timeout)
    if plan.deadline is not None:
        arguments["deadline"] = _deadline(plan.deadline, plan.owner)
    if plan.params:
        arguments["params"] = {name: _param(value) for name, value in plan.params.items()}
    if plan.on_failure:
        arguments["on_failure_callback"] = [_notify(a, "failure") for a in plan.on_failure]
    if plan.on_success:
        arguments["on_success_callback"] = [_notify(a, "success") for a in plan.on_success]
    return arguments


def _doc(plan: Pipeline) -> str:
    parts = [plan.description, f"Owner: **{plan.owner}**"]
    if plan.source_url:
        parts.append(f"[{plan.source}]({plan.source_url.rstrip('/')}/{plan.source})")
    return "\n\n".join(part for part in parts if part)


def _schedule(plan: Pipeline) -> Any:
    """Airflow's own timetables follow its configuration, where they are not named."""
    schedule = plan.schedule
    if isinstance(schedule, Assets):
        waited = _of_assets(schedule)
        return waited if schedule.any else waited.objects
    if (found := runs(plan)) is not None:
        return _registered(PipelineTimetable(found))
    if isinstance(schedule, Every):
        return DeltaTriggerTimetable(timedelta(seconds=schedule.seconds))
    if schedule is None or schedule in _ONCE:
        return schedule
    return CronTriggerTimetable(schedule, timezone=plan.timezone)


def _of_assets(schedule: Assets) -> AssetAny | AssetAll:
    each = (_of_assets(one) if isinstance(one, Assets) else _asset(one) for one in schedule.uris)
    return (AssetAny if schedule.any else AssetAll)(*each)


def _registered(timetable: PipelineTimetable) -> PipelineTimetable:
    """Airflow's scheduler would fail on a timetable that no plugin names."""
    if type(timetable) not in _timetables():
        raise BuildError(
            "",
            ("schedule",),
            "Airflow has not loaded the plugin of this package, which knows what runs cover",
            "install airflow-pipeline-factory where each part of Airflow runs, and start it anew",
        )
    return timetable


def _timetables() -> list[type]:
    manager: Any = plugins_manager
    if hasattr(manager, "get_timetables_plugins"):  # since 3.2
        return [*manager.get_timetables_plugins().values()]
    manager.initialize_timetables_plugins()
    return [*(manager.timetable_classes or {}).values()]


def _asset(uri: str) -> Asset:
    """An asset whose name is its address as Airflow keeps it, however it was written.

    Of two names for one address Airflow activates one, and tasks that update the other fail.
    """
    kept = Asset(uri=uri).uri
    return Asset(uri=kept, name=kept)


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


@lru_cache(maxsize=256)
def _pendulum(moment: datetime | None, zone: str) -> datetime | None:
    return pendulum.instance(moment).in_timezone(zone) if moment else None


def _param(value: Any) -> Any:
    if not is_schema(value):
        return value
    schema = {key: entry for key, entry in value.items() if key not in ("default", "description")}
    default = {"default": value["default"]} if "default" in value else {}
    return Param(**default, description=value.get("description"), **schema)


def _deadline(deadline: Deadline, owner: str) -> DeadlineAlert:
    """One for all alerts, so that Airflow shows one. It runs in the triggerer, on Airflow ≥ 3.1."""
    return DeadlineAlert(
        reference=_REFERENCES[deadline.reference],
        interval=_duration(deadline.after),
        callback=AsyncCallback(
            "factory.in_airflow.notifiers.deadline.missed",
            kwargs={
                "alerts": [
                    {"notifier": alert.notifier, "arguments": dict(alert.arguments)}
                    for alert in deadline.alerts
                ],
                "owner": owner,
                "after": deadline.after,
                "reference": deadline.reference,
            },
        ),
    )


def _notify(alert: Alert, event: str) -> Notify:
    return Notify(alert.notifier, dict(alert.arguments), event)


def _operator(
    task: Task,
    dag: PipelineDAG,
    groups: Mapping[str, Any],
    made: Mapping[str, Any],
    on_retry: tuple[Alert, ...],
) -> Any:
    operator = _import(task.operator, task)
    try:
        operator = _bounded(operator, task)
        around = _Around(made, dag)
        arguments = _arguments(task, around, on_retry)
        named = {
            "task_id": task.id.removeprefix(f"{task.group}."),
            "dag": dag,
            "task_group": groups.get(task.group) if task.group else None,
        }
        if task.expand:
            each = {name: _value(value, task, around) for name, value in task.expand.items()}
            operated = operator.partial(**named, **arguments).expand(**each)
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


def _bounded(operator: Any, task: Task) -> Any:
    """The operator with what stands before its work: its condition, and the boundary of ours."""
    moment: Moment = "pre_execute" if task.expand else "render_template_fields"
    for condition in reversed(task.conditions or ()):  # what is put around last is asked first
        operator = conditional(operator, condition, moment)
    return guarded(operator) if task.uses in builtin_names() else operator


def _arguments(task: Task, around: _Around, on_retry: tuple[Alert, ...]) -> dict[str, Any]:
    given = _with_files(task, around.dag) if task.files else task.arguments
    arguments = {name: _value(value, task, around) for name, value in given.items()}
    arguments |= task.settings
    for name in DURATIONS:
        if isinstance(arguments.get(name), str):
            arguments[name] = _duration(arguments[name])
    if task.outlets:
        arguments["outlets"] = [*_listed(arguments.get("outlets")), *map(_asset, task.outlets)]
    if arguments.get("outlets"):
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
            ours = [_notify(alert, event) for alert in alerts]
            arguments[name] = [*_listed(arguments.get(name)), *ours]
    return arguments


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
            filled = files.fill(task, file.name, Path(dag.folder))
            if filled is None:
                continue
            for problem in filled.problems:
                line, column = problem.path
                message = f"{file.name}:{line}:{column}: {problem.message}"
                raise BuildError(task.step, ("with",), message, problem.hint or problem.expected)
            texts[file.place] = _no_name(filled.text)
    return files.put(task.arguments, texts)


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


@lru_cache(maxsize=1024)
def _duration(text: str) -> timedelta:
    return timedelta(seconds=seconds(text))


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
            return Beside(value.path, around.dag.folder, around.dag.spec_root)
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
