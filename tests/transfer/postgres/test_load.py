import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from factory.transfer.errors import (
    BadOption,
    BadRow,
    ChecksFailed,
    SchemaChanged,
    TransferError,
)
from factory.transfer.postgres import load as loading
from factory.transfer.postgres import staging
from factory.transfer.warehouse.audit import Result
from factory.transfer.warehouse.parts import staging_prefix
from tests.patience import seconds

from .conftest import APPEND, REPLACE, Warehouse, on_both_stores

ONE: dict[str, list[Any]] = {"id": [1, 2], "name": ["a", "b"]}
TWO: dict[str, list[Any]] = {"id": [2, 3], "name": ["B", "c"]}
MERGE = {"mode": "merge", "key": ["id"]}


@on_both_stores
def test_append(warehouse: Warehouse) -> None:
    done = warehouse.load(ONE)
    assert (done.rows, done.published, done.mode) == (2, True, "append")
    assert done.bytes > 0
    warehouse.load(TWO, load_id="run 2")
    assert warehouse.rows() == [(1, "a"), (2, "B"), (2, "b"), (3, "c")]
    assert warehouse.tables() == {"trips", "_factory_loads"}


@on_both_stores
def test_a_repeated_append_adds_nothing(warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    again = warehouse.load(ONE)
    assert (again.rows, again.published) == (2, False)
    assert warehouse.rows() == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("gone", ["DROP TABLE {}", None])
def test_an_append_is_repeated_when_its_rows_are_gone(
    gone: str | None, warehouse: Warehouse
) -> None:
    warehouse.load(ONE)
    if gone:
        warehouse.run(gone)
    else:
        warehouse.load(TWO, REPLACE, load_id="run 2")
    assert warehouse.load(ONE).published


@on_both_stores
def test_replace(warehouse: Warehouse) -> None:
    for data in (ONE, ONE, TWO):
        warehouse.load(data, REPLACE)
        assert warehouse.rows() == list(zip(*data.values(), strict=True))
    assert warehouse.tables() == {"trips", "_factory_loads"}
    assert warehouse.run("SELECT relpersistence FROM pg_class WHERE oid = '{}'::regclass") == [
        ("p",)
    ]


KEPT = {
    "view": "CREATE VIEW {0}_v AS SELECT id FROM {0}",
    "index": "CREATE INDEX ON {} (id)",
    "grant": "GRANT SELECT ON {} TO pg_monitor",
    "column grant": "GRANT SELECT (id) ON {} TO pg_monitor",
    "primary key": "ALTER TABLE {} ADD PRIMARY KEY (id)",
    "not null": "ALTER TABLE {} ALTER id SET NOT NULL",
    "default": "ALTER TABLE {} ADD loaded timestamptz DEFAULT now()",
    "comment": "COMMENT ON TABLE {} IS 'ours'",
    "statistics": "CREATE STATISTICS ON id, name FROM {}",
    "policy": "CREATE POLICY p ON {}",
    "row type": "CREATE FUNCTION f({0}) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "setting": "ALTER TABLE {} SET (fillfactor = 50)",
    "setting of long values": "ALTER TABLE {} SET (toast.autovacuum_enabled = false)",
    "row security of the owner": "ALTER TABLE {} FORCE ROW LEVEL SECURITY",
    "storage": "ALTER TABLE {0} ALTER name SET STORAGE EXTERNAL",
    "collation": """ALTER TABLE {0} ALTER name TYPE text COLLATE "C" """,
}


@pytest.mark.parametrize("what", KEPT)
def test_replace_keeps_what_hangs_on_the_table(what: str, warehouse: Warehouse) -> None:
    warehouse.load(ONE, REPLACE)
    query = KEPT[what].replace("{0}_v", warehouse.schema + ".v")
    query = query.replace("FUNCTION f(", f"FUNCTION {warehouse.schema}.f(")
    warehouse.run(query)
    before = warehouse.run("SELECT '{}'::regclass::oid::int")
    warehouse.load(TWO, REPLACE)
    assert warehouse.run("SELECT '{}'::regclass::oid::int") == before
    assert warehouse.rows("id, name") == [(2, "B"), (3, "c")]


@pytest.mark.parametrize("of", ["ALL TABLES", "TABLES IN SCHEMA {}", "TABLE {}.trips"])
@pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])
def test_no_subscriber_is_told_of_a_staging_table(
    write: dict[str, object], of: str, warehouse: Warehouse
) -> None:
    """It knows none, and would stop there; and a table of another oid is another one to it."""
    options: dict[str, Any] = {"primary_key": ["id"], "load_id": "one"}
    told = "SELECT tablename FROM pg_publication_tables WHERE schemaname = %s"
    name = f"p_{warehouse.schema}"
    seen: set[str] = set()

    def look(*args: Any) -> float:
        with psycopg.connect(warehouse.uri) as connection:
            seen.update(name for (name,) in connection.execute(told, (warehouse.schema,)))
        return copied(*args)

    copied = staging.copy
    if of.startswith("TABLE "):
        warehouse.load(ONE, write, **options)
    warehouse.run(f"CREATE PUBLICATION {name} FOR {of.format(warehouse.schema)}")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loading, "copy", look)
            warehouse.load(ONE, write, **options)
            before = warehouse.run("SELECT '{}'::regclass::oid::int")
            if write != APPEND:
                warehouse.load(TWO, write, **options)
    finally:
        warehouse.run(f"DROP PUBLICATION {name}")
    assert seen <= {"trips", "_factory_loads"}
    assert warehouse.run("SELECT '{}'::regclass::oid::int") == before
    assert warehouse.run("SELECT count(*) FROM pg_index WHERE indrelid = '{}'::regclass") == [(1,)]


