"""BigQuery, as the connection type `google_cloud_platform` finds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from factory.definitions.warehouses import BIGQUERY, Capabilities
from factory.login import Login
from factory.transfer.bigquery import arrivals, errors, ledger
from factory.transfer.bigquery import columns as cols
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.jobs import Jobs, Limits
from factory.transfer.bigquery.rows import Rows
from factory.transfer.bigquery.table import OURS, Table
from factory.transfer.errors import Missing, TransferError
from factory.transfer.values.types import Known
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.arrivals import Known as KnownFile
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.warehouse import Warehouse, not_found

CONN_TYPE = "google_cloud_platform"


@dataclass(frozen=True)
class BigQuery:
    """See `Warehouse`. Its address is an `Api`, which Airflow's own hook logs in."""

    can: Capabilities = BIGQUERY
    errors: tuple[type[Exception], ...] = errors.DRIVER

    def address(self, login: Login, application: str) -> Any:
        """Made of the connection's id, see `in_airflow.clients.bigquery`."""
        raise NotImplementedError

    def table(self, name: str) -> Table:
        """With its dataset."""
        return tables.parse(name)

    @contextmanager
    def connected(self, address: Api, seconds: float) -> Iterator[Jobs]:
        """Jobs where BigQuery finds the tables to be."""
        yield Jobs(address, None, Limits(seconds, address.billed))

    def columns(self, session: Jobs, table: parts.Table) -> Sequence[str]:
        """Of whatever has rows."""
        assert isinstance(table, Table)
        session.location = tables.location(session.api, table)
        facts = tables.look(session.api, table)
        if facts is None:
            _refuse_missing(session.api, table)
        return [field["name"] for field in tables.fields_of(facts)]

    def drop(self, session: Jobs, table: parts.Table) -> None:
        """Drop it, and forget its loads."""
        assert isinstance(table, Table)
        session.location = tables.location(session.api, table)
        tables.drop(session.api, table)
        tables.drop(session.api, arrivals.lock_of(table))
        ledger.forget(session, table)
        arrivals.forget(session, table)

    def files_in(self, session: Jobs, table: parts.Table) -> Mapping[str, Mapping[str, KnownFile]]:
        """See `arrivals`."""
        assert isinstance(table, Table)
        try:
            session.location = tables.location(session.api, table)
        except Missing as error:  # what a source's `on_missing` means is its files
            raise TransferError(error.message, error.hint) from None
        return arrivals.files_in(session, table)

    def known(self, session: Jobs, table: parts.Table, policy: str) -> dict[str, Known]:
        """See `columns`."""
        assert isinstance(table, Table)
        return cols.known(tables.existing(session.api, table), policy)

    def rows(self, session: Jobs, subject: Subject) -> Rows:
        """See `Rows`."""
        return Rows(session, subject)

    def said(self, error: Exception) -> str:
        """In a line."""
        return errors.said(error)


def _refuse_missing(api: Api, table: Table) -> NoReturn:
    """Raise `Missing` for a table that is not there, with the nearest name."""
    found = api.ask("GET", f"{table.dataset(api)}/tables", query={"maxResults": 1000})
    names = [each["tableReference"]["tableId"] for each in found.get("tables", ())]
    known = [name for name in names if not name.startswith(OURS)]
    raise not_found(f"there is no table or view {table}", table.name, known)


WAREHOUSE: Warehouse[Jobs] = BigQuery()
