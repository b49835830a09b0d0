"""One HTTP request, redirects followed. Credentials stay with the server that they are for.

No error that leaves this module holds a query, a login, or the value of a header; nor does what
urllib3 logs meanwhile.
"""

import logging
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.utils import get_auth_from_url, requote_uri

from factory.transfer.address import shown
from factory.transfer.errors import TransferError

# small, since what has come of a block when the connection stalls is lost
BLOCK = 128 * 1024
_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)
_KEEPS_BODY = (307, 308)
_OF_BODY = ("content-length", "content-type", "transfer-encoding")
_SENDABLE = re.compile(r"(?!\s)[^\r\n\0]*\Z")
_QUERY = re.compile(r"\?[^\s'\")]*")


class Broken(Exception):
    """The server was not reached, or its answer broke off; it may be worth another attempt.

    `cause` names the kind of error beside the reason; `untrusted` is why its certificate is not.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(_reason(error))
        self.cause = cause(error)
        self.untrusted = _untrusted(error)


@dataclass(frozen=True)
class Request:
    """What to ask for. `timeout` is that of `requests`: seconds, or (connect, silence).

    `headers` go to every server on the way; what is secret stands in the session's own.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    data: bytes | None = None
    json: Any = None
    timeout: float | tuple[float, float] = 30.0


def answer_to(
    stack: ExitStack, session: requests.Session, request: Request, *, follow: bool = True
) -> requests.Response:
    """The answer to the last redirect, its body unread, open as long as the stack.

    Raises `Broken`, or `TransferError` for what will not get better.
    """
    stack.enter_context(_without_queries())
    _require_sendable(session.headers)
    _require_sendable(request.headers)
    try:
        return _follow(stack, session, request, session.max_redirects if follow else None)
    except TransferError:
        raise
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        failure = _failure(error, request)
    # outside of the handler: the error there holds the address with its query
    raise failure


def blocks(answer: requests.Response, *, decode: bool) -> Iterator[bytes]:
    """The body. Raises `Broken` when it breaks off."""
    failure: Broken | None = None
    try:
        yield from answer.raw.stream(BLOCK, decode_content=decode)
    except (*_BROKEN, OSError) as error:
        failure = Broken(error)
    if failure is not None:
        raise failure


def cause(error: BaseException) -> str:
    """The kind of an error and its innermost reason: `ConnectionError (Connection refused)`."""
    *_, deepest = _causes(error)
    reason = deepest.strerror if isinstance(deepest, OSError) else None
    return f"{type(error).__name__}{f' ({reason})' if reason else ''}"


def _follow(
    stack: ExitStack, session: requests.Session, request: Request, most: int | None
) -> requests.Response:
    first = request
    login = get_auth_from_url(request.url)
    auth = login if any(login) else None
    for _ in range((most or 0) + 1):
        answer = stack.enter_context(
            session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                params=dict(request.params),
                data=request.data,
                json=request.json,
                stream=True,
                timeout=request.timeout,
                allow_redirects=False,
                verify=session.verify,  # else an environment variable wins over `False`
                auth=auth,
            )
        )
        target = session.get_redirect_target(answer) if most is not None else None
        if target is None:
            return answer
        answer.close()
        following = _redirected(request, answer.status_code, target)
        if session.should_strip_auth(request.url, following.url):  # type: ignore[no-untyped-call]
            _require_no_body(first, following)
            session, auth = stack.enter_context(_stranger(session)), None
        request = following
    raise TransferError(f"{shown(first.url)} redirects more than {most} times")


def _redirected(request: Request, status: int, target: str) -> Request:
    """The request that follows a redirect, made as browsers make it."""
    url = urljoin(request.url, requote_uri(target))
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise TransferError(f"{shown(request.url)} redirects to {scheme}:, which is not HTTP")
    following = replace(request, url=url, params={})
    if status in _KEEPS_BODY:
        return following
    gets = status == 303 or (status in (301, 302) and request.method == "POST")
    return replace(
        following,
        method="GET" if gets and request.method != "HEAD" else request.method,
        data=None,
        json=None,
        headers={n: v for n, v in request.headers.items() if n.lower() not in _OF_BODY},
    )


def _require_no_body(first: Request, following: Request) -> None:
    if following.data is not None or following.json is not None:
        raise TransferError(
            f"{shown(first.url)} redirects to another server, {shown(following.url)}: what is sent "
            "is for the first",
            "Give the connection the address of the second if that is meant",
        )


def _require_sendable(headers: Mapping[str, Any]) -> None:
    """requests and http.client quote the whole value of a header that cannot be sent."""
    for name, value in headers.items():
        if value is None:
            continue  # it takes the session's own away
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        wrong = _unsendable(text)
        if wrong:
            raise TransferError(
                f"the header {name!r} {wrong}",
                "An Airflow Variable often ends in a line break: "
                "`{{ var.value.… | trim }}` takes it off"
                if "line break" in wrong
                else None,
            )


def _unsendable(value: Any) -> str:
    if not isinstance(value, str):
        return f"is no text, but {type(value).__name__}"
    if not _SENDABLE.match(value):
        return "holds a line break" if value.strip() and value[0].strip() else "begins with a blank"
    if not value.isascii() and any(ord(character) > 255 for character in value):
        return "holds a character that no header can hold"
    return ""


def _failure(error: Exception, request: Request) -> Exception:
    if isinstance(error, _BROKEN):
        return Broken(error)
    known = isinstance(error, requests.RequestException | ValueError)
    # of an OSError, the text: a file of certificates that is not there
    return TransferError(f"{shown(request.url)}: {type(error).__name__ if known else error}")


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


def _untrusted(error: Exception) -> str | None:
    """Why a server's certificate was refused; None when something else went wrong."""
    for found in _causes(error):
        if isinstance(found, ssl.SSLCertVerificationError):
            return found.verify_message
    return None


def _reason(error: Exception) -> str:
    """The innermost cause. The messages of the outer ones hold the whole address."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "timed out"
    *_, deepest = _causes(error)
    if isinstance(deepest, TimeoutError):
        return "timed out"
    if isinstance(deepest, OSError) and deepest.strerror:
        return deepest.strerror
    return f"the connection broke ({type(deepest).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = next((arg for arg in found.args if isinstance(arg, BaseException)), None)
        found = found.__cause__ or found.__context__ or getattr(found, "reason", None) or inner
        if not isinstance(found, BaseException):
            found = None


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
