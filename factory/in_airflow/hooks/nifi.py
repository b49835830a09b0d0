"""Airflow connections of the type `nifi`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, Connection

from factory.in_airflow.provider import FIELD_BEHAVIOUR

if TYPE_CHECKING:
    from factory.nifi.server import ClientCertificate, Server

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class NiFiHook(BaseHook):
    """Tests a connection, and tells Airflow of its form."""

    conn_name_attr = "conn_id"
    default_conn_name = "nifi_default"
    conn_type = "nifi"
    hook_name = "Apache NiFi"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.conn_id = conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """For Airflow before 3.2; later ones read the package's metadata."""
        return FIELD_BEHAVIOUR

    def get_conn(self) -> Server:
        """The NiFi and the login, for a client of `factory.nifi`."""
        return server(self.conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """Log in and look at the root group."""
        from dataclasses import replace

        from factory.nifi.calls import groups, system
        from factory.nifi.client import Client
        from factory.nifi.errors import NiFiError

        try:
            with Client(replace(self.get_conn(), attempts=1)) as client:
                version = client.run(system.version())
                client.run(groups.look("root"))
        except NiFiError as error:
            return False, str(error)
        return True, f"This is NiFi {version}, and the login is good"


def server(conn_id: str) -> Server:
    """The NiFi and the login of a connection, inside a task or a trigger."""
    return read(Connection.get(conn_id))


def read(connection: Connection) -> Server:
    """What a connection's fields say. They hold secrets, and so does the result.

    `host` is a URL, or a name beside `port`. Extras: `token`, `client_certificate`, `client_key`,
    `client_key_password`, `verify` (true, false, or the path of a PEM file), `timeout` and
    `connect_timeout` in seconds, `attempts`, `acknowledge_disconnected`, `proxy`.
    """
    from factory.nifi.server import BearerToken, Server, UserPassword

    extra: Mapping[str, Any] = connection.extra_dejson
    credentials: UserPassword | BearerToken | None = None
    if connection.login:
        credentials = UserPassword(connection.login, connection.password or "")
    elif token := extra.get("token"):
        credentials = BearerToken(str(token))
    options: dict[str, Any] = {
        name: _number(name, extra[name], kind)
        for name, kind in (("timeout", float), ("connect_timeout", float), ("attempts", int))
        if extra.get(name) not in (None, "")
    }
    return Server(
        _url(connection),
        credentials,
        _certificate(extra),
        verify=_verify(extra.get("verify")),
        acknowledge_disconnected=_flag(extra.get("acknowledge_disconnected")),
        proxy=extra.get("proxy") or None,
        **options,
    )


def _number(name: str, value: Any, kind: type[float] | type[int]) -> float:
    from factory.nifi.errors import NiFiError

    try:
        number = kind(value)
        if not 0 < number < float("inf"):
            raise ValueError
    except (TypeError, ValueError):
        expected = "Write a whole number" if kind is int else "Write a number of seconds"
        raise NiFiError(
            f"`{name}` of the connection is {value!r}", f"{expected}, more than 0"
        ) from None
    return number


def _url(connection: Connection) -> str:
    host = (connection.host or "").strip()
    if "://" not in host:
        # NiFi speaks plain HTTP only where it has no users
        scheme = connection.schema if connection.schema in ("http", "https") else "https"
        host = f"{scheme}://{host}"
    scheme, _, rest = host.partition("://")
    address, slash, path = rest.partition("/")
    if connection.port and ":" not in address.rpartition("]")[2]:
        address = f"{address}:{connection.port}"
    return f"{scheme}://{address}{slash}{path}"


def _certificate(extra: Mapping[str, Any]) -> ClientCertificate | None:
    from factory.nifi.server import ClientCertificate

    if not extra.get("client_certificate"):
        return None
    return ClientCertificate(
        str(extra["client_certificate"]),
        extra.get("client_key") or None,
        extra.get("client_key_password") or None,
    )


def _verify(value: Any) -> bool | str:
    """The form's field is text; JSON may hold a boolean."""
    text = str("" if value is None else value).strip()
    if text.lower() in ("", *_TRUE):
        return True
    return False if text.lower() in _FALSE else text


def _flag(value: Any) -> bool:
    return str(value).strip().lower() in _TRUE
