"""The second task of a `nifi` step whose group is always on: work is handed to it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException

from factory.account import say
from factory.in_airflow.operators.nifi.task import NiFiTask, owner_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class HandOver(NiFiTask):
    """Sends the request, if there is one, and notes NiFi's time after it.

    What the flow has answered is in its queues. Each try sends again, with the same mark of the
    run. Its result: `state`, where the wait begins.

    :param request: what `factory.in_airflow.http.send` takes, with `expect`; None to wait for what
        is in the group already.
    """

    custom_operator_name = "NiFi hand over"
    template_fields: Sequence[str] = ("conn_id", "request")

    def __init__(self, *, request: Mapping[str, Any] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request = request

    def execute(self, context: Context) -> dict[str, Any]:
        """Send, then look at the clock."""
        from factory.nifi.job import Prepared
        from factory.nifi.run import handed_over

        prepared = Prepared.from_dict(self.pull(context, "preflight")["prepared"])
        self.show_link(context, prepared.link)
        run = self._send(owner_of(context).key) if self.request else ""
        with self.connected() as client:
            state = client.run(handed_over(prepared, run, time.time()))
        return {"state": state.to_dict(), "hold": {}}

    def _send(self, run: str) -> str:
        from factory.in_airflow.http import send, unmet
        from factory.nifi.older import RUN

        request = dict(self.request or {})
        request["headers"] = {**request["headers"], RUN: run}
        answer = send(**request)
        problem = unmet(answer, request["expect"])
        if problem:
            raise AirflowException(problem)
        say("%s answered %d: the flow has its work (%s: %s)", answer.asked, answer.status, RUN, run)
        return run
