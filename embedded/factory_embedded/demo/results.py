"""What the demo's runs left in the database."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
from psycopg import sql

RAW = "raw.yellow_taxi"
REPORT = "report.yellow_taxi_months"


class Table(NamedTuple):
    """Rows of a query, with the columns' names."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Results(NamedTuple):
    """The loaded rows, counted, and the report that the pipeline made of them."""

    loaded: int
    months: Table

    def problems(self, months: int, rows_a_month: int) -> list[str]:
        """What differs from `months` complete months, in the raw table and in the report."""
        found = []
        if self.loaded != months * rows_a_month:
            found.append(f"{RAW} holds {self.loaded:,} rows, not {months * rows_a_month:,}")
        trips = [
            dict(zip(self.months.columns, row, strict=True))["trips"] for row in self.months[1]
        ]
        if trips != [rows_a_month] * months:
            found.append(f"{REPORT} does not show {months} months of {rows_a_month:,} trips")
        return found


def loaded_rows(uri: str) -> int:
    """The number of rows in the raw table; 0 when there is none."""
    with psycopg.connect(uri) as connection:
        return _count(connection)


def read(uri: str) -> Results:
    """Read the results. A missing report reads as empty."""
    with psycopg.connect(uri) as connection:
        if not _exists(connection, REPORT):
            return Results(_count(connection), Table((), []))
        query = sql.SQL("SELECT * FROM {} ORDER BY month").format(_name(REPORT))
        rows = connection.execute(query)
        columns = tuple(column.name for column in rows.description or ())
        return Results(_count(connection), Table(columns, rows.fetchall()))


def _count(connection: psycopg.Connection) -> int:
    if not _exists(connection, RAW):
        return 0
    query = sql.SQL("SELECT count(*) FROM {}").format(_name(RAW))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return bool(row and row[0])


def _name(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
