"""Send flows to a NiFi: `Client` in a task, `AsyncClient` in a trigger."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeVar

from factory.nifi import transport
from factory.nifi.errors import LoginFailed
from factory.nifi.exchange import Renew, Send, Tokens, exchange, first_token, log_in
from factory.nifi.flow import Answer, Flow, Pause, Request
from factory.nifi.server import Server

E = TypeVar("E")
T = TypeVar("T")
_NOTHING = Answer(0)


class Client:
    """One NiFi, for ordinary code. Threads may share it."""

    def __init__(self, server: Server, sleep: Callable[[float], object] = time.sleep) -> None:
        self.server = server
        self._sleep = sleep
        self._tokens = Tokens(first_token(server))
        self._renewing = threading.Lock()
        self._http = transport.client(server)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the token, and close the connections."""
        self._tokens.current = None
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """The flow's result, once all of its requests are answered."""
        return drive(flow, self._step)

    def _step(self, step: Request | Pause) -> Answer:
        if isinstance(step, Request):
            return drive(exchange(self.server, self._tokens, step), self._act)
        self._sleep(step.seconds)
        return _NOTHING

    def _act(self, act: Send | Renew | Pause) -> Answer:
        if isinstance(act, Send):
            return transport.send(self._http, self.server, act)
        if isinstance(act, Pause):
            self._sleep(act.seconds)
        else:
            with self._renewing:
                if self._tokens.stale(act.stale):
                    self._tokens.current = drive(log_in(self.server), self._act).text.strip()
        return _NOTHING


class AsyncClient:
    """One NiFi, for one event loop. Any number of flows may run at once."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._tokens = Tokens(first_token(server))
        self._renewing = asyncio.Lock()
        self._free = asyncio.Semaphore(transport.CONNECTIONS)
        self._http = transport.async_client(server)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Forget the token, and close the connections."""
        self._tokens.current = None
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """The flow's result, once all of its requests are answered."""
        return await drive_async(flow, self._step)

    async def _step(self, step: Request | Pause) -> Answer:
        if isinstance(step, Request):
            return await drive_async(exchange(self.server, self._tokens, step), self._act)
        await asyncio.sleep(step.seconds)
        return _NOTHING

    async def _act(self, act: Send | Renew | Pause) -> Answer:
        if isinstance(act, Send):
            async with self._free:
                return await transport.send_async(self._http, self.server, act)
        if isinstance(act, Pause):
            await asyncio.sleep(act.seconds)
        else:
            async with self._renewing:
                if self._tokens.stale(act.stale):
                    await self._renew()
        return _NOTHING

    async def _renew(self) -> None:
        # a thousand waits must not try a wrong password a thousand times: users get locked
        if self._tokens.refused:
            raise self._tokens.refused
        try:
            answer = await drive_async(log_in(self.server), self._act)
        except LoginFailed as error:
            self._tokens.refused = error
            raise
        self._tokens.current = answer.text.strip()


def drive(steps: Generator[E, Answer, T], perform: Callable[[E], Answer]) -> T:
    """Perform what a generator yields, send it what comes of it, until it returns."""
    resume: Callable[[], E] = partial(next, steps)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            resume = partial(steps.send, perform(step))
        except Exception as error:
            resume = partial(steps.throw, error)


async def drive_async(
    steps: Generator[E, Answer, T], perform: Callable[[E], Awaitable[Answer]]
) -> T:
    """`drive`, in an event loop."""
    resume: Callable[[], E] = partial(next, steps)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            resume = partial(steps.send, await perform(step))
        except Exception as error:
            resume = partial(steps.throw, error)


class Shared:
    """Clients that all flows of one event loop share: one per server and login.

    A thousand waits for one NiFi are one login, one TLS context and a few connections.
    """

    def __init__(self) -> None:
        self._users: dict[tuple[int, Server], tuple[AsyncClient, int]] = {}

    def lease(self, server: Server) -> Lease:
        """Use as `async with shared.lease(server) as client`."""
        return Lease(self._users, server)


class Lease:
    """One use of a shared client, which is closed after the last."""

    def __init__(self, users: dict[tuple[int, Server], tuple[AsyncClient, int]], server: Server):
        self._users = users
        self._server = server
        self._key: Any = None

    async def __aenter__(self) -> AsyncClient:
        self._key = (id(asyncio.get_running_loop()), self._server)
        client, uses = self._users.get(self._key) or (AsyncClient(self._server), 0)
        self._users[self._key] = (client, uses + 1)
        return client

    async def __aexit__(self, *_: object) -> None:
        client, uses = self._users.pop(self._key)
        if uses > 1:
            self._users[self._key] = (client, uses - 1)
        else:
            await client.close()
