"""What a warehouse is to those who find it by the type of an Airflow connection.

[project.entry-points."dag_factory.warehouses"]
sqlite = "acme_sqlite.warehouse:WAREHOUSE"
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, Protocol, TypeVar, runtime_checkable

from factory import registry
from factory.definitions.warehouses import Capabilities
from factory.diagnostics import nearest
from factory.login import Login
from factory.transfer.errors import Missing, unknown
from factory.transfer.values.types import Known
from factory.transfer.warehouse.parts import Table
from factory.transfer.warehouse.rows import Rows, S, Subject

_S = TypeVar("_S", contravariant=True)

OURS = {
    "postgres": ("factory.transfer.postgres.warehouse", "WAREHOUSE"),
    "snowflake": ("factory.transfer.snowflake.warehouse", "WAREHOUSE"),
    "mysql": ("factory.transfer.mysql.warehouse", "WAREHOUSE"),
    "mariadb": ("factory.transfer.mysql.warehouse", "WAREHOUSE"),
    "google_cloud_platform": ("factory.transfer.bigquery.warehouse", "WAREHOUSE"),
}


class Warehouse(Protocol[S]):
    """One warehouse."""

    @property
    def can(self) -> Capabilities:
        """What it can."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""

    def said(self, error: Exception) -> str:
        """What it says of an error, without contents of rows."""

    def address(self, login: Login, application: str) -> Any:
        """What its driver connects by, secrets included; `application` is told to the server."""

    def table(self, name: str) -> Table:
        """Read a table's name. Raises `BadOption`."""

    def connected(self, address: Any, seconds: float) -> AbstractContextManager[S]:
        """A session in which no statement takes longer; 0: without end."""

    def columns(self, session: S, table: Table) -> Sequence[str]:
        """The columns of a table or view. Raises `Missing`."""

    def known(self, session: S, table: Table, policy: str) -> Mapping[str, Known]:
        """What columns of a table that is there are read as, where files do not tell.

        `policy` is that of `on_schema_change`.
        """

    def rows(self, session: S, subject: Subject) -> Rows[S]:
        """Its rows, as the checks see them."""


@runtime_checkable
class Drops(Protocol[_S]):
    """A warehouse that can take away what loads have made."""

    def drop(self, session: _S, table: Table) -> None:
        """Drop a table of our own, and forget its loads. One that is not there is no error."""


def is_known(conn_type: str) -> bool:
    """Whether a connection of this type is a warehouse's."""
    return conn_type in OURS or conn_type in registry.outside("warehouses")


def find(conn_type: str) -> Warehouse[Any]:
    """The warehouse of a connection's type. Raises `BadOption` when there is none."""
    if conn_type in OURS:
        module, name = OURS[conn_type]
        return getattr(import_module(module), name)  # type: ignore[no-any-return]
    if conn_type not in (outside := registry.outside("warehouses")):
        raise unknown("type of a warehouse's connection", conn_type, {*OURS, *outside})
    return registry.load("warehouses", conn_type)  # type: ignore[no-any-return]


def require_columns(known: Collection[str], wanted: Iterable[str], where: str) -> None:
    """See that there are all columns that are wanted. Raises `Missing`."""
    for name in wanted:
        if name not in known:
            raise not_found(f"there is no column {name!r} in {where}", name, known)


def not_found(message: str, name: str, known: Collection[str]) -> Missing:
    """Build the error for what is not there, with the nearest name."""
    near = nearest(name, known)
    return Missing(message, f"Did you mean {near!r}?" if near else None)
