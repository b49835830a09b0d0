"""One GET of a download, and what its answer means."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import requests

from factory.transfer import http
from factory.transfer.address import shown
from factory.transfer.download.retries import Again, retry_after
from factory.transfer.errors import Missing, TransferError

_TRY_AGAIN = (408, 425, 429)


@dataclass(frozen=True)
class Asking:
    """What to ask for. `timeout` is (connect, silence between bytes), in seconds."""

    session: requests.Session
    url: str
    timeout: tuple[float, float]

    @contextmanager
    def get(self, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """The answer to the last redirect, its body unread.

        Raises `Again` for a connection that breaks, `TransferError` for what will not get better.
        """
        # Without `identity`, servers compress on the fly, and the length can't be verified.
        asked = {"Accept-Encoding": "identity", **headers}
        request = http.Request("GET", self.url, asked, timeout=self.timeout)
        with ExitStack() as stack:
            try:
                answer = http.answer_to(stack, self.session, request)
            except http.Broken as error:
                failure = self._broken(error)
            else:
                yield answer
                return
            raise failure

    def check(self, answer: requests.Response) -> None:
        """Raise for every status but 200."""
        status = answer.status_code
        if status in (404, 410):
            raise Missing(f"{shown(self.url)} does not exist (HTTP {status})")
        if status >= 500 or status in _TRY_AGAIN:
            raise Again(f"HTTP {status}", retry_after(answer.headers))
        if status != 200:
            raise TransferError(f"{shown(self.url)} answered HTTP {status} {answer.reason}")

    def _broken(self, error: http.Broken) -> Exception:
        if error.untrusted is None:
            return Again(str(error))
        return TransferError(
            f"{shown(self.url)}: its certificate is not trusted: {error.untrusted}",
            "A connection's extra `verify` takes the path of the authority's certificate",
        )


def blocks(answer: requests.Response, *, decode: bool) -> Iterator[bytes]:
    """The body. Raises `Again` when it breaks off."""
    failure: Again | None = None
    try:
        yield from http.blocks(answer, decode=decode)
    except http.Broken as error:
        failure = Again(str(error))
    if failure is not None:
        raise failure
