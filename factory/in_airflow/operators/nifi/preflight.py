"""The first task of a `nifi` step: can the group be driven?"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.nifi.task import LINK, NiFiTask, job_of, owner_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.nifi.client import Client
    from factory.nifi.errors import AlreadyRunning
    from factory.nifi.job import Job, Prepared
    from factory.nifi.run.hold import Hold, Keeper, Owner

log = logging.getLogger(__name__)

_STEP = 180.0
"""Seconds that the step before may take to stop the same group: `done` does not wait for it."""
_PAUSE = 1.0


class Preflight(NiFiTask):
    """Logs in, finds the group, and sees that it rests and has what the job names.

    It changes nothing, but for a flow that an earlier try of the same run has left running: that is
    stopped. Its result: `prepared` and `keeper`, for the other tasks.
    """

    template_fields: Sequence[str] = ("conn_id", "job")

    def __init__(self, *, job: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, and hand on what was found."""

        job = job_of(self.job)
        with self.connected() as client:
            prepared, processor_id = self._prepare(client, job, owner_of(context))
        for note in prepared.notes:
            log.warning(note)
        log.info("%s (%s) can be started", prepared.name, prepared.group_id)
        context["task_instance"].xcom_push(LINK, prepared.link)
        return {"prepared": prepared.to_dict(), "keeper": processor_id}

    def _prepare(self, client: Client, job: Job, owner: Owner) -> tuple[Prepared, str]:
        from factory.nifi.errors import AlreadyRunning

        until = time.monotonic() + _STEP
        while True:
            seen, group_id, found = self._look(client, job, owner)
            if found.hold.mark:
                self._end_earlier(client, group_id, found.hold)
            elif owner.is_of_run(found.who) and time.monotonic() < until:
                log.info("another step of this run has not stopped the group yet: %s", found.who)
                time.sleep(_PAUSE)
            elif isinstance(seen, AlreadyRunning):
                by = f", driven by {found.who}" if found.who else ""
                raise AlreadyRunning(f"{seen.message}{by}", seen.hint)
            else:
                return seen, found.processor_id

    def _look(
        self, client: Client, job: Job, owner: Owner
    ) -> tuple[Prepared | AlreadyRunning, str, Keeper]:
        from factory.nifi.calls import groups
        from factory.nifi.errors import AlreadyRunning
        from factory.nifi.run import preflight
        from factory.nifi.run.hold import keeper

        seen: Prepared | AlreadyRunning
        try:
            seen = client.run(preflight(client.server, job))
            group_id = seen.group_id
        except AlreadyRunning as error:
            seen, group_id = error, client.run(groups.find(job.group)).id
        return seen, group_id, client.run(keeper(group_id, owner))

    def _end_earlier(self, client: Client, group_id: str, held: Hold) -> None:
        """This run is done again: what is left of it must not meet the new one."""
        from factory.nifi.run import stop
        from factory.nifi.run.hold import release

        stopped = client.run(stop(group_id))
        client.run(release(held))
        log.warning("an earlier try of this run had started the flow: %s", stopped)
