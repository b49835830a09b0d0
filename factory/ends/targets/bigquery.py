"""A table in BigQuery."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from factory import stores
from factory.definitions.tables import (
    ON_SCHEMA_CHANGE,
    STATEMENT_TIMEOUT,
    OnSchemaChange,
)
from factory.definitions.warehouses import BIGQUERY, Capabilities, Holds, plain
from factory.definitions.writes import MOMENTS, TIMES
from factory.diagnostics import Path, quoted
from factory.ends.handover import BATCHES, FILES
from factory.ends.target import Takes
from factory.ends.targets.table import ColumnName, WarehouseTable, distinct, timeouts
from factory.fields import ConnId, Duration, Size, connects, in_bytes
from factory.literals import is_template
from factory.plan.kind import UNASKED
from factory.problem import Problem

BigQueryTable = Annotated[str, Meta(examples=["shop.orders"], min_length=1)]
GoogleConnection = Annotated[
    ConnId,
    connects("google_cloud_platform"),
    Meta(description="Airflow Google Cloud connection.", examples=["google_cloud_default"]),
]
Label = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{0,63}$|\{\{")]
_MaximumBytes = Annotated[
    Size | None,
    Meta(
        description="A query that would be billed for more than this is refused, and costs nothing."
    ),
]
_JobTimeout = Annotated[Duration, Meta(description="The longest time for one job.")]
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SCHEME = "gs"


class BigQuery(WarehouseTable, frozen=True, kw_only=True, tag="bigquery", tag_field="type"):
    """A BigQuery table; it is created when it is missing."""

    can: ClassVar[Capabilities] = BIGQUERY
    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=BIGQUERY.modes,
        types=True,
        ledger=("conn_id", "table"),
        holds=BIGQUERY,
        through=("via", _SCHEME),
        dry_run=UNASKED,
    )
    loader: ClassVar[str] = "load_bigquery.LoadBigQuery"

    conn_id: GoogleConnection
    table: Annotated[
        BigQueryTable,
        Meta(
            description="The table, with its dataset; with a project where it is not the "
            "connection's. Jinja templates are filled in."
        ),
    ]
    via: Annotated[
        str | None,
        Meta(
            description="Folder in Cloud Storage that rows go through, in the location of the "
            "dataset. Without it they go through the stage, which must be one of `gs://` then.",
            examples=["gs://lake/loads/"],
        ),
    ] = None
    partition_by: Annotated[
        ColumnName | None,
        Meta(
            description="The date or timestamp by which a table that is created is partitioned.",
            examples=["pickup_at"],
        ),
    ] = None
    partitions: Annotated[
        Literal["hourly", "daily", "monthly", "yearly"],
        Meta(description="How long one partition is."),
    ] = "daily"
    cluster_by: Annotated[
        list[ColumnName],
        Meta(
            description="Columns by which a table that is created is clustered.",
            examples=[["vendor_id"]],
            max_length=4,
        ),
    ] = msgspec.field(default_factory=list)
    labels: Annotated[
        dict[str, Label],
        Meta(description="Labels of a table that is created.", examples=[{"team": "data"}]),
    ] = msgspec.field(default_factory=dict)
    description: Annotated[str, Meta(description="What a table that is created is.")] = ""
    descriptions: Annotated[
        dict[str, str],
        Meta(
            description="What the columns of a table that is created are.",
            examples=[{"fare_amount": "In dollars, without tips."}],
        ),
    ] = msgspec.field(default_factory=dict)
    expires_after: Annotated[
        Duration | None, Meta(description="How long a table that is created stays.")
    ] = None
    on_schema_change: OnSchemaChange = ON_SCHEMA_CHANGE
    maximum_bytes_billed: _MaximumBytes = None
    statement_timeout: _JobTimeout = STATEMENT_TIMEOUT

    def load(self) -> tuple[str, dict[str, Any]]:
        """The operator that publishes into BigQuery."""
        return _bounded(super().load(), self.maximum_bytes_billed)

    def columns(self) -> Iterator[tuple[Path, str]]:
        """The columns of the load that this names, with their places."""
        if self.partition_by is not None:
            yield ("target", "partition_by"), self.partition_by
        for index, name in enumerate(self.cluster_by):
            yield ("target", "cluster_by", index), name
        for name in self.descriptions:
            yield ("target", "descriptions", name), name

    def times(self) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
        """What a table is partitioned by; hours are no part of a date."""
        if self.partition_by is not None:
            words = MOMENTS if self.partitions == "hourly" else TIMES
            yield ("target", "partition_by"), self.partition_by, words

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """A table of the loads' own, a folder that is none of Cloud Storage."""
        yield from super().problems(key)
        if self.via is not None:
            yield from _of_folder(self.via)
        yield from timeouts(self, "statement_timeout")
        yield from distinct(self.cluster_by, ("target", "cluster_by"))
        yield from _of_labels(self.labels)


