"""A table in PostgreSQL."""

from __future__ import annotations

from typing import ClassVar

from factory.definitions.tables import ConnectionId
from factory.definitions.warehouses import POSTGRES, Capabilities
from factory.ends.handover import BATCHES, FILES
from factory.ends.target import Takes
from factory.ends.targets.table import DatabaseTable


class Postgres(DatabaseTable, frozen=True, kw_only=True, tag="postgres", tag_field="type"):
    """A PostgreSQL table; it is created when it is missing."""

    can: ClassVar[Capabilities] = POSTGRES
    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=POSTGRES.modes,
        types=True,
        ledger=("conn_id", "table"),
        holds=POSTGRES,
    )
    loader: ClassVar[str] = "load_postgres.LoadPostgres"

    conn_id: ConnectionId
