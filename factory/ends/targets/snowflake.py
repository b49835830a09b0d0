"""A table in Snowflake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from factory.definitions.tables import (
    LOCK_TIMEOUT,
    ON_SCHEMA_CHANGE,
    STATEMENT_TIMEOUT,
    OnSchemaChange,
    TableName,
)
from factory.definitions.warehouses import SNOWFLAKE, Capabilities
from factory.diagnostics import Path
from factory.ends.handover import BATCHES, FILES
from factory.ends.target import Takes
from factory.ends.targets.table import ColumnName, WarehouseTable, distinct, timeouts
from factory.fields import ConnId, Duration, connects
from factory.problem import Problem

Name = Annotated[str, Meta(min_length=1)]


class Snowflake(WarehouseTable, frozen=True, kw_only=True, tag="snowflake", tag_field="type"):
    """A Snowflake table; it is created when it is missing."""

    can: ClassVar[Capabilities] = SNOWFLAKE
    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=SNOWFLAKE.modes,
        types=True,
        ledger=("conn_id", "table"),
        holds=SNOWFLAKE,
    )
    loader: ClassVar[str] = "load_snowflake.LoadSnowflake"

    conn_id: Annotated[
        ConnId,
        connects("snowflake"),
        Meta(description="Airflow Snowflake connection.", examples=["snowflake"]),
    ]
    table: Annotated[
        TableName,
        Meta(
            description="The table, with its schema, and its database where that is not the "
            "connection's. A plain name is upper-cased, as SQL without quotes has it. Jinja "
            "templates are filled in.",
            examples=["raw.orders", "analytics.raw.orders"],
        ),
    ]
    warehouse: Annotated[
        Name | None,
        Meta(description="In place of the connection's.", examples=["LOADING"]),
    ] = None
    role: Annotated[
        Name | None, Meta(description="In place of the connection's.", examples=["LOADER"])
    ] = None
    cluster_by: Annotated[
        list[ColumnName],
        Meta(
            description="Columns of the clustering key of a table that is created.",
            examples=[["pickup_at"]],
        ),
    ] = msgspec.field(default_factory=list)
    on_schema_change: OnSchemaChange = ON_SCHEMA_CHANGE
    lock_timeout: Annotated[
        Duration, Meta(description="How long to wait for other loads of the table.")
    ] = LOCK_TIMEOUT
    statement_timeout: Annotated[
        Duration, Meta(description="The longest time for one statement; the COPY is one.")
    ] = STATEMENT_TIMEOUT

    def columns(self) -> Iterator[tuple[Path, str]]:
        """The columns of the load that this names, with their places."""
        place = ("target", "cluster_by")
        yield from (((*place, index), name) for index, name in enumerate(self.cluster_by))

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """Names that a table cannot have, or named twice."""
        yield from super().problems(key)
        yield from timeouts(self, "lock_timeout", "statement_timeout")
        yield from distinct(self.cluster_by, ("target", "cluster_by"))
