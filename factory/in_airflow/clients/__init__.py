"""Clients of what one logs in to, made of Airflow's connections: one module a service.

A store's module is named here by its scheme: a store of its own room knows no Airflow.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

BY_SCHEME = {
    "gs": "factory.in_airflow.clients.gcs:client",
    "s3": "factory.in_airflow.clients.s3:client",
    "sftp": "factory.in_airflow.clients.sftp:client",
}
"""`module:function` of a connection's id → the client that the scheme's store takes."""
BY_TYPE = {
    "google_cloud_platform": "factory.in_airflow.clients.bigquery:client",
    "snowflake": "factory.in_airflow.clients.snowflake:account",
}
"""The same, by a connection's type: what a warehouse connects by, where Airflow's hook logs in."""
NO_LOGIN: Mapping[str, str] = {}


def client(scheme: str, conn_id: str) -> Any:
    """The client of a connection, for a store.

    :raises AirflowNotFoundException: there is no such connection.
    """
    return _made(BY_SCHEME[scheme], conn_id)


def of_type(conn_type: str, conn_id: str, login: Mapping[str, str]) -> Any:
    """The client of a connection, for a warehouse; `login` takes the place of what it says."""
    return _made(BY_TYPE[conn_type], conn_id, login)


def _made(where: str, conn_id: str, login: Mapping[str, str] = NO_LOGIN) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)(conn_id, **login)
