"""The second task of a `nifi` step: the flow starts."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.account import say
from factory.amounts import counted
from factory.in_airflow.operators.nifi.task import NiFiTask, job_of, owner_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class Start(NiFiTask):
    """Claims the group for this run, sets parameters, enables services, starts, and sees it run.

    A try that was killed is taken up where it ended. Its result: `state`, where the wait begins,
    and `hold`, the claim.
    """

    custom_operator_name = "NiFi start"
    template_fields: Sequence[str] = ("conn_id", "job")

    def __init__(self, *, job: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job

    def execute(self, context: Context) -> dict[str, Any]:
        """Claim, then start."""
        from factory.nifi.calls import groups
        from factory.nifi.job import Prepared
        from factory.nifi.run import start
        from factory.nifi.run.hold import Keeper, claim

        found = self.pull(context, "preflight")
        prepared, seen = Prepared.from_dict(found["prepared"]), Keeper(**found["keeper"])
        self.show_link(context, prepared.link)
        with self.connected() as client:
            group = client.run(groups.look(prepared.group_id))
            claimed = client.run(claim(prepared, seen, group, owner_of(context), time.time()))
            if claimed.again:
                log.warning("an earlier try of this task was interrupted: going on with it")
            started = client.run(start(job_of(self.job), claimed, time.time()))
        for note in started.notes:
            log.info(note)
        say("%s runs: %s", prepared.name, counted(started.state.expected, "component"))
        return {"state": started.state.to_dict(), "hold": claimed.hold.to_dict()}
