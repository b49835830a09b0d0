"""A table or a query of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from factory.definitions.tables import ConnectionId
from factory.definitions.warehouses import POSTGRES, Names
from factory.ends.sources.database import QUERY, ColumnName, Database, Sql, listed
from factory.problem import Problem


class Postgres(Database, frozen=True, kw_only=True, tag="postgres", tag_field="type"):
    """A table or a query of PostgreSQL, read as of one moment.

    Every value arrives as it is, or is refused with the column and what helps.
    """

    reader: ClassVar[str] = "read_postgres.ReadPostgres"
    splitter: ClassVar[str] = "read_postgres.SplitPostgres"
    of_columns: ClassVar[tuple[str, ...]] = ("columns", "as_text")
    can: ClassVar[Names] = POSTGRES

    conn_id: ConnectionId
    query: Annotated[
        Sql | None,
        Meta(
            description=QUERY,
            examples=["SELECT order_id, total::numeric(12,2) AS total FROM orders", "orders.sql"],
        ),
    ] = None
    as_text: Annotated[
        list[ColumnName],
        Meta(
            description="Columns that are read as texts, since they hold what is no value "
            "elsewhere: infinite dates, NaN in a `numeric(p,s)`, 24:00:00. A PostgreSQL target "
            "makes their type of them again.",
            examples=[["valid_until"]],
        ),
    ] = msgspec.field(default_factory=list)

    def problems(self) -> Iterator[Problem]:
        """As of every database, and names that no column has."""
        yield from super().problems()
        yield from listed(self.as_text, "as_text", self.can)
