"""What a load into Snowflake survives, and what it refuses."""

import logging
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.errors import BadOption, BadRow, SchemaChanged, TransferError
from factory.transfer.snowflake import publish

from ..warehouse.contract import LEAST, rows_of, verdicts
from .conftest import Snowflake


@pytest.mark.parametrize("statement", ["COPY INTO", r"INSERT INTO .*TRIPS", "COMMIT"])
def test_an_answer_that_is_lost(bench: Snowflake, statement: str) -> None:
    """The connector asks again, by the same id, and what ran once is not run twice."""
    bench.server.fail(statement, "lose")
    assert bench.load(rows_of(1, 2)).published
    assert bench.ids() == [1, 2]


@pytest.mark.parametrize("statement", ["COPY INTO", "MERGE INTO", "COMMIT"])
def test_a_statement_that_ends_too_late(bench: Snowflake, statement: str) -> None:
    bench.load(rows_of(1), "merge")
    bench.server.fail(statement, "refuse")
    with pytest.raises(TransferError, match="statement or warehouse timeout") as raised:
        bench.load(rows_of(1, 2, name="b"), "merge", load_id="run 2", statement_timeout=7)
    assert raised.value.hint == "The `statement_timeout` of the step is 7 s"
    assert [row[:2] for row in bench.rows()] == [(1, "a")]
    bench.load(rows_of(1, 2, name="b"), "merge", load_id="run 2")
    assert [row[:2] for row in bench.rows()] == [(1, "b"), (2, "b")]
    assert bench.tables() == {"trips"}


