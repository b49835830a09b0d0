"""The hooks by which a person's SQL is run: ours where Airflow's is none, or another's login."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from airflow.sdk import Connection, get_current_context

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

OWN = {
    "google_cloud_platform": "factory.in_airflow.hooks.bigquery:BigQuery",
    "mariadb": "factory.in_airflow.hooks.mysql:Mysql",
    "mysql": "factory.in_airflow.hooks.mysql:Mysql",
    "snowflake": "factory.in_airflow.hooks.snowflake:Snowflake",
}
"""`module:class` by a connection's type; each takes the connection's id."""
_BETTER = {"mysql": "airflow.providers.mysql"}
"""Airflow's own, where that is installed."""


class Left(Exception):
    """A statement is left to run on, and a trigger waits for it: the worker is not held.

    Its event holds what had `begun`.
    """

    def __init__(self, trigger: BaseTrigger, begun: str) -> None:
        super().__init__(f"the query {begun} runs on")
        self.trigger = trigger


Tried = tuple[tuple[object, ...], str, bool]
"""What names the task of a run, what names its try, whether that is the first."""


def tried() -> Tried | None:
    """The try of a task that this process runs; None: it runs none."""
    try:
        task = get_current_context()["task_instance"]
    except RuntimeError:
        return None
    own = (task.dag_id, task.task_id, task.run_id, task.map_index)
    return own, str(task.id), task.try_number == 1


@runtime_checkable
class Leaves(Protocol):
    """A hook whose `run` raises `Left` after `patience` seconds; None: it waits to the end.

    With what had `begun`, its `run` begins nothing, and takes the answer.
    """

    patience: float | None
    begun: str

    def cancel(self) -> None:
        """End what was begun."""


def hook(conn_id: str) -> Any:
    """The hook of a connection; whether it is a database's is for the caller to see.

    :raises AirflowNotFoundException: there is no such connection.
    """
    return own(conn_id) or Connection.get(conn_id).get_hook()


def own(conn_id: str) -> Any:
    """Our hook of a connection; None: Airflow's is good."""
    kind = Connection.get(conn_id).conn_type or ""
    where = OWN.get(kind)
    if where is None or (kind in _BETTER and _is_installed(_BETTER[kind])):
        return None
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)(conn_id)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # what it is in, is not there
        return False
