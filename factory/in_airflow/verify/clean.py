"""Reach the warehouse; take away what was made, and see that it is gone."""

from __future__ import annotations

from collections.abc import Sequence

from factory.transfer.errors import Missing
from factory.transfer.warehouse.warehouse import Drops

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
    if not isinstance(warehouse, Drops):
        return [*tables]
    left = []
    with warehouse.connected(address, _SECONDS) as session:
        for name in tables:
            table = warehouse.table(name)
            warehouse.drop(session, table)
            try:
                warehouse.columns(session, table)
            except Missing:
                continue
            left.append(name)
    return left
