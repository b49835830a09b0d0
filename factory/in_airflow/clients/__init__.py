"""Clients of what one logs in to, made of Airflow's connections: one module a store.

A store's module is named here by its scheme: a store of its own room knows no Airflow.
"""

from __future__ import annotations

import importlib
from typing import Any

BY_SCHEME = {
    "gs": "factory.in_airflow.clients.gcs:client",
    "s3": "factory.in_airflow.clients.s3:client",
    "sftp": "factory.in_airflow.clients.sftp:client",
}
"""`module:function` of a connection's id → the client that the scheme's store takes."""


def client(scheme: str, conn_id: str) -> Any:
    """The client of a connection.

    :raises AirflowNotFoundException: there is no such connection.
    """
    module, _, name = BY_SCHEME[scheme].partition(":")
    return getattr(importlib.import_module(module), name)(conn_id)
