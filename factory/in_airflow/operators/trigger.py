"""The task of a `trigger` step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (  # they moved after Airflow 3.1
    AirflowException,
    AirflowFailException,
    DagRunTriggerException,
)
from airflow.sdk import BaseOperator, DagRunState

from factory.account import say
from factory.in_airflow.interval import handed_over

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST = 250  # Airflow's limit for a run id


class TriggerPipeline(BaseOperator):
    """Starts one run of another DAG, once for each run of this task.

    Airflow's own operator fails or skips where the run already exists; and importing it takes half
    a second at every start of a task.

    :param pipeline: the other `dag_id`.
    :param poll_interval: seconds between two looks, when it waits.
    """

    template_fields: Sequence[str] = ("pipeline", "conf", "logical_date")

    def __init__(
        self,
        *,
        pipeline: str,
        conf: Mapping[str, Any],
        logical_date: str | None,
        wait: bool,
        poll_interval: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.conf = conf
        self.logical_date = logical_date
        self.wait = wait
        self.poll_interval = poll_interval

    def execute(self, context: Context) -> None:
        """Start the run, or go on with the one that an earlier try has started."""
        task: Any = context["task_instance"]
        run_id = run_id_for(task.dag_id, task.task_id, task.run_id, task.map_index)
        self._require_there(task)
        if not task.get_dr_count(dag_id=self.pipeline, run_ids=[run_id]):
            raise self._start(run_id, context, again=False)
        state = DagRunState(task.get_dagrun_state(self.pipeline, run_id)).value
        say("the run %s of %s was started before; it is %s", run_id, self.pipeline, state)
        if not self.wait or state == "success":
            return
        if state == "failed":
            raise self._start(run_id, context, again=True)
        from airflow.providers.standard.triggers.external_task import DagStateTrigger

        self.defer(
            trigger=DagStateTrigger(
                dag_id=self.pipeline,
                states=["success", "failed"],  # type: ignore[list-item]
                run_ids=[run_id],
                poll_interval=self.poll_interval,
            ),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """End as the other run did; the name is the one that Airflow resumes."""
        _, seen = event
        for run_id in seen["run_ids"]:
            if seen.get(run_id) != "success":
                raise AirflowException(f"the run {run_id} of {self.pipeline} failed")
            say("the run %s of %s succeeded", run_id, self.pipeline)

    def _start(self, run_id: str, context: Context, *, again: bool) -> DagRunTriggerException:
        say("%s %s of %s", "repeating" if again else "starting", run_id, self.pipeline)
        return DagRunTriggerException(
            trigger_dag_id=self.pipeline,
            dag_run_id=run_id,
            conf={**handed_over(context), **self.conf},
            logical_date=_moment(self.logical_date),
            reset_dag_run=again,
            skip_when_already_exists=False,
            wait_for_completion=self.wait,
            allowed_states=["success"],
            failed_states=["failed"],
            poke_interval=self.poll_interval,  # type: ignore[arg-type]
            deferrable=True,
        )

    def _require_there(self, task: Any) -> None:
        """A run of a paused DAG would be waited for without end. Airflow tells since 3.2."""
        if not hasattr(task, "get_dag"):
            return
        try:
            other = task.get_dag(self.pipeline)
        except Exception as error:
            # the supervisor's error in a worker, the server's own in `dag.test`
            message = f"Airflow finds no pipeline {self.pipeline!r}"
            raise AirflowException(f"{message}: {error}") from error
        if self.wait and other.is_paused:
            raise AirflowException(f"{self.pipeline} is paused: its run would not start")


def run_id_for(dag_id: str, task_id: str, run_id: str, map_index: int | None = None) -> str:
    """The id of the run that a task starts: the same at every try."""
    mapped = "" if map_index is None or map_index < 0 else f".{map_index}"
    name = f"triggered_by__{dag_id}.{task_id}{mapped}__{run_id}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: _LONGEST - 18]}__{digest}"


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(timezone.utc)
    import pendulum

    try:
        moment = pendulum.parse(text)
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise AirflowFailException(f"the logical date {text!r} is no ISO date")
    return moment
