"""What a source and a target are. A new one is a module beside the others and a name in a union."""

from __future__ import annotations

from typing import Any, Protocol

OPERATORS = "factory.in_airflow.operators.ingest"


class Source(Protocol):
    """Where rows come from."""

    def download(self) -> dict[str, Any] | None:
        """Arguments of the download task; None when the files can be read where they are."""

    def files(self) -> list[str] | None:
        """URIs or patterns to read in place; None when they were downloaded."""

    def format_options(self) -> dict[str, object]:
        """The format of the files, with its options."""


class Target(Protocol):
    """Where rows go."""

    def load(self) -> tuple[str, dict[str, Any]]:
        """The load operator's import path, and the target's own arguments to it."""

    def asset(self) -> str | None:
        """URI of the asset that a load updates; None when its name is known at run time only."""


def table_asset(conn_id: str, table: str) -> str | None:
    """`table://warehouse/raw/orders`: one word for one table, whatever the database."""
    if "{{" in conn_id + table:
        return None
    return f"table://{conn_id}/{table.replace('.', '/')}"


__all__ = ["OPERATORS", "Source", "Target", "table_asset"]
