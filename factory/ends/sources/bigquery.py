"""A table or a query of BigQuery."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from factory.definitions.warehouses import BIGQUERY, Names
from factory.ends.sources.database import QUERY, Database, Sql
from factory.ends.targets.bigquery import BigQueryTable, GoogleConnection
from factory.fields import Size, in_bytes
from factory.plan.kind import DRY_RUNS


class BigQuery(Database, frozen=True, kw_only=True, tag="bigquery", tag_field="type"):
    """A table or a query of BigQuery, read as of one moment.

    Every value arrives as it is, or is refused with the column and what helps.
    """

    reader: ClassVar[str] = "read_bigquery.ReadBigQuery"
    splitter: ClassVar[str] = "read_bigquery.SplitBigQuery"
    dry_runs: ClassVar[tuple[str, str]] = (f"{DRY_RUNS}.DryRead", f"{DRY_RUNS}.DrySplit")
    of_columns: ClassVar[tuple[str, ...]] = ("columns", "maximum_bytes_billed")
    can: ClassVar[Names] = BIGQUERY

    conn_id: GoogleConnection
    table: Annotated[
        BigQueryTable | None,
        Meta(
            description="The table or view, with its dataset; with a project where it is not the "
            "connection's; or else a `query`. Jinja templates are filled in.",
        ),
    ] = None
    query: Annotated[
        Sql | None,
        Meta(
            description=QUERY,
            examples=["SELECT id, total FROM shop.orders WHERE total > 0", "orders.sql"],
        ),
    ] = None
    maximum_bytes_billed: Annotated[
        Size | None,
        Meta(
            description="A query that would be billed for more than this is refused, and costs "
            "nothing. (A whole table is read without one.)"
        ),
    ] = None

    def _arguments(self) -> dict[str, Any]:
        """With an amount in bytes."""
        arguments = super()._arguments()
        if self.maximum_bytes_billed is not None:
            arguments["maximum_bytes_billed"] = in_bytes(self.maximum_bytes_billed)
        return arguments
