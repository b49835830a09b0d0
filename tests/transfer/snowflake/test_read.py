"""What is read of Snowflake beside whole tables, and checks of tables."""

from datetime import date
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from factory.definitions import checks
from factory.definitions.reads import Part, Rows
from factory.stores.disk import Disk
from factory.transfer.errors import BadOption, ChecksFailed, Missing, TransferError
from factory.transfer.snowflake.read import read, split
from factory.transfer.warehouse.check import check
from factory.transfer.warehouse.warehouse import find

from ..warehouse.contract import rows_of
from .conftest import Snowflake


def test_a_query_and_some_columns(bench: Snowflake) -> None:
    bench.load(rows_of(1, 2))
    found = bench.read(columns=("name", "ID"), where="id > 1 -- of all", as_text=("ID",))
    assert found.to_pylist() == [{"name": "a", "ID": "2"}]
    path = str(bench.stage / "query.parquet")
    query = f'SELECT id AS order_id, day AS "Day" FROM {bench.schema}.trips ORDER BY 1 -- all'
    done = read(bench.account, Rows(query=query), Disk(), path)
    assert done.rows == 2
    assert pq.read_table(path).to_pylist() == [
        {"order_id": Decimal(number), "Day": date(2024, 1, 1)} for number in (1, 2)
    ]
    assert split(bench.account, Rows(table=f"{bench.schema}.trips"), "id", 2) == [
        Part("id", None, 2),
        Part("id", 2, None),
    ]


def test_what_is_not_there_is_told_with_what_is_near(bench: Snowflake) -> None:
    bench.load(rows_of(1))
    with pytest.raises(Missing, match="no table or view") as raised:
        bench.read("trip")
    assert raised.value.hint == "Did you mean 'TRIPS'?"
    with pytest.raises(Missing, match="no column 'nam'") as raised:
        bench.read(columns=("nam",))
    assert raised.value.hint == "Did you mean 'name'?"
    with pytest.raises(TransferError, match="can't be split by 'name', which is VARCHAR"):
        split(bench.account, Rows(table=f"{bench.schema}.trips"), "name", 2)


def test_a_table_is_checked_by_either_spelling(bench: Snowflake) -> None:
    bench.load(rows_of(1, 2))
    asked: list[dict[str, object]] = [
        {"type": "not_null", "columns": ["id", "DAY"]},
        {"type": "sql", "condition": "id > 0"},
        {"type": "sql", "query": "SELECT COUNT(id) = 2 FROM {table}"},
    ]
    table = f"{bench.schema}.trips"
    found = find("snowflake")
    parsed = [checks.parse(one) for one in asked]
    assert check(found, bench.account, table=table, checks=parsed).rows == 2
    wrong = [checks.parse({"type": "accepted_values", "column": "name", "values": ["b"]})]
    with pytest.raises(ChecksFailed, match="'a' in 2 rows"):
        check(found, bench.account, table=table, checks=wrong)
    unknown = [checks.parse({"type": "sql", "condition": "nothing > 0"})]
    with pytest.raises(BadOption, match="Snowflake said"):
        check(found, bench.account, table=table, checks=unknown)
