"""The first task of a `nifi` step: can the group be driven?"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.account import say
from factory.in_airflow.operators.nifi.task import LINK, NiFiTask, job_of, owner_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.nifi.client import Client
    from factory.nifi.job import Job, Prepared
    from factory.nifi.run.hold import Keeper, Owner
    from factory.nifi.run.preflight import Seen

log = logging.getLogger(__name__)

_STEP = 180.0
"""Seconds that a stop under way may take: `done` of the step before does not wait for it."""
_PAUSE = 1.0


class Preflight(NiFiTask):
    """Logs in, finds the group, and sees that it rests (or is on) and has what the job names.

    It changes nothing, but for a flow that an earlier try of the same run has left running: that is
    stopped. Its result: `prepared` and `keeper`, for the other tasks.
    """

    custom_operator_name = "NiFi preflight"
    template_fields: Sequence[str] = ("conn_id", "job")

    def __init__(self, *, job: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, and hand on what was found."""
        job = job_of(self.job)
        prepare = self._stand_by if job.source == "always_on" else self._prepare
        with self.connected() as client:
            prepared, keeper = prepare(client, job, owner_of(context))
        for note in prepared.notes:
            log.warning(note)
        word = "is on" if job.source == "always_on" else "can be started"
        say("%s (%s) %s", prepared.name, prepared.group_id, word)
        context["task_instance"].xcom_push(LINK, prepared.link)
        return {"prepared": prepared.to_dict(), "keeper": keeper.to_dict()}

    def _stand_by(self, client: Client, job: Job, _: Owner) -> tuple[Prepared, Keeper]:
        from factory.nifi.run import standby
        from factory.nifi.run.hold import Keeper
        from factory.nifi.run.preflight import look

        return client.run(standby(client.server, job, client.run(look(job)))), Keeper()

    def _prepare(self, client: Client, job: Job, owner: Owner) -> tuple[Prepared, Keeper]:
        from factory.nifi.errors import AlreadyRunning
        from factory.nifi.run import preflight
        from factory.nifi.run.hold import keeper
        from factory.nifi.run.preflight import look

        until = time.monotonic() + _STEP
        while True:
            seen = client.run(look(job))
            marked = keeper(seen.processors)
            if marked.held_by(owner).mark:
                self._end_earlier(client, seen.group.id, marked)
            elif (why := stopping(seen, marked, owner)) and time.monotonic() < until:
                log.info("%s", why)
                time.sleep(_PAUSE)
            else:
                try:
                    return client.run(preflight(client.server, job, seen)), marked
                except AlreadyRunning as error:
                    by = f", driven by {marked.who}" if marked.who else ""
                    raise AlreadyRunning(f"{error.message}{by}", error.hint) from None

    def _end_earlier(self, client: Client, group_id: str, mark: Keeper) -> None:
        """This run is done again: what is left of it must not meet the new one."""
        from factory.nifi.run import stop
        from factory.nifi.run.hold import release

        stopped = client.run(stop(group_id))
        client.run(release(mark))
        log.warning("an earlier try of this run had started the flow: %s", stopped)


def stopping(seen: Seen, marked: Keeper, owner: Owner) -> str:
    """What tells that the group, one in it or one around it is about to rest; empty: nothing.

    Another step of the run may drive a group of which this is a part: then its mark is on another
    processor, or not here at all, and threads are left of what was stopped.
    """
    from factory.nifi.run.hold import drivers

    others = [who for who in drivers(seen.processors) if who != owner.who]
    for who in (marked.who, *others):
        if owner.is_of_run(who):
            return f"another step of this run has not stopped the group yet: {who}"
    threads = seen.group.load.threads if seen.group.load else 0
    if threads and not seen.group.running:
        return f"the group was stopped, and {threads} of its threads have not ended yet"
    return ""
