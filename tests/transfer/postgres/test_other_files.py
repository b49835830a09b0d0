"""Files that are not what a table expects, from the file to PostgreSQL."""

from typing import Any

import pytest

from factory.definitions import formats, writes
from factory.definitions.warehouses import POSTGRES
from factory.stores.disk import Disk
from factory.transfer.errors import BadRow, SchemaChanged, TransferError
from factory.transfer.postgres.load import load
from factory.transfer.target import Target
from factory.transfer.to_parquet import to_parquet

from .conftest import Warehouse

HTML = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Your link has expired</h1></body></html>
"""
LIMITED = b'{"error":"rate limit exceeded","code":429}\n'
HEADER = "contracts_implementation_transactions_payer_additionalIdentifiers_scheme"
LONG = f"{HEADER},b\n1,2\n".encode()
NUL = b'{"id":1,"app":"Wall\\u0000Control"}\n'


def ingest(
    warehouse: Warehouse, content: bytes, format: Any = "csv", mode: str = "replace", **target: Any
) -> int:
    """As the tasks of a step have it, one after the other."""
    given = formats.of({"type": format} if isinstance(format, str) else format)
    disk, source, staged = Disk(), warehouse.stage / "f", str(warehouse.stage / "f.parquet")
    source.write_bytes(content)
    to_parquet(disk, [str(source)], disk, staged, format=given, into=Target(holds=POSTGRES))
    table, write = f"{warehouse.schema}.trips", writes.parse({"mode": mode})
    options = {"load_id": "run 1", **target}
    return load(warehouse.uri, disk, [staged], table=table, write=write, **options).rows


def refused(warehouse: Warehouse, *given: Any, **options: Any) -> TransferError:
    with pytest.raises(TransferError) as raised:
        ingest(warehouse, *given, **options)
    return raised.value


@pytest.mark.parametrize("policy", ["fail", "add_columns", "ignore"])
@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize(("page", "begins"), [(HTML, "<!DOCTYPE html>"), (LIMITED, '{"error":')])
def test_an_error_page_is_no_table_and_empties_none(
    page: bytes, begins: str, mode: str, policy: str, warehouse: Warehouse
) -> None:
    for there in (set(), {"trips", "_factory_loads"}):
        error = refused(warehouse, page, mode=mode, on_schema_change=policy)
        assert isinstance(error, BadRow)
        assert f"it begins with '{begins}" in error.message
        assert warehouse.tables() == there
        ingest(warehouse, b"id,name\n1,x\n", load_id="run 0")
    assert warehouse.rows() == [(1, "x")]


def test_nothing_in_common(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, name text)")
    warehouse.run("INSERT INTO {} VALUES (1, 'x')")
    for content, policy in (
        (b"a,b\n1,2\n", "ignore"),
        (b"a,b\n1,2\n", "add_columns"),
        (b"error: rate limit exceeded\n", "add_columns"),  # a header without rows
        (b"error: rate limit exceeded\n", "ignore"),
    ):
        error = refused(warehouse, content, on_schema_change=policy)
        assert isinstance(error, SchemaChanged)
        names = "a, b" if content.startswith(b"a") else "error_rate_limit_exceeded"
        assert error.message.startswith(f"none of the load's columns ({names}) is a column of ")
        assert error.message.endswith(".trips, which has id, name")
    assert (warehouse.rows(), warehouse.tables()) == ([(1, "x")], {"trips"})


@pytest.mark.parametrize("policy", ["add_columns", "ignore"])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_nothing_in_common_but_columns_that_are_declared(
    mode: str, policy: str, warehouse: Warehouse
) -> None:
    """An error in JSON Lines is a row; what it lacks of the declared columns is null."""
    warehouse.run("CREATE TABLE {} (id bigint, name text)")
    warehouse.run("INSERT INTO {} VALUES (1, 'x')")
    declared = {"type": "jsonl", "columns": {"id": "bigint", "name": "text"}}
    error = refused(warehouse, LIMITED, declared, mode, on_schema_change=policy)
    assert "none of the load's columns with a value (error, code) is a col" in error.message
    assert (warehouse.rows(), warehouse.tables()) == ([(1, "x")], {"trips"})
    rows = b'{"id": null, "name": null, "more": 1}\n{"id": 2, "more": 1}\n'
    assert ingest(warehouse, rows, declared, mode, on_schema_change=policy) == 2


def test_a_long_header(warehouse: Warehouse) -> None:
    error = refused(warehouse, LONG, mode="append")
    assert f"/f: the column '{HEADER}'" in error.message
    assert f"`rename: {{{HEADER}: …}}`" in str(error.hint)
    format = {"type": "csv", "rename": {HEADER: "payer_scheme"}}
    assert ingest(warehouse, LONG, format, "append") == 1
    assert warehouse.rows("payer_scheme, b") == [(1, 2)]


@pytest.mark.parametrize("columns", [{}, {"app": "text"}])
def test_a_nul_has_ways_on(columns: dict[str, str], warehouse: Warehouse) -> None:
    error = refused(warehouse, NUL, {"type": "jsonl", "columns": columns}, mode="append")
    assert "/f:1: column 'app': a text with a NUL" in error.message
    assert error.hint == (
        "Remove it from the file, set such rows aside (`on_bad_row: quarantine`), or declare the "
        "column `columns: {app: json}` or `columns: {app: binary}`"
    )
    for word, value in (("json", '"Wall\\u0000Control"'), ("binary", b"Wall\0Control")):
        warehouse.run("DROP TABLE IF EXISTS {}")
        format = {"type": "jsonl", "columns": {"app": word}}
        assert ingest(warehouse, NUL, format, "append", load_id=word) == 1
        assert warehouse.rows("app") == [(value,)]
