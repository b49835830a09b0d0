"""The one module that touches httpx: its clients, one request, its errors."""

from __future__ import annotations

import logging
import re
import ssl
import sys
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

from factory.nifi.exchange import Broken, Send
from factory.nifi.flow import Answer, Request
from factory.nifi.server import Server
from factory.nifi.tls import context

if TYPE_CHECKING:
    import httpx

_IDLE = 20.0
"""Seconds that a connection is kept: less than the 30 after which NiFi closes it."""
CONNECTIONS = 20
"""At once. Who shares a client waits outside of httpx, which looks through its queue each time."""
_TRUST = re.compile(r"CERT|UNKNOWN_CA|HANDSHAKE_FAILURE|VERSION|HTTP_REQUEST|ACCESS_DENIED")
_TOKEN = re.compile(r"(Authorization-Bearer=)[^;'\"\s]+")


def client(server: Server) -> httpx.Client:
    """A client that keeps no cookies and asks no environment variable."""
    import httpx

    return httpx.Client(**_options(server))


def async_client(server: Server) -> httpx.AsyncClient:
    """The same for an event loop."""
    import httpx

    return httpx.AsyncClient(**_options(server))


def send(http: httpx.Client, server: Server, act: Send) -> Answer:
    """Send a request once."""
    import httpx

    handled = sys.exc_info()[1]
    try:
        return _answer(http.request(**_call(server, act)))
    except httpx.HTTPError as error:
        broken = _broken(error, handled)
    # outside of `except`: httpx's error holds the request, and that the token
    raise broken


async def send_async(http: httpx.AsyncClient, server: Server, act: Send) -> Answer:
    """The same in an event loop."""
    import httpx

    handled = sys.exc_info()[1]
    try:
        return _answer(await http.request(**_call(server, act)))
    except httpx.HTTPError as error:
        broken = _broken(error, handled)
    raise broken


def _options(server: Server) -> dict[str, Any]:
    import httpx

    _hide_tokens()
    return {
        "verify": context(server),
        "trust_env": False,
        # NiFi answers 403 to whoever sends its cookie back without a CSRF token
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "timeout": httpx.Timeout(server.timeout, connect=server.connect_timeout),
        "limits": httpx.Limits(
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=_IDLE,
        ),
        "proxy": server.proxy,
        "follow_redirects": False,
    }


def _call(server: Server, act: Send) -> dict[str, Any]:
    request = act.request
    call: dict[str, Any] = {
        "method": request.method,
        "url": server.api + request.path,
        "headers": {"Authorization": f"Bearer {act.token}"} if act.token else {},
        "params": _params(server, request) or None,
    }
    if request.form is not None:
        return {**call, "data": dict(request.form)}
    if request.json is not None:
        acknowledged = {"disconnectedNodeAcknowledged": True}
        extra = acknowledged if server.acknowledge_disconnected else {}
        return {**call, "json": {**request.json, **extra}}
    return call


def _params(server: Server, request: Request) -> dict[str, str]:
    if request.method == "DELETE" and server.acknowledge_disconnected:
        return {**request.params, "disconnectedNodeAcknowledged": "true"}
    return dict(request.params)


def _answer(response: httpx.Response) -> Answer:
    asked = response.headers.get("Retry-After", "").strip()
    after = float(asked) if asked.isdecimal() else None
    return Answer(response.status_code, response.text, after, _date(response))


def _date(response: httpx.Response) -> float | None:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _broken(error: httpx.HTTPError, handled: BaseException | None) -> Broken:
    import httpx

    sent = not isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    causes = list(_causes(error, handled))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Broken(cause.verify_message, sent=False, untrusted=True)
        if isinstance(cause, ssl.SSLError) and _TRUST.search(cause.reason or ""):
            return Broken(_tls_reason(cause.reason), sent=False, untrusted=True)
    if isinstance(error, httpx.TimeoutException):
        return Broken("timed out", sent=sent)
    return Broken(_reason(causes[-1]), sent=sent)


def _tls_reason(reason: str) -> str:
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "it speaks plain HTTP there, not TLS"
    return reason.replace("_", " ").lower()


def _reason(deepest: BaseException) -> str:
    if isinstance(deepest, OSError) and deepest.strerror:
        return deepest.strerror
    return f"the connection broke ({type(deepest).__name__})"


def _causes(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """What led to it, down to what the caller was handling already."""
    found: BaseException | None = error
    while found is not None and found is not handled:
        yield found
        found = found.__cause__ or found.__context__


class _WithoutTokens(logging.Filter):
    """At `debug`, httpcore logs the headers of answers, a login's cookie among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = _TOKEN.sub(r"\1…", record.msg)
        return True


_FILTER = _WithoutTokens()


def _hide_tokens() -> None:
    for name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_FILTER)
