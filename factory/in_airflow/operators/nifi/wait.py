"""The third task of a `nifi` step: waiting for the flow's end, in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from factory.account import say
from factory.in_airflow.operators.nifi.task import PROGRESS, NiFiTask

if TYPE_CHECKING:
    from airflow.sdk import Context


class Wait(NiFiTask):
    """Leaves the looking to the triggerer at once, and ends as the flow did.

    A flow that failed is not waited for again: another try would see the same. Its result, also
    when it fails: the numbers of the run (`factory.nifi.run.report.Report`), and `verdict`.

    :param rules: what `factory.nifi.wait.Rules` takes.
    :param stop: whether a person who ends the wait ends the flow.
    """

    custom_operator_name = "NiFi wait"
    template_fields: Sequence[str] = ("conn_id", "rules")

    def __init__(self, *, rules: Mapping[str, Any], stop: str = "always", **kwargs: Any) -> None:
        # only for a task that is lost: a verdict is final, and asks NiFi nothing twice
        kwargs.setdefault("retries", 3)
        kwargs.setdefault("retry_delay", timedelta(seconds=5))
        super().__init__(**kwargs)
        self.rules = rules
        self.stop = stop

    def execute(self, context: Context) -> None:
        """Defer, with all that another process needs to go on."""
        from factory.in_airflow.triggers.nifi import NiFiWait

        task = context["task_instance"]
        prepared = self.pull(context, "preflight")["prepared"]
        started = self.pull(context, "start")
        self.show_link(context, prepared["link"])
        self.defer(
            trigger=NiFiWait(
                conn_id=self.conn_id,
                prepared=prepared,
                rules=dict(self.rules),
                state=self.pull(context, "start", PROGRESS) or started["state"],
                hold=started["hold"],
                stop=self.stop,
                place={
                    "dag_id": task.dag_id,
                    "run_id": task.run_id,
                    "task_id": task.task_id,
                },
            ),
            method_name="resume",
        )

    def resume(self, context: Context, event: Any = None) -> dict[str, Any]:
        """End as the trigger found."""
        if "error" in event:
            kind = AirflowFailException if event["final"] else AirflowException
            raise kind(event["error"])
        verdict, report = event["verdict"], event["report"]
        result = {"verdict": verdict["word"], **report}
        if not verdict["ok"]:
            context["task_instance"].xcom_push("return_value", result)
            raise AirflowFailException(verdict["message"])
        for asset in self.outlets:
            context["outlet_events"][asset].extra.update(_event(result))
        say("%s", verdict["message"])
        return result


def _event(result: Mapping[str, Any]) -> dict[str, Any]:
    """An asset event tells totals; connections are in the task's result."""
    return {name: value for name, value in result.items() if name != "connections"}