def test_a_try_that_was_taken_for_dead_publishes_nothing(
    bench: Snowflake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has written its rows, and another try of the same load comes before it has noted them."""
    record = publish.record

    def late(*given: Any) -> None:
        monkeypatch.setattr(publish, "record", record)
        assert bench.load(rows_of(1, 2)).published
        record(*given)

    monkeypatch.setattr(publish, "record", late)
    with pytest.raises(TransferError, match="another try of this load has ended this one"):
        bench.load(rows_of(1, 2))
    assert bench.ids() == [1, 2]
    assert not bench.load(rows_of(1, 2)).published
    assert bench.ids() == [1, 2]


VALUES = [
    ("NUMBER(3,0)", pa.int64(), 999, 1000),
    ("NUMBER(5,2)", pa.decimal128(9, 3), Decimal("1.250"), Decimal("1.255")),
    ("NUMBER(9,0)", pa.float64(), 2.0, 2.5),
    ("FLOAT", pa.int64(), 2**53, 2**53 + 1),
    ("VARCHAR(2)", pa.string(), "üü", "abc"),
    ("FLOAT", pa.decimal128(20, 0), 2**53, 2**53 + 1),
    ("FLOAT", pa.uint64(), 2**53, 2**53 + 1),
    ("VARCHAR NOT NULL", pa.string(), "a", None),
    ("VARCHAR DEFAULT 'x' NOT NULL", pa.string(), "a", None),
    ("VARIANT", pa.string(), '{"a": [1, null]}', "{a}"),
    ("VARIANT", pa.string(), '{"a": [1, null]}', ""),
    ("VARIANT", pa.string(), '{"a": [1, null]}', "NaN"),
    ("DATE", pa.date32(), date(9999, 12, 31), 2_932_897),
    ("TIMESTAMP_NTZ(6)", pa.timestamp("us"), datetime(1, 1, 1), 253_402_300_800_000_000),
]


@pytest.mark.parametrize(("kind", "type", "good", "bad"), VALUES)
def test_a_value_that_its_column_cannot_hold(
    bench: Snowflake, kind: str, type: pa.DataType, good: object, bad: object
) -> None:
    bench.run(f"CREATE TABLE trips (id NUMBER(38,0), x {kind})")
    with pytest.raises(BadRow, match=r"row 2 of the load: column 'x'"):
        bench.load(pa.table({"id": [1, 2], "x": pa.array([good, bad], type)}))
    assert bench.ids() == []
    bench.load(pa.table({"id": [1], "x": pa.array([good], type)}))
    (found,) = bench.read().column("x").to_pylist()
    assert found == good or found == '{"a":[1,null]}'


def test_a_table_that_was_made_in_quotes_and_columns_that_are_one(bench: Snowflake) -> None:
    bench.run('CREATE TABLE trips ("id" NUMBER(38,0), NAME VARCHAR, day DATE)')
    bench.load(rows_of(1), "merge")
    assert bench.run("SELECT NAME, DAY FROM trips") == [("a", date(2024, 1, 1))]
    with pytest.raises(TransferError, match="'id' and 'Id' are both ID in Snowflake"):
        bench.load(rows_of(2).append_column("Id", pa.array([1])), load_id="run 2")
    with pytest.raises(BadOption, match="of our own"):
        bench.load(rows_of(2), table="_factory_loads", load_id="run 2")


def test_a_column_that_differs_from_one_in_quotes_by_case_alone(bench: Snowflake) -> None:
    """It would stand beside it, half of its rows in each."""
    bench.run('CREATE TABLE trips (id NUMBER(38,0), "Name" VARCHAR, day DATE)')
    for policy in ("add_columns", "fail", "ignore"):
        with pytest.raises(TransferError, match="would be NAME, and the table has 'Name' in"):
            bench.load(rows_of(1), on_schema_change=policy)
    bench.load(rows_of(1).rename_columns(["id", "Name", "day"]))
    assert bench.run('SELECT "Name" FROM trips') == [("a",)]


def test_json_and_what_is_nested_is_a_variant(bench: Snowflake) -> None:
    nested = pa.table({"id": [1], "x": [[1, None]], "y": [{"a": "ü", "b": Decimal("1.50")}]})
    bench.load(nested.append_column("z", pa.array(['{"a": 1}'], pa.json_())))
    assert bench.read().to_pylist() == [
        {"id": Decimal(1), "x": "[1,null]", "y": '{"a":"ü","b":"1.50"}', "z": '{"a":1}'}
    ]


def test_names_of_a_spreadsheet(bench: Snowflake) -> None:
    names = ["COMPONENT\nCOMBINATION", "order", " led by a space", "1st"]
    bench.load(pa.table([[1], [2], [3], [4]], names=names), "replace")
    assert bench.read().column_names == names


@pytest.mark.parametrize(
    ("kind", "type", "value"),
    [
        ("DATE", pa.timestamp("us"), datetime(2024, 1, 1, 12)),
        ("TIMESTAMP_NTZ", pa.timestamp("us", "UTC"), datetime(2024, 1, 1, 12)),
        ("VARCHAR", pa.float64(), 1.5),
        ("FLOAT", pa.string(), "1.5"),
    ],
)
def test_a_column_of_another_type_is_not_made_over(
    bench: Snowflake, kind: str, type: pa.DataType, value: object
) -> None:
    bench.run(f"CREATE TABLE trips (id NUMBER(38,0), x {kind})")
    with pytest.raises(SchemaChanged, match=f"its column 'x' is {kind}.*, the load's is "):
        bench.load(
            pa.table({"id": [1], "x": pa.array([value], type)}), on_schema_change="add_columns"
        )
    assert bench.run("SELECT * FROM trips") == []


def test_a_table_that_was_made_anew_since(bench: Snowflake) -> None:
    bench.load(rows_of(1))
    bench.run("CREATE OR REPLACE TABLE trips (id NUMBER(38,0), name VARCHAR, day DATE)")
    assert bench.load(rows_of(1)).published
    bench.run("CREATE OR REPLACE TABLE trips (id NUMBER(38,0), name VARCHAR, day DATE)")
    bench.run("INSERT INTO trips (id) VALUES (7)")
    with pytest.raises(TransferError, match="was made anew since, and has rows"):
        bench.load(rows_of(1))


def test_a_table_that_was_dropped_takes_all_its_loads_again(bench: Snowflake) -> None:
    runs = {1: "run 1", 2: "run 2", 3: "run 3"}
    for number, run in runs.items():
        bench.load(rows_of(number), load_id=run)
    bench.run("DROP TABLE trips")
    for number, run in runs.items():
        assert bench.load(rows_of(number), load_id=run).published
    assert bench.ids() == [1, 2, 3]
    assert not bench.load(rows_of(2), load_id="run 2").published


@pytest.mark.parametrize("statement", ["DELETE FROM trips", "TRUNCATE TABLE trips"])
def test_rows_that_were_deleted_since(bench: Snowflake, statement: str) -> None:
    bench.load(rows_of(1))
    bench.run(statement)
    with pytest.raises(TransferError, match="is empty: were they deleted since") as raised:
        bench.load(rows_of(1))
    bench.run(str(raised.value.hint).partition(": ")[2])
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1]


def test_a_null_of_a_row_that_is_not_published(bench: Snowflake) -> None:
    bench.run("CREATE TABLE trips (id NUMBER(38,0), name VARCHAR NOT NULL)")
    rows = pa.table({"id": [1, 1], "name": [None, "b"]})
    bench.load(rows, {"mode": "merge", "key": ["id"], "duplicates": "last"})
    assert bench.rows() == [(1, "b")]


def test_other_rows_of_a_load_that_was_published(bench: Snowflake) -> None:
    bench.load(rows_of(1))
    with pytest.raises(TransferError, match="are not the same, and not added"):
        bench.load(rows_of(2))
    assert bench.ids() == [1]


def test_a_column_that_is_needed(bench: Snowflake) -> None:
    bench.run("CREATE TABLE trips (id NUMBER(38,0), name VARCHAR NOT NULL, day DATE)")
    with pytest.raises(SchemaChanged, match=r"'name' \(VARCHAR, not null\) is not in the load"):
        bench.load(rows_of(1).drop_columns(["name"]), on_schema_change="ignore")


@pytest.mark.parametrize("statement", ["CREATE TABLE .*CHECKS", "INSERT INTO .*CHECKS"])
def test_a_role_that_may_not_keep_what_checks_found(
    bench: Snowflake, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    """It loads, and the log has the statement for who may."""
    bench.load(rows_of(1), load_id="run 0")
    caplog.set_level(logging.INFO)
    for published in (True, False):
        bench.server.fail(statement, "deny")
        done = bench.load(rows_of(2), "append", LEAST)
        assert done.published is published
    assert "an earlier try that kept no results" in done.checks[0].message
    assert "GRANT SELECT, INSERT, DELETE ON " in caplog.text
    for _ in range(2):
        done = bench.load(rows_of(3), "append", LEAST, load_id="run 2")
        assert verdicts(done) == [("row_count", "error", "passed")]
    assert bench.ids() == [1, 2, 3]
