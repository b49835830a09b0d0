"""Where a NiFi is, and who asks. Frozen and hashable: equal ones can share a client."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from factory.nifi.errors import NiFiError


@dataclass(frozen=True)
class UserPassword:
    """A user of NiFi's login identity provider."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class BearerToken:
    """A token from elsewhere; it can't be renewed here."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class ClientCertificate:
    """Paths of PEM files; `key` may be in `cert`."""

    cert: str
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Server:
    """One NiFi.

    :param url: `https://host:8443`; `/nifi` or `/nifi-api` at its end is taken off.
    :param verify: True for the system's authorities, or the path of a PEM bundle, or False.
        Environment variables don't change a path or False.
    :param timeout: seconds without a byte; `connect_timeout`: seconds until connected.
    :param attempts: how often a request is sent at most, where sending it again is right.
    :param acknowledge_disconnected: change a node that has left its cluster all the same.
    :param proxy: URL of an HTTP proxy; the environment's is not used.
    """

    url: str
    credentials: UserPassword | BearerToken | None = None
    certificate: ClientCertificate | None = None
    verify: bool | str = True
    timeout: float = 30.0
    connect_timeout: float = 10.0
    attempts: int = 4
    acknowledge_disconnected: bool = False
    proxy: str | None = field(default=None, repr=False)  # may hold a password

    def __post_init__(self) -> None:
        host = _host(self.url)
        if not host:
            raise NiFiError(
                "the address of NiFi is no URL", "Write it as https://nifi.example.org:8443"
            )
        if "@" in self.url:  # whatever comes before it: a password may hold any character
            raise NiFiError(
                "the address of NiFi holds a login", "Give user and password beside the address"
            )
        if self.proxy is not None and not _host(self.proxy):
            raise NiFiError("the address of the proxy is no URL", "Write it as http://host:3128")

    @property
    def base(self) -> str:
        """The URL without the name of the UI or the API."""
        url = self.url.rstrip("/")
        for suffix in ("/nifi-api", "/nifi"):
            url = url.removesuffix(suffix)
        return url

    @property
    def api(self) -> str:
        """What paths of requests are below."""
        return f"{self.base}/nifi-api"


def _host(url: str) -> str:
    """The host of an HTTP address; empty when it is none. The errors of `urllib` quote it."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and (parts.port is None or parts.port > 0)
    except ValueError:
        return ""
    return parts.hostname or "" if known else ""


def ui_link(base: str, group_id: str, generation: int) -> str:
    """A process group's page in the UI of NiFi 1 or 2."""
    if generation < 2:
        return f"{base}/nifi/?processGroupId={group_id}"
    return f"{base}/nifi/#/process-groups/{group_id}"
