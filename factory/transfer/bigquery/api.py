"""Requests of BigQuery's REST API, repeated while that helps.

The vendor's client is not asked: it takes half a second to import, gives a job that failed another
id by itself, and says which only later.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from factory.transfer.bigquery.errors import UNREACHED, Refused, refused

CONNECT_SECONDS = 10
READ_SECONDS = 60
TRIES = 6
PATIENCE = 180.0
"""Seconds after which a request is not begun again."""
PAUSE, LONGEST_PAUSE = 0.5, 16.0

_AGAIN = {408, 429, 500, 502, 503, 504}
# as Google says: https://cloud.google.com/bigquery/docs/error-messages
_REASONS = {"rateLimitExceeded", "jobRateLimitExceeded", "userRateLimitExceeded", "backendError"}
_SAID = 300

Facts = dict[str, Any]
Query = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True)
class Api:
    """An endpoint, a session that logs in to it, and the project whose jobs are begun.

    :param session: a `requests.Session`.
    :param labels: of every job.
    :param billed: bytes that a query of a session without limits of its own may be billed for.
    :param storage: where the Storage Read API is, when it is not Google's.
    """

    session: Any = field(repr=False)
    endpoint: str
    project: str
    labels: Mapping[str, str] = field(default_factory=dict)
    credentials: Any = field(default=None, repr=False)
    storage: str = ""
    tries: int = TRIES
    billed: int | None = None

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        match: str = "",
    ) -> Facts:
        """The answer, in JSON; `path` is below the projects.

        With `match`, an `etag`, what has changed since is left as it is. Raises `Refused`, also
        after some tries where these help.
        """
        url = f"{self.endpoint}/bigquery/v2/projects/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **({"If-Match": match} if match else {})}

        def once() -> tuple[int, bytes]:
            with self.session.request(
                method,
                url,
                params=query,
                data=data,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            ) as response:
                return response.status_code, response.content

        return self._repeated(once)

    def _repeated(self, once: Callable[[], tuple[int, bytes]]) -> Facts:
        start = time.monotonic()
        for tried, pause in enumerate(pauses(), 1):
            last = tried >= self.tries or time.monotonic() - start > PATIENCE
            try:
                status, content = once()
            except UNREACHED:
                if last:
                    raise
            else:
                if status < 300:
                    return json.loads(content) if content else {}
                error = _error(status, content)
                if last or not (status in _AGAIN or error.reason in _REASONS):
                    raise error
            time.sleep(pause)
        raise AssertionError


def path(*parts: str) -> str:
    """Parts of an address."""
    return "/".join(quote(part, safe=":$") for part in parts)


def _error(status: int, content: bytes) -> Refused:
    try:
        error = json.loads(content)["error"]
        return refused(status, error["errors"][0]["reason"], error["message"])
    except (ValueError, LookupError, TypeError):  # a proxy
        text = content[:_SAID].decode(errors="replace").strip()
        return Refused(status, "", f"HTTP {status}: {text}")


def pauses(first: float = PAUSE, longest: float = LONGEST_PAUSE) -> Iterator[float]:
    """Seconds between tries."""
    pause = first
    while True:
        yield random.uniform(pause / 2, pause)
        pause = min(2 * pause, longest)
