"""A table or a query of MySQL or MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from factory.definitions.tables import TableName
from factory.definitions.warehouses import MYSQL, Names
from factory.ends.sources.database import QUERY, ColumnName, Database, Sql, listed
from factory.fields import ConnId, connects
from factory.problem import Problem


class Mysql(Database, frozen=True, kw_only=True, tag="mysql", tag_field="type"):
    """A table or a query of MySQL or MariaDB, read as of one moment.

    Every value arrives as it is, or is refused with the column and what helps.
    """

    reader: ClassVar[str] = "read_mysql.ReadMysql"
    splitter: ClassVar[str] = "read_mysql.SplitMysql"
    of_columns: ClassVar[tuple[str, ...]] = ("columns", "as_text", "zero_dates")
    can: ClassVar[Names] = MYSQL

    conn_id: Annotated[
        ConnId,
        connects("mysql"),
        Meta(description="Airflow MySQL connection.", examples=["shop"]),
    ]
    table: Annotated[
        TableName | None,
        Meta(
            description="The table or view, of the connection's database or with its own; or else "
            "a `query`. Jinja templates are filled in.",
            examples=["orders", "shop.orders"],
        ),
    ] = None
    query: Annotated[
        Sql | None,
        Meta(
            description=QUERY,
            examples=["SELECT id, CAST(total AS DECIMAL(12,2)) AS total FROM orders", "orders.sql"],
        ),
    ] = None
    as_text: Annotated[
        list[ColumnName],
        Meta(
            description="Columns that are read as texts, since they hold what is no value "
            "elsewhere: a `time` of more than a day, of which a PostgreSQL target makes an "
            "interval, dates that no calendar has, geometry.",
            examples=[["open_for"]],
        ),
    ] = msgspec.field(default_factory=list)
    zero_dates: Annotated[
        Literal["fail", "as_null", "as_text"],
        Meta(
            description="What becomes of dates that no calendar has, such as `0000-00-00`: they "
            "fail the task; they are null, and counted in the log; or every date and moment is "
            "read as a text."
        ),
    ] = "fail"

    def problems(self) -> Iterator[Problem]:
        """As of every database, and names that no column has."""
        yield from super().problems()
        yield from listed(self.as_text, "as_text", self.can)
