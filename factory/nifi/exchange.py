"""How one request gets its answer: login, renewal, retries. No I/O: `client.py` does what it says.

Yields `Send`, `Renew` and `Pause`; is sent the answer of a `Send`, or has `Broken` thrown in.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias

from factory.nifi import refusals
from factory.nifi.errors import LoginFailed, NotTrusted, Unreachable
from factory.nifi.flow import Answer, Pause, Request
from factory.nifi.server import BearerToken, Server, UserPassword

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
LONGEST_ASKED = 60.0
"""A server that asks for more is asked again by the task's own retry."""
_UNAVAILABLE = (502, 503, 504)


class Broken(Exception):
    """No answer came. `sent`: it may have been heard; `untrusted`: TLS is to blame."""

    def __init__(self, reason: str, *, sent: bool, untrusted: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.untrusted = untrusted


@dataclass
class Tokens:
    """The token of one client; it lives in memory only."""

    current: str | None = field(default=None, repr=False)
    refused: LoginFailed | None = None

    def stale(self, refused: str | None) -> bool:
        """Nobody has logged in since that one was refused."""
        return self.current is None or self.current == refused


@dataclass(frozen=True)
class Send:
    """Send the request once."""

    request: Request
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Renew:
    """Log in, unless another flow already has since `stale` was refused."""

    stale: str | None = field(default=None, repr=False)


Exchange: TypeAlias = Generator["Send | Renew | Pause", Answer, Answer]


def first_token(server: Server) -> str | None:
    """What to begin with."""
    given = server.credentials
    return given.token if isinstance(given, BearerToken) else None


def exchange(server: Server, tokens: Tokens, request: Request) -> Exchange:
    """Send a request until it is answered for good."""
    can_log_in = isinstance(server.credentials, UserPassword)
    renewed = False
    if can_log_in and tokens.current is None:
        yield Renew()
    while True:
        token = tokens.current
        answer = yield from persist(server, Send(request, token))
        if answer.status == 401 and can_log_in and not renewed:
            renewed = True
            yield Renew(token)
            continue
        if answer.status >= 300:
            raise refusals.refusal(server, request, answer)
        return answer


def log_in(server: Server) -> Exchange:
    """Ask for a token; the answer's text is one."""
    given = server.credentials
    if not isinstance(given, UserPassword):  # `exchange` asks for it only then
        raise TypeError("only user and password can log in")
    form = {"username": given.username, "password": given.password}
    request = Request("POST", "/access/token", form=form, repeat=True)
    answer = yield from persist(server, Send(request))
    if answer.status != 201 or not answer.text.strip():
        raise refusals.login_refusal(server, given, answer)
    return answer


def persist(server: Server, send: Send) -> Exchange:
    """Send it again while that is right and may help; the last answer, of whatever status.

    :raises Unreachable: no answer, or one of a NiFi that is not ready, at the last attempt.
    """
    request = send.request
    attempts = request.attempts or server.attempts
    for attempt in range(1, attempts + 1):
        last = attempt == attempts
        try:
            answer = yield send
        except Broken as error:
            broken = error
        else:
            wait = _another_try(request, answer, attempt)
            if wait is None or (last and not _is_away(answer)):
                return answer
            if last:
                raise _unavailable(server, request, answer)
            yield Pause(wait)
            continue
        if last or broken.untrusted or (broken.sent and not request.repeat):
            break
        yield Pause(pause(attempt))
    raise _unreachable(server, request, broken)


def pause(attempt: int) -> float:
    """Seconds after that attempt; with a random part, so that many don't come back at once."""
    return float(min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE) * random.uniform(0.5, 1))


def _another_try(request: Request, answer: Answer, attempt: int) -> float | None:
    """Seconds until the next attempt; None when the answer stands."""
    if answer.status == 429 and answer.retry_after is not None:
        return min(answer.retry_after, LONGEST_ASKED)
    again = (
        answer.status == 429
        or (_is_away(answer) and request.repeat)
        or (answer.status == 409 and request.on_conflict)
    )
    return pause(attempt) if again else None


def _is_away(answer: Answer) -> bool:
    return answer.status in _UNAVAILABLE or refusals.signs_no_tokens_yet(answer)


def _unavailable(server: Server, request: Request, answer: Answer) -> Unreachable:
    return Unreachable(
        f"{server.base} answered {answer.status} to {request}, again and again",
        "NiFi, or the proxy before it, is starting, overloaded or down",
        sent=True,
    )


def _unreachable(server: Server, request: Request, broken: Broken) -> Unreachable | NotTrusted:
    if broken.untrusted:
        return NotTrusted(f"no trusted connection to {server.base}: {broken.reason}", _tls_hint())
    return Unreachable(
        f"{server.base} did not answer {request}: {broken.reason}",
        "Is NiFi running, and is its address right?",
        sent=broken.sent,
    )


def _tls_hint() -> str:
    return (
        "Give the PEM file of the authority that signed NiFi's certificate (`verify`), call NiFi "
        "by a name that is in it, and a client certificate where NiFi asks for one"
    )
