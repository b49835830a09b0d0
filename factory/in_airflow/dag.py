"""The plan's own values → a DAG without tasks: schedule, params, deadline, who is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from airflow import plugins_manager
from airflow.sdk import (
    DAG,
    Asset,
    AssetAll,
    AssetAny,
    Param,
    get_parsing_context,
)
from airflow.sdk.definitions.deadline import (  # type: ignore[attr-defined]  # as 3.1 has it
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
)
from airflow.timetables.trigger import CronTriggerTimetable, DeltaTriggerTimetable

from factory.errors import BuildError, is_fault
from factory.in_airflow.importing import reason
from factory.in_airflow.names import Names
from factory.in_airflow.objects import asset, duration, notify
from factory.in_airflow.templates import TemplateFiles, keys_first
from factory.in_airflow.timetable import PipelineTimetable
from factory.plan.model import Assets, Deadline, Every, Pipeline, Watched
from factory.plan.outputs import Outputs
from factory.plan.runs import bounds, runs
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
        """Airflow's own, for which names of people come before Python's, and without the files
        that links from elsewhere would give it."""
        environment: Environment = super().get_template_env(force_sandboxed=force_sandboxed)
        environment.context_class = Names
        keys_first(environment)
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
        arguments["on_failure_callback"] = [notify(a, "failure") for a in plan.on_failure]
    if plan.on_success:
        arguments["on_success_callback"] = [notify(a, "success") for a in plan.on_success]
    return arguments


def _doc(plan: Pipeline) -> str:
    parts = [plan.description, f"Owner: **{plan.owner}**"]
    if plan.source_url:
        parts.append(f"[{plan.source}]({plan.source_url.rstrip('/')}/{plan.source})")
    return "\n\n".join(part for part in parts if part)


def _either(moments: Any, waited: AssetAny | AssetAll) -> Any:
    found: Any
    try:
        from airflow.sdk import AssetOrTimeSchedule as found  # noqa: N813  # since 3.2
    except ImportError:
        from airflow.timetables.assets import AssetOrTimeSchedule as found  # noqa: N813
    return found(timetable=moments, assets=waited)


def _schedule(plan: Pipeline) -> Any:
    waits = plan.waits
    waited = None if waits is None else _of_assets(waits)
    if (found := runs(plan)) is not None:
        return _registered(PipelineTimetable(found, waited))
    moments = _moments(plan)
    if waits is None or waited is None:
        return moments
    if moments is not None:
        return _either(moments, waited)
    return waited if waits.any else waited.objects


def _moments(plan: Pipeline) -> Any:
    """When runs start by themselves."""
    schedule = plan.schedule
    if isinstance(schedule, Every):
        return DeltaTriggerTimetable(timedelta(seconds=schedule.seconds))
    if isinstance(schedule, Assets) or schedule is None:
        return None
    if schedule in _ONCE:
        return schedule
    return CronTriggerTimetable(schedule, timezone=plan.timezone)


def _of_assets(schedule: Assets) -> AssetAny | AssetAll:
    return (AssetAny if schedule.any else AssetAll)(*map(_one, schedule.uris))


def _one(one: str | Assets | Watched) -> Asset | AssetAny | AssetAll:
    if isinstance(one, Assets):
        return _of_assets(one)
    if not isinstance(one, Watched):
        return asset(one)
    if in_a_task():  # which has no use for the trigger, and it may be slow to import
        return asset(one.uri)
    from factory.in_airflow.watched import watched  # a pipeline without an event needs it not

    return watched(one)


def in_a_task() -> bool:
    """Whether this process reads the file for one task that it is to run."""
    return get_parsing_context().task_id is not None


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
        interval=duration(deadline.after),
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
