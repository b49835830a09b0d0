"""Sessions on SFTP servers, of Airflow's connections: one in a process, until that changes.

Keys, host keys, algorithms and proxies are as Airflow's connections of the types `sftp` and `ssh`
have them.
"""

from __future__ import annotations

import copy
import hashlib
import threading
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException

from factory.errors import FactoryError
from factory.stores.sftp.session import Session

if TYPE_CHECKING:
    from paramiko import SSHClient

CONNECT, LOG_IN = 10, 30
"""Seconds to reach a server, and to be let in, unless the connection says otherwise."""

_sessions: dict[str, tuple[str, Session]] = {}
_lock = threading.Lock()


def client(conn_id: str) -> Session:
    """The session of a connection; it logs in when it is first used.

    :raises AirflowNotFoundException: there is no such connection.
    :raises FactoryError: nobody can log in by it.
    """
    connection = Connection.get(conn_id)
    facts = hashlib.sha256(connection.get_uri().encode()).hexdigest()
    with _lock:
        known = _sessions.get(conn_id)
        if known is None or known[0] != facts:
            known = _sessions[conn_id] = facts, _made(conn_id, connection.extra_dejson)
        return known[1]


def _made(conn_id: str, extra: dict[str, Any]) -> Session:
    from airflow.providers.sftp.hooks.sftp import SFTPHook

    try:
        hook = SFTPHook(ssh_conn_id=conn_id, host_proxy_cmd=extra.get("host_proxy_cmd"))
    except (AirflowException, ValueError) as error:
        raise _unusable(conn_id, error) from None
    if hook.conn_timeout is None:
        hook.conn_timeout = CONNECT
    hook.auth_timeout = hook.auth_timeout or LOG_IN
    hook.conn_retry_attempts = 1  # the session tries again itself, and no wrong password
    if "compress" not in extra:
        hook.compress = False  # files are compressed already, or should be

    def connect() -> SSHClient:
        # each time a new one, with a proxy of its own; the connection is not asked for again,
        # which Airflow wants in the main thread
        fresh = copy.copy(hook)
        fresh.client = None
        fresh.__dict__.pop("host_proxy", None)
        try:
            made: SSHClient = super(SFTPHook, fresh).get_conn()  # without a channel of its own
        except OSError as error:
            if error.filename is None:
                raise
            raise _unusable(conn_id, error) from None
        return made

    return Session(connect)


def _unusable(conn_id: str, error: Exception) -> FactoryError:
    return FactoryError(
        f"nobody can log in by the connection {conn_id!r}: {error}",
        "correct its host, and `private_key`, `key_file` or `host_key` in its extra",
    )
