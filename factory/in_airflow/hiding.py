"""What may not be shown, told to Airflow's masker: it covers logs, rendered fields and XCom views.

Airflow itself hides a connection's password, and what has a name such as `token`; not what is
made of them, nor a password that stands in an address.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from airflow.sdk import Connection

_NAMES = re.compile(
    r"auth|cookie|token|secret|passw|pwd|passphrase|api.?key|access.?key|private.?key|subscription"
    r"|credential|session|sig\Z|signature|\bsas\b|\Acode\Z|\Akey\Z",
    re.IGNORECASE,
)
_SCHEMES = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey|AWS)\s+", re.IGNORECASE)


def hide(*secrets: str | None) -> None:
    """Hide texts, also as they look once quoted, trimmed or in an address."""
    from airflow.providers.common.compat.sdk import mask_secret

    for secret in filter(None, secrets):
        bare = secret.strip()
        for plain in (secret, bare, unquote(bare)):
            mask_secret(plain)
            # in a message: within '', within "", in JSON
            escaped = repr(plain + "'\"")[1:-4]
            for form in {escaped, escaped.replace("\\'", "'"), json.dumps(plain)[1:-1]}:
                mask_secret(form)
        mask_secret(quote(bare, safe=""))


def hide_connection(connection: Connection) -> None:
    """Hide a connection's password, as it is sent, too, and a login typed into its host."""
    hide_login(connection.host or "")
    hide(connection.password)
    if connection.login and connection.password:
        pair = f"{connection.login}:{connection.password}".encode()
        hide(base64.b64encode(pair).decode())


def hide_connections(context: Mapping[str, Any]) -> None:
    """Hide what the connections of a task hold, before it is executed."""
    _hide_all(context["task"])  # Airflow stores the source of this function with each DAG


def _hide_all(task: Any) -> None:
    """Hide what the connections of a task hold, whatever it is."""
    for name, conn_id in vars(task).items():
        if name.endswith("conn_id") and isinstance(conn_id, str):
            hide_connection_of(conn_id)


def hide_connection_of(conn_id: str) -> None:
    """Hide what a connection holds; one that is not there is for the task to tell."""
    from airflow.sdk import Connection

    with suppress(Exception):  # a backend of secrets may fail in any way
        hide_connection(Connection.get(conn_id))


def hide_login(address: str) -> None:
    """Hide `user:password` of an address, whatever characters the password holds."""
    before, at, _ = address.rpartition("://")[2].rpartition("@")
    if at:
        user, _, password = before.partition(":")
        hide(password or user, base64.b64encode(before.encode()).decode() if password else None)


def hide_named(values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
    """Hide those of headers or query parameters whose name says that they are secret."""
    pairs = values.items() if isinstance(values, Mapping) else values
    for name, value in pairs:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if isinstance(text, str) and _NAMES.search(str(name)):
            hide(text, _SCHEMES.sub("", text, count=1))


def hide_query(address: str) -> None:
    """Hide the secret parameters of an address's query."""
    try:
        hide_named(parse_qsl(urlsplit(address).query))
    except ValueError:
        hide(address)


def holds_secret(value: Mapping[str, Any]) -> bool:
    """Whether plain data holds something that is hidden in this process."""
    from airflow.providers.common.compat.sdk import redact

    return json.dumps(redact(dict(value)), default=str) != json.dumps(value, default=str)


def redacted(text: str) -> str:
    """A text without what is hidden in this process."""
    if "airflow.sdk" not in sys.modules:  # then nothing is
        return text
    from airflow.providers.common.compat.sdk import redact

    return str(redact(text))
