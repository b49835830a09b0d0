"""Look at flows of NiFi until they are done: a thousand at once in one event loop."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from factory.in_airflow.steps import step_of
from factory.nifi.client import Shared

if TYPE_CHECKING:
    from factory.nifi.client import AsyncClient
    from factory.nifi.server import Server
    from factory.nifi.wait import State

_SHARED = Shared()
_SAVE = 120.0
"""Seconds. NiFi's counters go back five minutes: less is lost by nobody."""
_SAY = 60.0


class NiFiWait(BaseTrigger):
    """Fires once, with `{verdict, report}`, or `{error, final}` when a look can't succeed.

    How far it is, is kept as an XCom of the step's `start` task, so that another triggerer, or
    another try of the task, goes on there; and what is lost after the last time it was kept, the
    next look tells anew. Ending a triggerer leaves the flow alone; a person who clears the task or
    marks it ends the flow (Airflow ≥ 3.3; before, the step's `stop` does).

    :param place: `dag_id`, `run_id`, `task_id` of the task that waits.
    """

    def __init__(
        self,
        conn_id: str,
        prepared: Mapping[str, Any],
        rules: Mapping[str, Any],
        state: Mapping[str, Any],
        hold: Mapping[str, Any],
        stop: str,
        place: Mapping[str, str],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.prepared = prepared
        self.rules = rules
        self.state = state
        self.hold = hold
        self.stop = stop
        self.place = place

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What another triggerer needs to go on."""
        names = ("conn_id", "prepared", "rules", "state", "hold", "stop", "place")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look; until there is a verdict."""
        from factory.in_airflow.operators.nifi.task import is_final
        from factory.nifi.errors import NiFiError

        try:
            async with _SHARED.lease(await self._server()) as client:
                event = await self._wait(client)
        except NiFiError as error:
            event = {"error": str(error), "final": is_final(error)}
        except Exception as error:
            # Airflow's own ways to a connection may fail in any way; the task says why
            event = {"error": f"{type(error).__name__}: {error}", "final": False}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """A person cleared the task, or marked it: the flow ends, if it is still this run's."""
        from factory.nifi.job import Patience, Prepared
        from factory.nifi.run import hold, stop

        state = await self._task_state()
        done = self.stop == "never" or (self.stop == "on_failure" and state == "success")
        if done or state == "deferred":
            return  # another triggerer goes on with it
        held = hold.Hold(**self.hold)
        group_id = Prepared.from_dict(self.prepared).group_id
        async with _SHARED.lease(await self._server()) as client:
            if await client.run(hold.current(held)) is not None:
                # Airflow gives it 30 seconds; the step's `stop` does the rest
                stopped = await client.run(stop(group_id, Patience(stop=10, terminate=5)))
                self.log.warning("the task was %s by a person: %s", state or "cleared", stopped)

    async def _wait(self, client: AsyncClient) -> dict[str, Any]:
        from factory.nifi.job import Prepared
        from factory.nifi.poll import waiting_async
        from factory.nifi.wait import Rules, say

        prepared, rules = Prepared.from_dict(self.prepared), Rules.from_dict(self.rules)
        begun = await self._latest()
        saved = said = time.monotonic()
        kept = _milestone(begun)
        phase = ""
        async for state, _, verdict in waiting_async(client, prepared, rules, begun):
            if verdict:
                return {
                    "verdict": dict(vars(verdict)),
                    "report": await self._report(client, prepared, state),
                }
            now = time.monotonic()
            if state.phase != phase or now - said >= _SAY:
                phase, said = state.phase, now
                self.log.info("%s", say.progress(state))
            if _milestone(state) != kept or now - saved >= _SAVE:
                kept, saved = _milestone(state), now
                await self._save(state)
        raise AssertionError("it waits until there is a verdict")

    async def _report(self, client: AsyncClient, prepared: Any, state: State) -> dict[str, Any]:
        from factory.nifi.errors import NiFiError
        from factory.nifi.run import report

        try:
            found = await client.run(report(prepared, state, time.time()))
        except NiFiError as error:
            self.log.warning("the numbers of the run are not known: %s", error)
            return {}
        return found.to_dict()

    async def _latest(self) -> State:
        from factory.in_airflow.operators.nifi.task import PROGRESS
        from factory.nifi.wait import State

        kept = await self._xcom("get_one", key=PROGRESS)
        return State.from_dict(kept or self.state)

    async def _save(self, state: State) -> None:
        from factory.in_airflow.operators.nifi.task import PROGRESS

        await self._xcom("set", key=PROGRESS, value=state.to_dict())

    async def _xcom(self, what: str, **arguments: Any) -> Any:
        """An XCom of the `start` task. Without it the wait goes on, only not as far."""
        from airflow.sdk.execution_time.xcom import XCom

        where = {
            "dag_id": self.place["dag_id"],
            "run_id": self.place["run_id"],
            "task_id": f"{step_of(self.place['task_id'])}.start",
        }
        try:
            return await _in_thread(lambda: getattr(XCom, what)(**where, **arguments))
        except Exception as error:
            self.log.warning("how far the wait is was not kept: %s", error)
            return None

    async def _server(self) -> Server:
        from factory.in_airflow.hooks.nifi import server

        found: Server = await _in_thread(lambda: server(self.conn_id))
        return found

    async def _task_state(self) -> str | None:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        place = self.place
        states = await _in_thread(
            lambda: RuntimeTaskInstance.get_task_states(
                dag_id=place["dag_id"], task_ids=[place["task_id"]], run_ids=[place["run_id"]]
            )
        )
        found: str | None = states.get(place["run_id"], {}).get(place["task_id"])
        return found


def _milestone(state: State) -> tuple[bool, str]:
    """What a later look could not tell anew."""
    return state.active is not None, state.sources


async def _in_thread(function: Callable[[], Any]) -> Any:
    from asgiref.sync import sync_to_async

    # not a plain thread: Airflow before 3.3 answers only in one that asgiref made
    return await sync_to_async(function, thread_sensitive=False)()