class BigQueryExternal(
    WarehouseTable, frozen=True, kw_only=True, tag="bigquery_external", tag_field="type"
):
    """An external table in BigQuery: its rows stay in a folder, as Parquet.

    The files of before go once the table is of those of now.
    """

    can: ClassVar[Capabilities] = BIGQUERY
    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=("replace",),
        keeps="files",
        holds=Holds(**plain(BIGQUERY)),
        dry_run=UNASKED,
    )
    loader: ClassVar[str] = "load_bigquery.LoadBigQueryExternal"

    conn_id: GoogleConnection
    table: Annotated[
        BigQueryTable,
        Meta(
            description="The table, with its dataset; with a project where it is not the "
            "connection's. Jinja templates are filled in.",
            examples=["shop.trips_external"],
        ),
    ]
    path: Annotated[
        str,
        Meta(
            description="Folder in Cloud Storage for the files, in the location of the dataset. "
            "Jinja templates are filled in.",
            examples=["gs://lake/trips/"],
        ),
    ]
    labels: Annotated[
        dict[str, Label], Meta(description="Labels of the table.", examples=[{"team": "data"}])
    ] = msgspec.field(default_factory=dict)
    description: Annotated[str, Meta(description="What the table is.")] = ""
    descriptions: Annotated[
        dict[str, str],
        Meta(
            description="What its columns are.",
            examples=[{"fare_amount": "In dollars, without tips."}],
        ),
    ] = msgspec.field(default_factory=dict)
    maximum_bytes_billed: _MaximumBytes = None
    statement_timeout: _JobTimeout = STATEMENT_TIMEOUT

    def load(self) -> tuple[str, dict[str, Any]]:
        """The operator that publishes it."""
        return _bounded(super().load(), self.maximum_bytes_billed)

    def columns(self) -> Iterator[tuple[Path, str]]:
        """The columns of the load that this names, with their places."""
        for name in self.descriptions:
            yield ("target", "descriptions", name), name

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """A table of the loads' own, a folder that is none of Cloud Storage."""
        yield from super().problems(key)
        yield from _of_folder(self.path, "path")
        yield from timeouts(self, "statement_timeout")
        yield from _of_labels(self.labels)


def _bounded(load: tuple[str, dict[str, Any]], most: Size | None) -> tuple[str, dict[str, Any]]:
    operator, arguments = load
    if most is not None:
        arguments["maximum_bytes_billed"] = in_bytes(most)
    return operator, arguments


def _of_labels(labels: Iterable[str]) -> Iterator[Problem]:
    for name in labels:
        if not _LABEL.fullmatch(name):
            message = f"{quoted(name)} is no name of a label"
            expected = "a small letter, then small letters, digits, `_` and `-`, 63 at most"
            yield Problem(("target", "labels", name), "bad-value", message, expected, at_key=True)


def _of_folder(via: str, key: str = "via") -> Iterator[Problem]:
    place = ("target", key)
    yield from stores.problems(via, place)
    if not is_template(via) and stores.scheme_of(via) != _SCHEME:
        message = f"{via} is not in Cloud Storage, the only store that BigQuery loads from"
        yield Problem(place, "bad-value", message, expected="a folder of gs://")


__all__ = ["BigQuery", "BigQueryExternal", "BigQueryTable", "GoogleConnection"]