def test_replace_keeps_the_order_of_the_columns(warehouse: Warehouse) -> None:
    warehouse.load(ONE, REPLACE)
    warehouse.run("ALTER TABLE {0} DROP id; ALTER TABLE {0} ADD id bigint")
    warehouse.load(TWO, REPLACE)
    assert warehouse.rows() == [("B", 2), ("c", 3)]


def test_replace_keeps_foreign_keys(warehouse: Warehouse) -> None:
    warehouse.load(ONE, REPLACE)
    warehouse.run("ALTER TABLE {} ADD PRIMARY KEY (id)")
    warehouse.run("CREATE TABLE {} AS SELECT 2::bigint AS trip", "fares")
    warehouse.run("ALTER TABLE {} ADD FOREIGN KEY (trip) REFERENCES {}", "fares", "trips")
    with pytest.raises(TransferError, match="violates foreign key constraint"):
        warehouse.load(TWO, REPLACE)
    assert warehouse.rows() == [(1, "a"), (2, "b")]


@on_both_stores
def test_merge(warehouse: Warehouse) -> None:
    for data in (ONE, TWO, TWO):
        warehouse.load(data, MERGE)
    assert warehouse.rows() == [(1, "a"), (2, "B"), (3, "c")]
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_merge_into_a_wider_table_with_nulls(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (note text DEFAULT 'x', name text, \"the id\" numeric, n date)")
    data = {"the id": [1, 2], "name": ["a", None], "n": [None, None]}
    write = {"mode": "merge", "key": ["the id"]}
    warehouse.load(data, write)
    warehouse.run("UPDATE {} SET note = 'kept'")
    warehouse.load({**data, "name": [None, None]}, write)
    assert sorted(warehouse.run('SELECT "the id", name, note FROM {}')) == [
        (1, None, "kept"),
        (2, None, "kept"),
    ]


def test_merge_leaves_rows_that_did_not_change(warehouse: Warehouse) -> None:
    warehouse.load(ONE, MERGE)
    before = warehouse.rows("xmin::text, id")
    warehouse.load(ONE, MERGE)
    assert warehouse.rows("xmin::text, id") == before
    warehouse.load({"id": [1]}, MERGE, table="ids")
    warehouse.load({"id": [1, 2]}, MERGE, table="ids")
    assert sorted(warehouse.run("SELECT id FROM {}", "ids")) == [(1,), (2,)]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 1, 2, 2, 2, 3], r"2 merge keys stand in more than one row .* id = (1|2)\."),
        ([1, None, None, 2, 3, 4], "2 of 6 rows have a null in the merge key"),
    ],
)
def test_a_key_that_is_none(ids: list[int | None], message: str, warehouse: Warehouse) -> None:
    warehouse.load(ONE, MERGE)
    with pytest.raises(BadRow, match=message):
        warehouse.load({"id": ids, "name": ["x"] * 6}, MERGE)
    assert warehouse.rows() == [(1, "a"), (2, "b")]
    assert warehouse.tables() == {"trips", "_factory_loads"}


