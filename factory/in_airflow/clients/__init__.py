"""Clients of what one logs in to, made of Airflow's connections: one module a store.

A store's module is named here by its scheme: a store of its own room knows no Airflow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Connection

BY_SCHEME = {
    "gs": "factory.in_airflow.clients.gcs:client",
    "s3": "factory.in_airflow.clients.s3:client",
    "sftp": "factory.in_airflow.clients.sftp:client",
}
"""`module:function` of a connection's id → the client that the scheme's store takes."""

BY_TYPE = {"snowflake": "factory.in_airflow.clients.snowflake:login"}
"""`module:function` of a connection → the login that a warehouse of its type takes: of others it is
the connection."""


def client(scheme: str, conn_id: str) -> Any:
    """The client of a connection.

    :raises AirflowNotFoundException: there is no such connection.
    """
    return _named(BY_SCHEME[scheme])(conn_id)


def login(connection: Connection) -> Any:
    """What the warehouse of a connection's type logs in by."""
    own = BY_TYPE.get(connection.conn_type or "")
    return _named(own)(connection) if own else connection


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
