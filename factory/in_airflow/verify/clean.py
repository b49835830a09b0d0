"""Reach the warehouse; take away what was made, and see that it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from factory.transfer.errors import Missing
from factory.transfer.warehouse.parts import Table
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.warehouse import Drops, Warehouse

_SECONDS = 300


def reached(conn_id: str) -> str:
    """Log in; the warehouse's name. Raises what its driver raises, and `BadOption`."""
    from factory.in_airflow.connections import warehouse_of

    warehouse, address = warehouse_of(conn_id, application="factory verify")
    with warehouse.connected(address, _SECONDS):
        return warehouse.can.name


def drop(conn_id: str, tables: Sequence[str]) -> list[str]:
    """Drop tables, with what is noted of their loads; those that may still be there."""
    from factory.in_airflow.connections import warehouse_of

    warehouse, address = warehouse_of(conn_id, application="factory verify")
    left = []
    with warehouse.connected(address, _SECONDS) as session:
        for name in tables:
            table = warehouse.table(name)
            _drop(warehouse, session, table)
            try:
                warehouse.columns(session, table)
            except Missing:
                continue
            left.append(name)
    return left


def _drop(warehouse: Warehouse[Any], session: Any, table: Table) -> None:
    """By its own `drop`, which forgets the table's loads, too; else by SQL."""
    from sqlglot import exp

    if isinstance(warehouse, Drops):
        warehouse.drop(session, table)
        return
    rows = warehouse.rows(session, Subject(table, ()))
    with suppress(Exception):  # some drivers say by an error that this gives no rows
        rows.run(rows.sql(exp.Drop(this=rows.table, kind="TABLE", exists=True)))
