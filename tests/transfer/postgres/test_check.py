"""A table that exists, checked: what it may be, and what it is not."""

from datetime import datetime, timezone
from functools import partial
from typing import Any

import psycopg
import pytest

from factory.definitions import checks as definitions
from factory.transfer.errors import BadOption, ChecksFailed, Missing, TransferError
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.warehouse.check import Checked
from factory.transfer.warehouse.check import check as check_any

from .conftest import Warehouse

check = partial(check_any, WAREHOUSE)
MIN = {"type": "row_count", "min": 2}


@pytest.fixture
def trips(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE {} (id int, day date) PARTITION BY RANGE (day)", "trips")
    warehouse.run(
        "CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')",
        "trips_january",
        "trips",
    )
    warehouse.run("INSERT INTO {} VALUES (1, '2024-01-01'), (2, '2024-01-02')", "trips")
    return warehouse


def checked(
    trips: Warehouse, *checks: dict[str, Any], table: str = "trips", **more: Any
) -> Checked:
    given = [definitions.parse(each) for each in checks or (MIN,)]
    return check(trips.uri, table=f"{trips.schema}.{table}", checks=given, **more)


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW", "TABLE"])
def test_a_partitioned_table_and_what_is_made_of_it(trips: Warehouse, kind: str) -> None:
    trips.run(f"CREATE {kind} {{}} AS SELECT id AS number, day FROM {{}}", "other", "trips")
    accepted = {"type": "accepted_values", "column": "number", "values": [1, 2]}
    done = checked(trips, MIN, accepted, table="other")
    assert (done.rows, [result.passed for result in done.checks]) == (2, [True, True])
    assert checked(trips, {"type": "unique", "columns": ["id"]}).rows == 2


def test_only_some_rows_and_the_moment_of_the_run(trips: Warehouse) -> None:
    fresh = {"type": "freshness", "column": "day", "max_age": "1d"}
    moment = datetime(2024, 1, 3, tzinfo=timezone.utc)
    assert checked(trips, fresh, as_of=moment).rows == 2
    with pytest.raises(ChecksFailed, match=r"2\.0d old, expected at most 1d"):
        checked(trips, fresh, as_of=moment, where="id = 1")
    with pytest.raises(ChecksFailed, match="expected at most 1d"):
        checked(trips, fresh)


def test_what_is_not_there(trips: Warehouse) -> None:
    with pytest.raises(
        Missing, match=r"there is no table or view .*\.tirps\. Did you mean 'trips'"
    ):
        checked(trips, table="tirps")
    near = trips.schema[:-1]
    with pytest.raises(Missing, match=f"there is no schema '{near}' .* mean '{trips.schema}'"):
        check(trips.uri, table=f"{near}.trips", checks=[definitions.parse(MIN)])
    with pytest.raises(BadOption, match=r"unknown column .* 'idd'. Did you mean 'id'"):
        checked(trips, {"type": "not_null", "columns": ["idd"]})
    with pytest.raises(TransferError, match="is not a table"):
        check(trips.uri, table="a.b.c", checks=[definitions.parse(MIN)])


def test_a_wrong_pattern_is_told_also_for_an_empty_table(trips: Warehouse) -> None:
    trips.run("DELETE FROM {}")
    with pytest.raises(BadOption, match="in the check matches: PostgreSQL said: invalid regular"):
        checked(trips, {"type": "matches", "column": "id", "pattern": "("})


def test_max_change_is_of_a_load_only(trips: Warehouse) -> None:
    with pytest.raises(BadOption, match="compares a load with the one before"):
        checked(trips, {"type": "row_count", "max_change": 1})


def test_it_takes_no_longer_than_told(trips: Warehouse) -> None:
    slow = {"type": "sql", "query": "SELECT pg_sleep(20) IS NOT NULL"}
    with pytest.raises(TransferError, match="due to statement timeout"):
        checked(trips, slow, statement_timeout=0.1)


def test_a_table_that_may_not_be_read(trips: Warehouse) -> None:
    role = f"reader_of_{trips.schema}"
    trips.run(f"CREATE ROLE {role} LOGIN")
    trips.run(f"GRANT USAGE ON SCHEMA {trips.schema} TO {role}")
    try:
        uri = psycopg.conninfo.make_conninfo(trips.uri, user=role)
        with pytest.raises(TransferError, match="permission denied for table trips"):
            check(uri, table=f"{trips.schema}.trips", checks=[definitions.parse(MIN)])
        trips.run(f"GRANT SELECT ON {{}} TO {role}")
        assert check(uri, table=f"{trips.schema}.trips", checks=[definitions.parse(MIN)]).rows == 2
    finally:
        trips.run(f"DROP OWNED BY {role}")
        trips.run(f"DROP ROLE {role}")


def test_a_server_that_is_not_there(trips: Warehouse) -> None:
    with pytest.raises(TransferError, match=r"s\.t: PostgreSQL said: "):
        check("postgresql://nobody@127.0.0.1:1/x", table="s.t", checks=[definitions.parse(MIN)])
