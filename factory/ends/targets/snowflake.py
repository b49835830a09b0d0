"""A table in Snowflake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from factory import stores
from factory.definitions import identifiers
from factory.definitions.tables import (
    LOCK_TIMEOUT,
    ON_SCHEMA_CHANGE,
    STATEMENT_TIMEOUT,
    OnSchemaChange,
    TableName,
)
from factory.definitions.warehouses import SNOWFLAKE, Capabilities
from factory.diagnostics import Path, quoted
from factory.ends.handover import BATCHES, FILES
from factory.ends.target import Takes
from factory.ends.targets.table import ColumnName, WarehouseTable, distinct, timeouts
from factory.fields import ConnId, Duration, connects
from factory.literals import is_template
from factory.problem import Problem

Name = Annotated[str, Meta(min_length=1)]
_SCHEMES = ("s3", "gs")
_STAGES = "`stage`, `schema.stage` or `database.schema.stage`"


class Snowflake(WarehouseTable, frozen=True, kw_only=True, tag="snowflake", tag_field="type"):
    """A Snowflake table; it is created when it is missing."""

    can: ClassVar[Capabilities] = SNOWFLAKE
    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=SNOWFLAKE.modes,
        types=True,
        ledger=("conn_id", "table", "warehouse", "role"),
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
    external_stage: Annotated[
        Name | None,
        Meta(
            description="A stage over a bucket, with its schema (`CREATE STAGE … URL = 's3://…' "
            "STORAGE_INTEGRATION = …`): files go through it, in the folder `via`. Without it they "
            "go through a stage of the load's own, by `PUT`. Jinja templates are filled in.",
            examples=["raw.landing"],
        ),
    ] = None
    via: Annotated[
        str | None,
        Meta(
            description="Folder in the bucket of `external_stage` that files go through.",
            examples=["s3://lake@lake/loads/"],
        ),
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
        yield from self._through()
        yield from timeouts(self, "lock_timeout", "statement_timeout")
        yield from distinct(self.cluster_by, ("target", "cluster_by"))

    def _through(self) -> Iterator[Problem]:
        """A stage and a folder in its bucket, or neither."""
        if self.external_stage is not None:
            yield from _of_stage(self.external_stage)
        if self.via is not None:
            yield from _of_folder(self.via)
        if self.external_stage is not None and self.via is None:
            message = "files reach a stage over a bucket by the bucket, and nothing says where"
            expected = "`via: s3://…` or `gs://…` beside it, a folder in the stage's bucket"
            yield Problem(("target", "external_stage"), "missing-key", message, expected)
        if self.via is not None and self.external_stage is None:
            message = f"Snowflake reads {_shown(self.via)} by a stage over the bucket"
            expected = "`external_stage: schema.stage` beside it"
            hint = "leave `via` out, and files go through a stage of the load's own"
            yield Problem(("target", "via"), "missing-key", message, expected, hint)


def _shown(via: str) -> str:
    return stores.without_keys(via)


def _of_stage(name: str) -> Iterator[Problem]:
    place = ("target", "external_stage")
    if is_template(name):
        return
    if name.startswith("@"):
        hint = f"write `{name.lstrip('@')}`: the `@` is put before it"
        yield Problem(place, "bad-value", "the stage's name begins with an @", _STAGES, hint)
    elif "/" in name:
        message = "a folder in the stage is no part of its name"
        yield Problem(place, "bad-value", message, f"{_STAGES}, and the folder in `via`")
    elif identifiers.parts(name, SNOWFLAKE) is None or set(name) & set("\"';"):
        yield Problem(place, "bad-value", f"{quoted(name)} is not a stage's name", _STAGES)


def _of_folder(via: str) -> Iterator[Problem]:
    place = ("target", "via")
    yield from stores.problems(via, place)
    if not is_template(via) and stores.scheme_of(via) not in _SCHEMES:
        message = f"{_shown(via)} is in no bucket that Snowflake has a stage over"
        yield Problem(place, "bad-value", message, expected="a folder of s3:// or gs://")
