"""One GET, redirects followed. Credentials stay with the server that they are for."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import requests
from requests.utils import get_auth_from_url, requote_uri

from factory.transfer.address import shown
from factory.transfer.download.retries import BROKEN, Again, reason, retry_after, untrusted
from factory.transfer.errors import Missing, TransferError

# small, since what has come of a block when the connection stalls is lost
BLOCK = 128 * 1024
_TRY_AGAIN = (408, 425, 429)
_QUERY = re.compile(r"\?[^\s'\")]*")


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
        with ExitStack() as stack:
            stack.enter_context(_without_queries())
            failure: Exception
            try:
                answer = self._follow(stack, asked)
            except BROKEN as error:
                failure = self._broken(error)
            except (requests.RequestException, ValueError) as error:
                failure = TransferError(f"{shown(self.url)}: {type(error).__name__}")
            except OSError as error:  # a file of certificates that is not there
                failure = TransferError(f"{shown(self.url)}: {error}")
            else:
                yield answer
                return
            # outside of the handler: the error there holds the address with its query
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

    def _follow(self, stack: ExitStack, headers: dict[str, str]) -> requests.Response:
        session, url = self.session, self.url
        login = get_auth_from_url(url)
        auth = login if any(login) else None
        for _ in range(session.max_redirects + 1):
            answer = stack.enter_context(
                session.get(
                    url,
                    headers=headers,
                    stream=True,
                    timeout=self.timeout,
                    allow_redirects=False,
                    verify=session.verify,  # else an environment variable wins over `False`
                    auth=auth,
                )
            )
            target = session.get_redirect_target(answer)
            if target is None:
                return answer
            answer.close()
            following = urljoin(url, requote_uri(target))
            if session.should_strip_auth(url, following):  # type: ignore[no-untyped-call]
                session, auth = stack.enter_context(_stranger(session)), None
            url = following
        raise TransferError(f"{shown(self.url)} redirects more than {session.max_redirects} times")

    def _broken(self, error: Exception) -> Exception:
        why = untrusted(error)
        if why is None:
            return Again(reason(error))
        return TransferError(
            f"{shown(self.url)}: its certificate is not trusted: {why}",
            "A connection's extra `verify` takes the path of the authority's certificate",
        )


def blocks(answer: requests.Response, *, decode: bool) -> Iterator[bytes]:
    """The body. Raises `Again` when it breaks off."""
    failure: Again | None = None
    try:
        yield from answer.raw.stream(BLOCK, decode_content=decode)
    except (*BROKEN, OSError) as error:
        failure = Again(reason(error))
    if failure is not None:
        raise failure


def _stranger(session: requests.Session) -> requests.Session:
    """Reach another server the same way, but without login, headers, cookies and certificate."""
    other = requests.Session()
    other.proxies, other.verify, other.trust_env = (
        session.proxies,
        session.verify,
        session.trust_env,
    )
    other.max_redirects = session.max_redirects
    return other


class _WithoutQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                _QUERY.sub("?…", value) if isinstance(value, str) else value
                for value in record.args
            )
        return True


@contextmanager
def _without_queries() -> Iterator[None]:
    # urllib3 logs whole addresses, at `debug` and when an answer's headers are odd
    loggers = [logging.getLogger(f"urllib3.{name}") for name in ("connectionpool", "util.retry")]
    mask = _WithoutQueries()
    for logger in loggers:
        logger.addFilter(mask)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(mask)
