"""Through a pooler: right, or refused at the start."""

import psycopg
import pytest

from factory.definitions.checks import RowCount
from factory.transfer.errors import TransferError
from factory.transfer.postgres import pooled
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.warehouse.check import check

from .conftest import APPEND, REPLACE, Warehouse
from .pooler import pooling

DATA = {"id": [1, 2], "name": ["a", "b"]}


@pytest.mark.parametrize("newest", [True, False])
def test_a_pooler_of_transactions_is_refused_at_the_start(
    newest: bool, warehouse: Warehouse
) -> None:
    warehouse.load(DATA, table="old")
    with pooling(warehouse.uri, mode="transaction", newest=newest) as uri:
        # Others are connected, too, so that sessions are there to be lent.
        others = [psycopg.connect(uri, autocommit=True) for _ in range(3)]
        for other in others:
            other.execute("SELECT 1")
        for write in (APPEND, REPLACE):
            with pytest.raises(TransferError, match="goes through a pooler that gives each trans"):
                warehouse.load(DATA, write, uri=uri)
        with pytest.raises(TransferError, match="Connect to PostgreSQL itself, or to a pool of"):
            check(WAREHOUSE, uri, table=f"{warehouse.schema}.old", checks=[RowCount(min=1)])
        for other in others:  # nothing was set in a session that others use
            assert other.execute("SHOW statement_timeout").fetchone() == ("0",)
            other.close()
    assert warehouse.tables() == {"old", "_factory_loads"}
    assert warehouse.locks() == []


def test_a_pooler_of_sessions_is_as_good_as_none(warehouse: Warehouse) -> None:
    with pooling(warehouse.uri, mode="session") as uri:
        for write in (APPEND, REPLACE, {"mode": "merge", "key": ["id"]}):
            for _ in range(2):
                warehouse.load(DATA, write, uri=uri)
            assert warehouse.rows() == [(1, "a"), (2, "b")]
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_what_the_look_at_the_start_does_not_see_the_publish_does(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's lock is looked for in the transaction that publishes."""
    warehouse.load(DATA)
    monkeypatch.setattr(pooled, "refuse", lambda conninfo, connection: None)
    with (
        pooling(warehouse.uri, mode="transaction", newest=False) as uri,
        psycopg.connect(uri),
        psycopg.connect(uri),
        pytest.raises(TransferError),
    ):
        warehouse.load(DATA, load_id="run 2", uri=uri, lock_timeout=2)
    assert warehouse.rows() == [(1, "a"), (2, "b")]