@on_both_stores
def test_checks_are_one_pass_before_the_publish(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(ONE)
    data = {"id": [1, None, None], "name": ["secret", None, "c"]}
    wanted = [
        {"type": "row_count", "min": 5},
        {"type": "row_count", "max": 2},
        {"type": "not_null", "columns": ["id", "name"]},
        {"type": "row_count", "min": 10, "severity": "warn"},
    ]
    with pytest.raises(ChecksFailed, match="3 checks failed") as raised:
        warehouse.load(data, load_id="run 2", checks=wanted)
    assert "3 rows, expected at least 5" in str(raised.value)
    assert "id is null in 2 rows; name is null in 1 row" in str(raised.value)
    assert "secret" not in str(raised.value) + caplog.text
    assert warehouse.rows() == [(1, "a"), (2, "b")]
    assert warehouse.tables() == {"trips", "_factory_loads"}

    done = warehouse.load(data, load_id="run 2", checks=wanted[3:])
    message = "3 rows, expected at least 10"
    assert done.checks == (Result("row_count", "warn", False, message, {"rows": 3}),)
    assert message in caplog.text


@on_both_stores
def test_a_first_load_that_fails_leaves_no_table(warehouse: Warehouse) -> None:
    with pytest.raises(ChecksFailed):
        warehouse.load(ONE, checks=[{"type": "row_count", "min": 3}])
    assert warehouse.tables() == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"write": {}}, "needs a `mode`"),
        ({"write": {"mode": "apend"}}, "Did you mean 'append'"),
        ({"write": {"mode": "merge"}}, "needs a `key`"),
        ({"write": {"mode": "merge", "key": ["idd"]}}, "Did you mean 'id'"),
        ({"write": {"mode": "append", "key": ["id"]}}, "unknown option of write mode append"),
        ({"checks": [{"type": "row_cont"}]}, "Did you mean 'row_count'"),
        ({"checks": [{"type": "row_count"}]}, "needs `min`, `max` or `max_change`"),
        ({"checks": [{"type": "row_count", "min": "x"}]}, "must be a number"),
        ({"checks": [{"type": "row_count", "min": 1, "severity": "wran"}]}, "Did you mean 'warn'"),
        ({"checks": [{"type": "not_null", "columns": ["nme"]}]}, "Did you mean 'name'"),
        ({"table": "a.b"}, "is not a table"),
        ({"table": "x" * 64}, "longer than 63"),
        ({"table": "_factory_loads"}, "is a table of our own"),
        ({"table": "_factory_01234567_0123456789abcdef"}, "is a table of our own"),
    ],
)
def test_refused_options(options: dict[str, Any], message: str, warehouse: Warehouse) -> None:
    with pytest.raises(BadOption, match=message):
        warehouse.load(ONE, **options)
    assert warehouse.tables() == set()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("id bigint", r"it has no column 'name' \(text\)"),
        ("id bigint, name text, more text", r"its column 'more' \(text\) is not in the load"),
        ("id text, name date", "'id' is text, the load's is bigint; its column 'name' is date"),
        ("id numeric(20,0) GENERATED ALWAYS AS (7) STORED, name text", "'id' is generated"),
    ],
)
@pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])
def test_a_target_that_does_not_fit(
    columns: str, message: str, write: dict[str, object], warehouse: Warehouse
) -> None:
    warehouse.run(f"CREATE TABLE {{}} ({columns})")
    with pytest.raises(SchemaChanged, match=message):
        warehouse.load(ONE, write)
    assert warehouse.tables() == {"trips"}


