"""Statements that run by themselves."""

import pytest

from factory.transfer.snowflake import queries, session

from .conftest import LIMITS, Snowflake


def test_one_is_left_and_its_answer_taken_by_another_session(bench: Snowflake) -> None:
    bench.run("CREATE TABLE trips (id NUMBER(38,0))")
    insert = f"INSERT INTO {bench.schema}.trips VALUES (7)"
    bench.server.fail("INSERT INTO .*VALUES .7", "hold")
    kept = session.log_in({**bench.account.arguments(), "server_session_keep_alive": True})
    query_id = queries.begin(kept, insert)
    with pytest.raises(queries.Running, match=f"the query {query_id} runs on"):
        queries.wait(kept, query_id, patience=0)
    kept.close()
    assert bench.ids() == []
    bench.server.fail("", "release")
    with session.connected(bench.account, LIMITS) as another:
        queries.wait(another, query_id, patience=60)
        assert queries.answer(another, query_id, lambda cursor: cursor.fetchall()) == [(1,)]
        assert queries.answer(another, query_id, lambda cursor: cursor.fetchall()) == [(1,)]
    assert bench.ids() == [7]


def test_an_answer_that_is_lost_begins_nothing_twice(bench: Snowflake) -> None:
    bench.run("CREATE TABLE trips (id NUMBER(38,0))")
    bench.server.fail("INSERT INTO .*VALUES .8", "lose")
    with session.connected(bench.account, LIMITS) as connection:
        query_id = queries.begin(connection, f"INSERT INTO {bench.schema}.trips VALUES (%s)", [8])
        queries.wait(connection, query_id, patience=60)
    assert bench.ids() == [8]


def test_one_that_fails_says_so_when_its_answer_is_taken(bench: Snowflake) -> None:
    with session.connected(bench.account, LIMITS) as connection:
        query_id = queries.begin(connection, "SELECT * FROM nowhere")
        queries.wait(connection, query_id, patience=60)
        with pytest.raises(session.REFUSALS, match="NOWHERE"):
            queries.answer(connection, query_id, lambda cursor: cursor.fetchall())


def test_one_that_is_ended(bench: Snowflake) -> None:
    bench.run("CREATE TABLE trips (id NUMBER(38,0))")
    bench.server.fail("INSERT INTO .*VALUES .9", "hold")
    with session.connected(bench.account, LIMITS) as connection:
        query_id = queries.begin(connection, f"INSERT INTO {bench.schema}.trips VALUES (9)")
        queries.cancel(connection, query_id)
        queries.wait(connection, query_id, patience=60)
        with pytest.raises(session.ERRORS, match="SQL execution canceled"):
            queries.answer(connection, query_id, lambda cursor: cursor.fetchall())
    bench.server.fail("", "release")
    assert bench.ids() == []


def test_one_that_nobody_knows(bench: Snowflake) -> None:
    with session.connected(bench.account, LIMITS) as connection:
        unknown = "01234567-0000-0000-0000-000000000000"
        assert queries.state(connection, unknown) == "unknown"
