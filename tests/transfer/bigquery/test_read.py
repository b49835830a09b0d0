"""What is read of BigQuery arrives as it is, by the Storage Read API or without it."""

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import PermissionDenied

from factory.definitions.reads import Part, Rows, Window
from factory.stores.disk import Disk
from factory.transfer.bigquery import read as reading
from factory.transfer.errors import Missing, TransferError
from factory_embedded.bigquery_proxy import Answer, Request, refusal

from .conftest import Fault
from .datasets import BigQuery


@pytest.fixture
def orders(bench: BigQuery) -> BigQuery:
    bench.ask(
        f"CREATE TABLE {bench.dataset}.orders (id INT64, total NUMERIC, tags ARRAY<STRING>,"
        " said JSON, at TIMESTAMP)".replace(" at ", " `at` ")
    )
    for number in (1, 2, 3):
        bench.ask(
            f"INSERT INTO {bench.dataset}.orders VALUES ({number}, NUMERIC '{number}.25',"
            f" ['x', 'y'], PARSE_JSON('{{\"a\": {number}}}'),"
            f" TIMESTAMP '2024-01-0{number} 12:00:00+00:00')"
        )
    return bench


def came(bench: BigQuery, **rows: Any) -> pa.Table:
    path = str(bench.stage / "came.parquet")
    reading.read(bench.api, Rows(**rows), Disk(), path)
    return pq.read_table(path)


def test_a_table(orders: BigQuery) -> None:
    found = came(orders, table=f"{orders.dataset}.orders").sort_by("id")
    assert found.schema.field("at").type == pa.timestamp("us", "UTC")
    assert found.schema.field("total").type == pa.decimal128(38, 9)
    first = found.to_pylist()[0]
    assert (first["total"], first["tags"]) == (Decimal("1.25"), ["x", "y"])
    assert first["said"].replace(" ", "") == '{"a":1}'
    assert first["at"] == datetime(2024, 1, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("rows", "ids"),
    [
        ({"where": "total > 2 -- of money"}, [2, 3]),
        ({"columns": ("id",)}, [1, 2, 3]),
        ({"part": Part("id", 2, None)}, [2, 3]),
        ({"part": Part("id", None, 2)}, [1]),
        (
            {
                "window": Window(
                    "at",
                    datetime(2024, 1, 2, tzinfo=timezone.utc),
                    datetime(2024, 1, 3, tzinfo=timezone.utc),
                    timezone.utc,
                )
            },
            [2],
        ),
    ],
)
def test_some_of_its_rows(orders: BigQuery, rows: dict[str, Any], ids: list[int]) -> None:
    found = came(orders, table=f"{orders.dataset}.orders", **rows)
    assert sorted(found.column("id").to_pylist()) == ids


def test_a_query(orders: BigQuery) -> None:
    query = f"SELECT id, id * 2 AS twice FROM {orders.dataset}.orders -- all of them"
    found = came(orders, query=query).sort_by("id")
    assert found.to_pydict() == {"id": [1, 2, 3], "twice": [2, 4, 6]}


def test_parts_of_a_table(orders: BigQuery) -> None:
    rows = Rows(table=f"{orders.dataset}.orders")
    found = reading.split(orders.api, rows, "id", 2)
    parts = [came(orders, table=rows.table, part=part) for part in found]
    assert sorted(pa.concat_tables(parts).column("id").to_pylist()) == [1, 2, 3]


def test_without_the_right_to_the_storage_api(
    orders: BigQuery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The stand-in refuses nobody."""

    def refused(*_: object) -> Any:
        raise PermissionDenied("bigquery.readsessions.create")  # type: ignore[no-untyped-call]

    table = f"{orders.dataset}.orders"
    whole = came(orders, table=table).sort_by("id")
    monkeypatch.setattr(reading, "_streamed", refused)
    assert came(orders, table=table).sort_by("id") == whole
    assert "roles/bigquery.readSessionUser" in caplog.text


@pytest.mark.parametrize("by_storage", [True, False])
@pytest.mark.parametrize("rows", [{}, {"where": "id > 0"}, {"part": Part("id", None, 9)}])
def test_a_table_that_asks_for_a_filter_on_its_partitions(
    orders: BigQuery,
    faults: list[Fault],
    monkeypatch: pytest.MonkeyPatch,
    rows: dict[str, Any],
    by_storage: bool,
) -> None:
    """The stand-in asks for none: BigQuery refuses a query, and a session, that has no such."""
    facts = orders.facts("orders")
    by = {"type": "DAY", "field": "at", "requirePartitionFilter": True}
    told = json.dumps({**facts, "timePartitioning": by, "requirePartitionFilter": True}).encode()

    def refuses(request: Request) -> Answer | None:
        if request.method == "GET" and request.path.endswith("/tables/orders"):
            return Answer(200, told)
        text = request.job.get("configuration", {}).get("query", {}).get("query", "")
        if "`orders`" in text and "(`at` IS NULL OR `at` >= TIMESTAMP" not in text:
            return refusal(400, "invalidQuery", "Cannot query over table without a filter")
        return None

    asked: list[str] = []
    whole = reading._streamed

    def streamed(jobs: Any, found: reading.Found) -> Any:
        asked.append(found.every)
        if not by_storage:
            raise PermissionDenied("bigquery.readsessions.create")  # type: ignore[no-untyped-call]
        return whole(jobs, found)

    monkeypatch.setattr(reading, "_streamed", streamed)
    faults.append(refuses)
    found = came(orders, table=f"{orders.dataset}.orders", **rows)
    assert sorted(found.column("id").to_pylist()) == [1, 2, 3]
    if not rows:
        assert asked == ["(`at` IS NULL OR `at` >= TIMESTAMP '0001-01-01T00:00:00+00:00')"]


def test_what_is_not_there_is_named(orders: BigQuery) -> None:
    with pytest.raises(Missing, match="there is no table or view") as error:
        came(orders, table=f"{orders.dataset}.order")
    assert "orders" in str(error.value.hint)
    with pytest.raises(Missing, match="there is no column 'totl'"):
        came(orders, table=f"{orders.dataset}.orders", columns=("totl",))


def test_what_is_no_column_of_a_file_is_refused(orders: BigQuery) -> None:
    with pytest.raises(TransferError, match="'both' is STRUCT<"):
        came(orders, query="SELECT STRUCT(1 AS a, 'x' AS b) AS both")


def test_a_wrong_query_is_told(orders: BigQuery) -> None:
    with pytest.raises(TransferError, match="the query: BigQuery said: "):
        came(orders, query="SELECT nothing FROM nowhere.at_all")
