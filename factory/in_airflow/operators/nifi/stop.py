"""The last task of a `nifi` step: the flow stops, whatever happened before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from factory.account import say
from factory.in_airflow.operators import teardown
from factory.in_airflow.operators.nifi.task import NiFiTask, owner_of
from factory.in_airflow.steps import step_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.nifi.client import Client
    from factory.nifi.job import Prepared
    from factory.nifi.run.hold import Keeper

log = logging.getLogger(__name__)


class Stop(NiFiTask):
    """Stops the group and ends its threads, if this run has started it; gives up the claim.

    It may be done again, and is tried several times unless the spec says how often.

    :param stop: `always`, `on_failure` or `never`.
    :param restore: give the parameters their old values.
    """

    custom_operator_name = "NiFi stop"

    def __init__(self, *, stop: str, restore: bool = False, **kwargs: Any) -> None:
        super().__init__(**{**teardown.RETRIES, **kwargs})
        self.stop = stop
        self.restore = restore

    def execute(self, context: Context) -> None:
        """Stop, or say why not."""
        from factory.nifi.errors import Unreachable
        from factory.nifi.job import Prepared
        from factory.nifi.run.hold import Keeper

        found = self.pull(context, "preflight")
        prepared = Prepared.from_dict(found["prepared"])
        self.show_link(context, prepared.link)
        wait, done = (f"{step_of(self.task_id)}.{name}" for name in ("wait", "done"))
        runs_on = self.stop == "never" or (
            self.stop == "on_failure" and teardown.states(context, wait)[wait] == "success"
        )
        if runs_on:
            log.warning(
                "%s runs on, as the pipeline says (stop: %s); the next run needs it stopped",
                prepared.name,
                self.stop,
            )
        else:
            with self.connected() as client:
                try:
                    mark = self._mark(client, context, Keeper(**found["keeper"]))
                    self._end(client, prepared, mark)
                except Unreachable as error:
                    hint = "The flow may still run: clear this task when NiFi is back"
                    raise Unreachable(error.message, hint, sent=error.sent) from None
        teardown.fail_if_ended(context, last=wait, done=done)

    def _mark(self, client: Client, context: Context, keeper: Keeper) -> Keeper | None:
        """The mark on the group; None when another run drives it, or nobody."""
        from factory.nifi.run import hold

        started = self.pull(context, "start")
        if started is None:
            # it failed, or was killed before it could tell
            return client.run(hold.taken(keeper.processor_id, owner_of(context)))
        return client.run(hold.current(hold.Hold(**started["hold"])))

    def _end(self, client: Client, prepared: Prepared, mark: Keeper | None) -> None:
        from factory.nifi.run import restore, stop
        from factory.nifi.run.hold import release

        if mark is None:
            say("this run has not started %s: it is left alone", prepared.name)
            return
        stopped = client.run(stop(prepared.group_id))
        if self.restore and not stopped.gone:
            kept = client.run(restore(prepared))
            if kept:
                log.warning("the sensitive parameters %s keep their new values", ", ".join(kept))
        client.run(release(mark))
        (log.warning if stopped.terminated else say)("%s", stopped)
