"""What is told of a table that is loaded or checked, whatever the warehouse; each default once."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta

from factory.definitions.errors import unknown
from factory.fields import ConnId, Duration, connects, seconds

ConnectionId = Annotated[
    ConnId,
    connects("postgres"),
    Meta(description="Airflow PostgreSQL connection.", examples=["warehouse"]),
]
TableName = Annotated[str, Meta(examples=["raw.yellow_taxi"], min_length=1)]
Policy = Literal["fail", "add_columns", "ignore"]
OnSchemaChange = Annotated[
    Policy,
    Meta(
        description="When the load and the table have other columns: `fail`; `add_columns` "
        "adds new ones to the table; `ignore` does not load them. With the last two, a column "
        "that the load lacks is null or its default. A type that does not fit always fails."
    ),
]

ON_SCHEMA_CHANGE: Policy = "fail"
LOCK_TIMEOUT: Duration = "10m"
STATEMENT_TIMEOUT: Duration = "1h"
LOCK_SECONDS = seconds(LOCK_TIMEOUT)
STATEMENT_SECONDS = seconds(STATEMENT_TIMEOUT)


def policy(word: str) -> Policy:
    """The word for what to do when columns differ. Raises `BadOption`."""
    for known in get_args(Policy):
        if word == known:
            return known  # type: ignore[no-any-return]
    raise unknown("on_schema_change", word, get_args(Policy))
