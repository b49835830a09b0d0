"""A table in PostgreSQL."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from factory.kinds.ingest.parts import OPERATORS, table_asset
from factory.spec.model import Strict


class Postgres(Strict, frozen=True, kw_only=True, tag="postgres", tag_field="type"):
    """A PostgreSQL table; it is created when it is missing."""

    conn_id: Annotated[
        str, Meta(description="Airflow PostgreSQL connection.", examples=["warehouse"])
    ]
    table: Annotated[
        str,
        Meta(
            description="The table, with its schema. Jinja templates are filled in.",
            examples=["raw.yellow_taxi"],
            min_length=1,
        ),
    ]

    def load(self) -> tuple[str, dict[str, Any]]:
        """The operator that publishes into PostgreSQL."""
        return f"{OPERATORS}.load_postgres.LoadPostgres", {
            "conn_id": self.conn_id,
            "table": self.table,
        }

    def asset(self) -> str | None:
        """`table://<conn_id>/<schema>/<table>`."""
        return table_asset(self.conn_id, self.table)
