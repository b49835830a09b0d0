"""Sessions on SFTP servers, of Airflow's connections.

Keys, host keys, algorithms and proxies are as Airflow's connections of the types `sftp` and `ssh`
have them.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException

from factory.errors import FactoryError
from factory.in_airflow.clients.known import Known
from factory.stores.sftp.session import Session

if TYPE_CHECKING:
    from paramiko import SSHClient

CONNECT, LOG_IN = 10, 30
"""Seconds to reach a server, and to be let in, unless the connection says otherwise."""


def _made(conn_id: str, connection: Connection | None) -> Session:
    from airflow.providers.sftp.hooks.sftp import SFTPHook

    extra = connection.extra_dejson if connection else {}
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


client = Known("", _made)
"""The session of a connection; it logs in when it is first used."""
