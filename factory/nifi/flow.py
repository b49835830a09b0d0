"""What a call is made of, whoever sends it.

A flow is a generator: it yields a request, is sent the answer, and returns its result. `Client`
and `AsyncClient` both run flows, so each is written once.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from factory.nifi.errors import UnexpectedAnswer

T = TypeVar("T")
_SHOWN = 200


@dataclass(frozen=True)
class Request:
    """One request; `path` is below `/nifi-api`.

    :param repeat: sending it twice does what sending it once does, so a lost answer is asked for
        again.
    :param on_conflict: 409 passes by itself here, so it is sent again after a pause.
    :param attempts: how often it is sent at most; the client's own number when None.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)  # holds the password
    repeat: bool = False
    on_conflict: bool = False
    attempts: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """What came back. The text of a login is a token.

    :param date: the server's clock, seconds since 1970, without its fraction.
    """

    status: int
    text: str = field(default="", repr=False)
    retry_after: float | None = None
    date: float | None = None

    def json(self, request: Request) -> dict[str, Any]:
        """The answer as a JSON object."""
        try:
            value = json.loads(self.text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise UnexpectedAnswer(
                f"{request} answered {self.status} with no JSON object: "
                f"{self.text.strip()[:_SHOWN] or 'nothing'}",
                "Is the address that of NiFi itself, not of a proxy's login page?",
            )
        return value


@dataclass(frozen=True)
class Pause:
    """Wait that many seconds, and go on."""

    seconds: float


Flow: TypeAlias = Generator["Request | Pause", Answer, T]
"""Yields requests and pauses; what is sent back for a pause means nothing."""


def get(path: str, params: Mapping[str, str] | None = None, **options: Any) -> Flow[dict[str, Any]]:
    """Read something."""
    return ask(Request("GET", path, params or {}, repeat=True, on_conflict=True, **options))


def ask(request: Request) -> Flow[dict[str, Any]]:
    """Send a request whose answer is a JSON object."""
    answer = yield request
    return answer.json(request)