def test_a_view_is_refused(warehouse: Warehouse) -> None:
    warehouse.run("CREATE VIEW {} AS SELECT 1::bigint AS id, 'x' AS name")
    with pytest.raises(TransferError, match="is a view"):
        warehouse.load(ONE, REPLACE)


def test_a_partitioned_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, name text) PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    warehouse.load(ONE)
    warehouse.load(TWO, MERGE, load_id="2")
    assert warehouse.rows() == [(1, "a"), (2, "B"), (3, "c")]
    warehouse.load(ONE, REPLACE, load_id="3")
    assert warehouse.rows() == [(1, "a"), (2, "b")]


def test_odd_names(warehouse: Warehouse) -> None:
    names = ['a"b', "x.y", "🚕", "; DROP TABLE t --", "{}", "%s", "é" * 31]
    for write in ({"mode": "merge", "key": names[:3]}, APPEND, REPLACE):
        for load_id in ("a", "b"):
            data = {name: [1] for name in names}
            warehouse.load(data, write, table='t"; {}', load_id=load_id)
    assert warehouse.run("SELECT * FROM {}", 't"; {}') == [(1,) * 7]
    with pytest.raises(TransferError, match="longer than 63 bytes"):
        warehouse.load({"é" * 32: [1]}, table="u")
    with pytest.raises(BadOption, match="holds a `%`"):
        warehouse.load(ONE, table="t%s")


def test_too_many_columns(warehouse: Warehouse) -> None:
    data = {f"c{number}": [True] for number in range(5000)}
    with pytest.raises(TransferError, match="5000 columns are more than the 1600"):
        warehouse.load(data)
    fields = ", ".join(f"c{number} boolean" for number in range(1600))
    warehouse.run(f"CREATE TABLE {{}} ({fields})")
    wider = {"one": [1], "c0": [True]}
    with pytest.raises(TransferError, match="1601 columns are more"):
        warehouse.load(wider, on_schema_change="add_columns")
    warehouse.load(wider, on_schema_change="ignore")
    assert warehouse.rows("c0, c1") == [(True, None)]


