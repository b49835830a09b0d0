"""A table or a query of Snowflake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from factory.definitions.tables import TableName
from factory.definitions.warehouses import SNOWFLAKE, Names
from factory.ends.sources.database import QUERY, ColumnName, Database, Sql, listed
from factory.fields import ConnId, connects
from factory.problem import Problem

Name = Annotated[str, Meta(min_length=1)]


class Snowflake(Database, frozen=True, kw_only=True, tag="snowflake", tag_field="type"):
    """A table or a query of Snowflake, read as of one moment.

    Columns that Snowflake keeps in capitals have small letters here, as people write them.
    """

    reader: ClassVar[str] = "read_snowflake.ReadSnowflake"
    splitter: ClassVar[str] = "read_snowflake.SplitSnowflake"
    of_columns: ClassVar[tuple[str, ...]] = ("columns", "as_text")
    can: ClassVar[Names] = SNOWFLAKE

    conn_id: Annotated[
        ConnId,
        connects("snowflake"),
        Meta(description="Airflow Snowflake connection.", examples=["snowflake"]),
    ]
    table: Annotated[
        TableName | None,
        Meta(
            description="The table or view, with its schema, and its database where that is not "
            "the connection's; or else a `query`. A plain name is upper-cased. Jinja templates are "
            "filled in.",
            examples=["raw.orders", "analytics.raw.orders"],
        ),
    ] = None
    query: Annotated[
        Sql | None,
        Meta(description=QUERY, examples=["SELECT order_id, total FROM raw.orders", "orders.sql"]),
    ] = None
    warehouse: Annotated[
        Name | None,
        Meta(description="In place of the connection's.", examples=["READING"]),
    ] = None
    role: Annotated[
        Name | None, Meta(description="In place of the connection's.", examples=["READER"])
    ] = None
    as_text: Annotated[
        list[ColumnName],
        Meta(
            description="Columns that are read as texts, since they hold what is no value "
            "elsewhere: billionths of a second, geography.",
            examples=[["area"]],
        ),
    ] = msgspec.field(default_factory=list)

    def problems(self) -> Iterator[Problem]:
        """As of every database, and names that no column has."""
        yield from super().problems()
        yield from listed(self.as_text, "as_text", self.can)
