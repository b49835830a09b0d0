"""The trigger by itself, in an event loop of the test."""

import asyncio
from pkgutil import resolve_name

import pytest
from airflow.models.trigger import Trigger

from factory.in_airflow.connections import snowflake_account
from factory.in_airflow.triggers import snowflake
from factory.in_airflow.triggers.snowflake import QueryEnded
from factory.transfer.snowflake import queries, session
from factory_embedded.services import snowflake as server


def fire(trigger: QueryEnded) -> object:
    async def first() -> object:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(first())


def test_it_fires_when_nobody_can_look() -> None:
    """As Airflow does it: stored as JSON, made again in another process; the task tells why."""
    kept = Trigger.from_object(QueryEnded("no_such_connection", "x-1"))
    again = resolve_name(kept.classpath)(**kept.kwargs)
    assert fire(again) == [{"begun": "x-1"}]


def test_it_gives_up_on_what_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake, "POLL", 0.0)
    states = iter(["running", *["unknown"] * 59, "running", *["unknown"] * 61, "running"])
    monkeypatch.setattr(QueryEnded, "_state", lambda self: next(states))
    assert fire(QueryEnded("sf", "x-1")) == [{"begun": "x-1"}]
    assert [*states] == ["running"]


def test_who_ends_a_deferred_task_ends_its_statement(
    real_snowflake: server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SF", real_snowflake.connection.json)
    real_snowflake.fail("SELECT 'a long one'", "hold")
    with session.connected(snowflake_account("sf"), session.Limits()) as connection:
        query_id = queries.begin(connection, "SELECT 'a long one'")
        assert queries.state(connection, query_id) == "running"
        asyncio.run(QueryEnded("sf", query_id).on_kill())
        queries.wait(connection, query_id, patience=60)
        with pytest.raises(session.ERRORS, match="SQL execution canceled"):
            queries.answer(connection, query_id, lambda cursor: cursor.fetchall())
    real_snowflake.fail("", "release")
