"""Which statements may be left to run by themselves."""

import pytest

from factory.in_airflow.hooks.snowflake import Snowflake


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