def test_a_missing_schema_is_created(warehouse: Warehouse) -> None:
    inner = Warehouse(warehouse.uri, warehouse.schema + "_new", warehouse.stage)
    try:
        inner.load(ONE)
        assert inner.rows() == [(1, "a"), (2, "b")]
    finally:
        with psycopg.connect(warehouse.uri, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {inner.schema} CASCADE")  # type: ignore[arg-type,unused-ignore]


def test_what_killed_loads_left_is_removed(warehouse: Warehouse) -> None:
    from factory.transfer.postgres import table

    target = table.Table(warehouse.schema, "trips")
    mine, other = table.staging(target, "run 1").name, table.staging(target, "run 0").name
    elsewhere = table.staging(table.Table(warehouse.schema, "fares"), "run 0").name
    for name in (mine, other, elsewhere):
        warehouse.run("CREATE TABLE {} (x int)", name)
    warehouse.load(ONE)
    assert warehouse.tables() == {"trips", "_factory_loads", elsewhere}


def test_what_a_killed_load_of_another_role_left_is_known(warehouse: Warehouse) -> None:
    from factory.transfer.postgres import table

    left = table.staging(table.Table(warehouse.schema, "trips"), "run 1").name
    role = f"other_{warehouse.schema[1:]}"
    warehouse.run("CREATE TABLE {} (x int)", left)
    warehouse.run(f"COMMENT ON TABLE {{}} IS '{staging.MARK}'", left)
    warehouse.run(f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA {warehouse.schema} TO {role}")
    uri = warehouse.uri.replace("postgres@", f"{role}@")
    try:
        with pytest.raises(TransferError, match=r"a load as postgres was killed.*: DROP TABLE"):
            warehouse.load(ONE, uri=uri)
    finally:
        warehouse.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_person_s_table_that_is_named_like_a_staging_table_stays(warehouse: Warehouse) -> None:
    from factory.transfer.postgres import table

    target = table.Table(warehouse.schema, "trips")
    prefix = staging_prefix(target)
    names = {f"{prefix}mine", f"{prefix}0123456789abcdef0", table.staging(target, "run 0").name}
    for name in names:
        warehouse.run("CREATE TABLE {} AS SELECT 1 AS x", name)
    commented = table.staging(target, "run 8").name
    warehouse.run("CREATE TABLE {} (x int)", commented)
    warehouse.run("COMMENT ON TABLE {} IS 'mine'", commented)
    warehouse.load(ONE)
    assert warehouse.tables() == {"trips", "_factory_loads", commented, *names}
    with pytest.raises(TransferError, match="is in the way: this load's rows would be staged"):
        warehouse.load(ONE, load_id="run 0")
    assert warehouse.tables() == {"trips", "_factory_loads", commented, *names}


def test_a_table_that_was_a_staging_table_is_not_marked_as_one(warehouse: Warehouse) -> None:
    query = "SELECT obj_description('{}'::regclass, 'pg_class')"
    for write in (APPEND, REPLACE, REPLACE):
        warehouse.load(ONE, write)
        assert warehouse.run(query) == [(None,)]


def test_two_publishers_wait_for_each_other(warehouse: Warehouse) -> None:
    from factory.transfer.postgres import table

    warehouse.load(ONE)
    target = f"factory publish {table.Table(warehouse.schema, 'trips')}"
    with psycopg.connect(warehouse.uri) as holder, ThreadPoolExecutor() as pool:
        table.lock(holder, target)
        with pytest.raises(TransferError, match="not free within the lock_timeout"):
            warehouse.load(TWO, load_id="run 2", lock_timeout=0.2)
        assert warehouse.tables() == {"trips", "_factory_loads"}
        waiting = pool.submit(warehouse.load, TWO, load_id="run 2")
        time.sleep(0.5)
        assert not waiting.done()
        holder.commit()
        assert waiting.result(seconds(60)).published
    assert len(warehouse.rows()) == 4


@pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])
def test_many_loads_at_once(write: dict[str, object], warehouse: Warehouse) -> None:
    data = {"id": list(range(5000)), "name": ["x"] * 5000}
    path_lock = threading.Barrier(4)

    def one(number: int) -> bool:
        (warehouse.stage / str(number)).mkdir()
        own = Warehouse(warehouse.uri, warehouse.schema, warehouse.stage / str(number))
        path_lock.wait(seconds(60))
        # Two of the four are the same load, as when a task thought dead is not.
        return own.load(data, write, load_id=f"run {number // 2}").published

    with ThreadPoolExecutor(4) as pool:
        published = sum(pool.map(one, range(4)))
    assert published == (2 if write is APPEND else 4)
    assert len(warehouse.rows()) == (10_000 if write is APPEND else 5000)
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_no_secrets_and_no_rows_in_errors(warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    warehouse.run("ALTER TABLE {} ADD CHECK (name <> 'classified')")
    with pytest.raises(TransferError, match="violates check constraint") as raised:
        warehouse.load({"id": [1], "name": ["classified"]}, load_id="run 2")
    assert "classified" not in str(raised.value)
    with pytest.raises(TransferError, match=r"column .name. holds a NUL character in row 1"):
        warehouse.load({"id": [1], "name": ["a\0b"]}, load_id="run 2")
    elsewhere = Warehouse("postgresql://u:hidden@127.0.0.1:1/x", "s", warehouse.stage)
    with pytest.raises(TransferError, match="can't be reached") as raised:
        elsewhere.load(ONE)
    assert "hidden" not in str(raised.value)


def test_a_statement_that_takes_too_long(warehouse: Warehouse) -> None:
    data = pa.table({"id": pa.array(range(2_000_000))})
    with pytest.raises(TransferError, match="statement timeout"):
        warehouse.load(data, statement_timeout=0.05)
    assert warehouse.tables() == set()
