"""Requests of the JSON API of GCS, repeated while that helps.

The vendor's client is not asked: it hides which generation it answered with, its uploads neither
send while the next bytes are made nor can be ended.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import urllib3

from factory.stores.gcs.errors import UNREACHED, Refused

CONNECT_SECONDS = 10
READ_SECONDS = 60
TRIES = 6
PATIENCE = 120.0
"""Seconds after which a request is not begun again."""
PAUSE, LONGEST_PAUSE = 0.5, 16.0

_AGAIN = {408, 429, 500, 502, 503, 504}
_WENT_ON = 308
_SAID = 300

Query = Mapping[str, str | int]


class Answer(NamedTuple):
    """What was answered, its body as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The body of an answer in JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Api:
    """An endpoint, and a session that logs in to it.

    :param session: a `requests.Session`; it may be used by several threads.
    """

    session: Any = field(repr=False)
    endpoint: str
    tries: int = TRIES

    def objects(self, bucket: str, path: str | None = None, *, of: str = "") -> str:
        """The address of a bucket's objects, or of one.

        :param of: `upload` or `download`, whose addresses are others.
        """
        above = f"{self.endpoint}{of and f'/{of}'}/storage/v1/b/{quote(bucket, safe='')}/o"
        return above if path is None else f"{above}/{quote(path, safe='')}"

    def ask(
        self,
        method: str,
        url: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | memoryview | None = None,
    ) -> Answer:
        """The answer, of a status below 300, or 308 (an upload goes on).

        :raises Refused: another answer, also after some tries where these help.
        """
        given = {"Accept-Encoding": "identity", **(headers or {})}
        wanted = {"params": query, "headers": given, "data": data}

        def once() -> Answer:
            with self.session.request(
                method,
                url,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
                **wanted,
            ) as response:
                body = response.raw.read(decode_content=False)
                _check_length(response.headers, body)
                return Answer(response.status_code, response.headers, body)

        return self._repeated(once, method)

    def _repeated(self, once: Callable[[], Answer], asked: str) -> Answer:
        start = time.monotonic()
        for tried, pause in enumerate(_pauses(), 1):
            last = tried >= self.tries or time.monotonic() - start > PATIENCE
            try:
                answer = once()
            except UNREACHED:
                if last:
                    raise
            else:
                if answer.status < 300 or answer.status == _WENT_ON:
                    return answer
                if last or answer.status not in _AGAIN:
                    raise _refused(answer, asked, tried)
            time.sleep(pause)
        raise AssertionError


def _check_length(headers: Mapping[str, str], body: bytes) -> None:
    """urllib3 2 tells a body that breaks off, and 1 does not."""
    length = headers.get("Content-Length")
    if length is not None and len(body) < int(length):
        raise urllib3.exceptions.ProtocolError(f"{len(body):,} of {int(length):,} bytes arrived")


def _refused(answer: Answer, asked: str, tries: int) -> Refused:
    try:
        error = answer.facts["error"]
        reason, said = error["errors"][0]["reason"], error["message"]
    except (ValueError, LookupError, TypeError):  # a proxy, or a part of GCS that speaks XML
        reason, said = "", answer.body[:_SAID].decode(errors="replace").strip()
    return Refused(answer.status, reason, said, asked, tries)


def _pauses() -> Iterator[float]:
    pause = PAUSE
    while True:
        yield random.uniform(pause / 2, pause)
        pause = min(2 * pause, LONGEST_PAUSE)
