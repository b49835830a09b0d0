"""Reach the system that a connection names, as Airflow's own *Test* button does."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from factory.errors import words
from factory.extras import hint
from factory.in_airflow.doctor.patiently import PATIENCE, patiently

_MAX_WORDS = 300


def tried(connection: Any) -> tuple[bool | None, str]:
    """Whether it works, or None when it cannot be tried; and what was said, without secrets."""
    from factory.in_airflow.hiding import hide_connection, redacted

    hide_connection(connection)
    good, said = _asked(connection)
    # as a whole first: what is cut may be half a password, which nothing would hide
    return good, " ".join(redacted(said).split())[:_MAX_WORDS]


def _asked(connection: Any) -> tuple[bool | None, str]:
    if connection.conn_type in ("mysql", "mariadb"):
        return _mysql(connection)
    try:
        hook = _hook(connection)
    except Exception as error:
        return None, words(error, _MAX_WORDS)
    if not hasattr(hook, "test_connection"):
        return None, f"{type(hook).__name__} has no test"
    with _named(connection) as made:
        answer, wrong = patiently(lambda: _hook(made).test_connection())
    if answer is None:
        return False, words(wrong or TimeoutError(), 4 * _MAX_WORDS)
    return bool(answer[0]), str(answer[1])


def _mysql(connection: Any) -> tuple[bool | None, str]:
    """By our own driver: the hook of Airflow's provider needs another."""
    try:
        from factory.transfer.mysql import session
    except ImportError as error:
        return None, hint(error) or words(error, _MAX_WORDS)
    said, wrong = patiently(lambda: session.about(session.address(connection)))
    return (True, said) if said else (False, words(wrong or TimeoutError(), _MAX_WORDS))


def _hook(connection: Any) -> Any:
    return connection.get_hook()


@contextmanager
def _named(connection: Any) -> Iterator[Any]:
    """The same under a name in the environment, where every hook finds it, for a while."""
    from airflow.models.connection import Connection

    name = f"doctor_{secrets.token_hex(8)}"
    variable = f"AIRFLOW_CONN_{name.upper()}"
    os.environ[variable] = connection.get_uri()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield Connection(conn_id=name, uri=os.environ[variable])
    finally:
        socket.setdefaulttimeout(before)
        del os.environ[variable]
