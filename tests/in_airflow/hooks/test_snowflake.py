"""Which statements may be left to run by themselves."""

import pytest
from snowflake.connector.constants import QueryStatus

from factory.in_airflow.hooks.databases import Left
from factory.in_airflow.hooks.snowflake import Snowflake
from factory.transfer.errors import TransferError
from factory.transfer.snowflake import queries


@pytest.mark.parametrize(
    ("sql", "alone"),
    [
        ("SELECT 1;", "SELECT 1"),
        ("-- all\nINSERT INTO a SELECT ';'", "-- all\nINSERT INTO a SELECT ';'"),
        ("/* x */ (SELECT 1)", "/* x */ (SELECT 1)"),
        ("with a as (select 1) select * from a", "with a as (select 1) select * from a"),
        ("create or replace table a as select 1", "create or replace table a as select 1"),
        ("CALL load()", None),
        ("WITH p AS PROCEDURE () RETURNS INT AS $$ BEGIN DELETE FROM a; END $$ CALL p()", None),
        ("BEGIN; DELETE FROM a; COMMIT", None),
        ("DELETE FROM a; INSERT INTO a SELECT 1", None),
        ("EXECUTE IMMEDIATE $$ BEGIN DELETE FROM a; END $$", None),
        ("USE WAREHOUSE x", None),
        ("", None),
    ],
)
def test_a_statement_alone(sql: str, alone: str | None) -> None:
    hook = Snowflake("sf")
    assert hook._alone(sql) == alone
    assert hook._alone(sql, split_statements=False) is None
    assert hook._alone([sql]) is None


class Forgetful:
    """A session of an account that knows no query of this id, any more or yet."""

    def get_query_status(self, query_id: str) -> QueryStatus:
        return QueryStatus.NO_DATA

    def close(self) -> None:
        return None


def test_a_query_that_is_gone_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The triggerer has given up on it: a task that left it once more would never end."""
    monkeypatch.setattr(queries, "begin", lambda *given: "x-1")
    monkeypatch.setattr(Snowflake, "get_conn", lambda self: Forgetful())
    hook = Snowflake("sf")
    hook.patience = 0
    with pytest.raises(Left):  # one that has just begun may be unknown yet
        hook.run("SELECT 1")
    assert hook.begun == "x-1"
    with pytest.raises(TransferError, match="does not know the query x-1 any more"):
        hook.run("SELECT 1")
