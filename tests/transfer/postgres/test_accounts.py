"""Rows staged = rows of the target; and no row of another table goes with those it replaces."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from factory.transfer.errors import TransferError
from factory.transfer.postgres import accounts
from factory.transfer.postgres.modes import Changed, Staged
from factory.transfer.postgres.modes.merge import Merge
from factory.transfer.postgres.table import Table, existing
from factory.transfer.warehouse.parts import Column
from tests.patience import seconds

from .conftest import APPEND, REPLACE, Warehouse

DAY = dt.date(2024, 1, 1)
PARTITION = {"mode": "partition", "column": "d", "start": "2024-01-01", "end": "2024-02-01"}
WRITES: dict[str, dict[str, Any]] = {
    "append": APPEND,
    "replace": REPLACE,
    "merge": {"mode": "merge", "key": ["id"]},
    "partition": PARTITION,
}
EACH = pytest.mark.parametrize("mode", WRITES)
DATA: dict[str, list[Any]] = {"id": [1, 2], "c": ["a", "b"], "d": [DAY, DAY]}


def make(warehouse: Warehouse, *rows: str, of: str = "") -> None:
    warehouse.run(f"CREATE TABLE {{}} (id bigint, c text, d date) {of}")
    for row in rows or ("1, 'old', '2024-01-01'", "7, 'old', '2024-01-03'"):
        warehouse.run(f"INSERT INTO {{}} VALUES ({row})")


TRIGGERS = {
    "turns a row away": ("BEFORE INSERT OR UPDATE", "IF NEW.id = 2 THEN RETURN NULL; END IF;"),
    "turns all away": ("BEFORE INSERT OR UPDATE", "RETURN NULL;"),
    "turns updates away": ("BEFORE UPDATE", "RETURN NULL;"),
    "writes another key": ("BEFORE INSERT", "NEW.id := NEW.id + 10;"),
    "moves it to another day": ("BEFORE INSERT", "NEW.d := '2020-01-01';"),
    "deletes it again": ("AFTER INSERT", "DELETE FROM {} WHERE id = NEW.id;"),
    "deletes it at the commit": ("CONSTRAINT", "DELETE FROM {} WHERE id = NEW.id;"),
    "deletes another": ("AFTER INSERT OR UPDATE", "DELETE FROM {} WHERE id = 7;"),
    "keeps what is to go": ("BEFORE DELETE", "RETURN NULL;"),
    "adds one": (
        "AFTER INSERT",
        "IF pg_trigger_depth() < 2 THEN INSERT INTO {} VALUES (99, 'x', '2024-01-05'); END IF;",
    ),
}
HARMLESS = {  # in these modes, a trigger does no harm to what the mode promises
    "turns updates away": {"append", "replace", "partition"},
    "writes another key": {"append", "replace", "partition"},
    "moves it to another day": {"append", "replace", "merge"},
    "deletes another": {"replace", "partition"},  # it is gone before
    "keeps what is to go": {"append", "merge"},
}


def trigger(warehouse: Warehouse, what: str) -> None:
    when, does = TRIGGERS[what]
    body = does.format(f"{warehouse.schema}.trips")
    warehouse.run(
        f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body} RETURN NEW; END $$"
    )
    kind, deferred = "", ""
    if when == "CONSTRAINT":
        kind, when, deferred = "CONSTRAINT", "AFTER INSERT", "DEFERRABLE INITIALLY DEFERRED"
    warehouse.run(
        f"CREATE {kind} TRIGGER t {when} ON {{}} {deferred} FOR EACH ROW"
        f" EXECUTE FUNCTION {warehouse.schema}.f()"
    )


@EACH
@pytest.mark.parametrize("what", TRIGGERS)
def test_a_trigger_that_turns_rows_away(what: str, mode: str, warehouse: Warehouse) -> None:
    make(warehouse)
    trigger(warehouse, what)
    before = warehouse.rows()
    if mode in HARMLESS.get(what, ()):
        for _ in range(2):
            done = warehouse.load(DATA, WRITES[mode])
        left = len(before) if mode in ("append", "merge") else 0
        expected = left + (1 if mode == "merge" else 2)
        assert len(warehouse.rows()) == expected
        assert done.rows == 2
        return
    with pytest.raises(TransferError, match=r"A trigger .*of the table turns rows away"):
        warehouse.load(DATA, WRITES[mode])
    assert warehouse.rows() == before
    assert warehouse.run("SELECT count(*) FROM {}", "_factory_loads") == [(0,)]


@EACH
def test_a_trigger_on_a_partition(mode: str, warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, c text, d date) PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    warehouse.run("INSERT INTO {} VALUES (7, 'old', '2024-01-03')")
    warehouse.run(
        f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$"
    )
    warehouse.run(
        "CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW"
        f" EXECUTE FUNCTION {warehouse.schema}.f()",
        "rest",
    )
    with pytest.raises(TransferError, match="took 1 of 2 rows"):
        warehouse.load(DATA, WRITES[mode])
    assert warehouse.rows("id") == [(7,)]


@EACH
def test_a_trigger_on_a_table_that_inherits(mode: str, warehouse: Warehouse) -> None:
    make(warehouse)
    warehouse.run("CREATE TABLE {} () INHERITS ({})", "child", "trips")
    warehouse.run("CREATE TABLE {} () INHERITS ({})", "grandchild", "child")
    warehouse.run("INSERT INTO {} VALUES (2, 'old', '2024-01-01')", "grandchild")
    warehouse.run(
        f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NULL; END $$"
    )
    warehouse.run(
        "CREATE TRIGGER t BEFORE UPDATE ON {} FOR EACH ROW"
        f" EXECUTE FUNCTION {warehouse.schema}.f()",
        "grandchild",
    )
    if mode == "append":  # it writes nothing there
        warehouse.load(DATA, WRITES[mode])
        return
    message = {"merge": "took 1 of 2 rows"}.get(mode, "child inherits from")
    with pytest.raises(TransferError, match=message):
        warehouse.load({**DATA, "id": [1, 2]}, WRITES[mode])
    assert warehouse.rows("id, c") == [(1, "old"), (2, "old"), (7, "old")]


CAME = {
    "partition": "ALTER TABLE {s}.trips ATTACH PARTITION {s}.new FOR VALUES FROM (100) TO (200)",
    "of triggers": "ALTER TABLE {s}.trips ATTACH PARTITION {s}.new FOR VALUES FROM (100) TO (200)",
    "trigger": "CREATE TRIGGER t BEFORE INSERT ON {s}.rest FOR EACH ROW EXECUTE FUNCTION {s}.f()",
}


@pytest.mark.parametrize("mode", ["append", "merge", "partition"])
@pytest.mark.parametrize("what", CAME)
def test_what_comes_to_a_table_while_it_is_written(
    what: str, mode: str, warehouse: Warehouse
) -> None:
    """Between the look for triggers and the write, a partition may be attached."""
    s = warehouse.schema
    warehouse.run("CREATE TABLE {} (id bigint, c text, d date) PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (0) TO (100)", "rest", "trips")
    warehouse.run("INSERT INTO {} VALUES (7, 'old', '2024-01-03')")
    warehouse.run(
        f"CREATE FUNCTION {s}.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
    )
    warehouse.run("CREATE TABLE {} (LIKE {})", "new", "trips")
    if what == "of triggers":
        warehouse.run(f"CREATE TRIGGER t BEFORE INSERT ON {s}.new EXECUTE FUNCTION {s}.f()")
    looked = accounts.refuse

    def refuse(connection: Any, *args: Any) -> None:
        looked(connection, *args)
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
            warehouse.run("SET lock_timeout = '5s'; " + CAME[what].format(s=s))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "refuse", refuse)
        if what == "partition":  # whose rows are counted as all are
            warehouse.load(DATA, WRITES[mode])
            assert (2, "b") in warehouse.rows("id, c")
            return
        with pytest.raises(TransferError, match=r"a table with triggers came to|took 0 of 2 rows"):
            warehouse.load(DATA, WRITES[mode])
    assert warehouse.rows("id, c") == [(7, "old")]


@pytest.mark.parametrize("into", ["trips", "low"])
def test_a_load_into_a_table_and_one_into_its_partition_wait_for_each_other(
    into: str, warehouse: Warehouse
) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, c text, d date) PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (0) TO (10)", "low", "trips")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    warehouse.run("INSERT INTO {} VALUES (9, 'old', '2024-01-03')")
    waiting = threading.Event()
    written = accounts.written

    def write(*args: Any) -> Changed:
        done = written(*args)
        if not waiting.is_set():
            waiting.set()
            time.sleep(1)
        return done

    def one(table: str) -> None:
        (warehouse.stage / table).mkdir()
        own = Warehouse(warehouse.uri, warehouse.schema, warehouse.stage / table)
        own.load(DATA, WRITES["merge"], table=table)

    other = {"trips": "low", "low": "trips"}[into]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as pool:
        patch.setattr(accounts, "written", write)
        first = pool.submit(one, into)
        assert waiting.wait(seconds(60))
        second = pool.submit(one, other)
        first.result(seconds(60))
        second.result(seconds(60))
    assert warehouse.rows("id") == [(1,), (2,), (9,)]
    assert warehouse.locks() == []


def test_rows_below_are_counted(warehouse: Warehouse) -> None:
    make(warehouse)
    warehouse.run("CREATE TABLE {} () INHERITS ({})", "child", "trips")
    warehouse.run("INSERT INTO {} VALUES (2, 'old', '2024-01-01')", "child")
    done = warehouse.load({**DATA, "id": [2, 3]}, WRITES["merge"])
    assert done.changed == Changed(inserted=1, updated=1)


@EACH
def test_a_trigger_that_fills_a_column_is_none_of_ours(mode: str, warehouse: Warehouse) -> None:
    make(warehouse)
    warehouse.run("ALTER TABLE {} ADD seen text DEFAULT ''")
    warehouse.run(
        f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.seen := TG_OP; RETURN NEW; END $$"
    )
    warehouse.run(
        "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON {} FOR EACH ROW"
        f" EXECUTE FUNCTION {warehouse.schema}.f()"
    )
    for _ in range(2):
        warehouse.load(DATA, WRITES[mode])
    assert warehouse.run("SELECT seen FROM {} WHERE id = 2") == [("INSERT",)]


@EACH
@pytest.mark.parametrize(
    "does", ["INSTEAD NOTHING", "ALSO DELETE FROM {} WHERE id = NEW.id", "INSTEAD {other}"]
)
def test_a_rule_is_refused(does: str, mode: str, warehouse: Warehouse) -> None:
    make(warehouse)
    warehouse.run("CREATE TABLE {} (id bigint, c text, d date)", "other")
    other = f"INSERT INTO {warehouse.schema}.other VALUES (NEW.*)"
    does = does.format(f"{warehouse.schema}.trips", other=other)
    warehouse.run(f"CREATE RULE r AS ON INSERT TO {{}} DO {does}")
    with pytest.raises(TransferError, match=r"the rule 'r' of .* turns a write into"):
        warehouse.load(DATA, WRITES[mode])
    assert len(warehouse.rows()) == 2
    assert warehouse.tables() == {"trips", "other"}


@pytest.mark.parametrize("mode", ["append", "merge"])
def test_a_rule_for_what_a_mode_does_not_do(mode: str, warehouse: Warehouse) -> None:
    make(warehouse)
    warehouse.run("CREATE RULE r AS ON DELETE TO {} DO INSTEAD NOTHING")
    if mode == "merge":  # PostgreSQL merges into no table that has rules
        with pytest.raises(TransferError, match="cannot execute MERGE"):
            warehouse.load(DATA, WRITES[mode])
    else:
        warehouse.load(DATA, WRITES[mode])
        assert len(warehouse.rows()) == 4


REFERENCES = {
    "ON DELETE CASCADE": ("replace", "partition"),
    "ON DELETE SET NULL": ("replace", "partition"),
    "ON DELETE SET DEFAULT": ("replace", "partition"),
    "ON UPDATE SET NULL": ("merge",),
}


@EACH
@pytest.mark.parametrize("action", REFERENCES)
def test_rows_of_other_tables_that_would_go_too(
    action: str, mode: str, warehouse: Warehouse
) -> None:
    make(warehouse, "7, 'x', '2024-01-01'")
    warehouse.run("ALTER TABLE {} ADD UNIQUE (c)")
    warehouse.run(f"CREATE TABLE {{}} (c text REFERENCES {{}} (c) {action})", "fares", "trips")
    warehouse.run("INSERT INTO {} VALUES ('x')", "fares")
    if mode in REFERENCES[action]:
        with pytest.raises(TransferError, match=rf"fares would lose .*fares_c_fkey', {action}"):
            warehouse.load({**DATA, "c": ["x", "y"]}, WRITES[mode])
        assert warehouse.rows("c") == [("x",)]
    elif mode in ("append", "merge"):
        warehouse.load(DATA, WRITES[mode])
    else:  # nobody may delete what is referred to
        with pytest.raises(TransferError, match="violates foreign key"):
            warehouse.load(DATA, WRITES[mode])
    assert warehouse.run("SELECT c FROM {}", "fares") == [("x",)]


@EACH
@pytest.mark.parametrize("action", REFERENCES)
def test_references_to_a_partition_alone(action: str, mode: str, warehouse: Warehouse) -> None:
    make(
        warehouse,
        "7, 'x', '2024-01-01'",
        of="PARTITION BY RANGE (d); "
        f"CREATE TABLE {warehouse.schema}.rest PARTITION OF {warehouse.schema}.trips DEFAULT",
    )
    warehouse.run("ALTER TABLE {} ADD UNIQUE (c)", "rest")
    warehouse.run(f"CREATE TABLE {{}} (c text REFERENCES {{}} (c) {action})", "fares", "rest")
    warehouse.run("INSERT INTO {} VALUES ('x')", "fares")
    if mode in REFERENCES[action]:
        with pytest.raises(TransferError, match=rf"fares would lose .*fares_c_fkey', {action}"):
            warehouse.load({**DATA, "c": ["x", "y"]}, WRITES[mode])
        assert warehouse.rows("c") == [("x",)]
    assert warehouse.run("SELECT c FROM {}", "fares") == [("x",)]


def test_a_tree_of_rows_is_replaced_with_all_that_hangs_on_it(warehouse: Warehouse) -> None:
    make(warehouse, "1, 'x', '2024-01-01'")
    warehouse.run("ALTER TABLE {0} ADD PRIMARY KEY (id), ADD up bigint REFERENCES {0} (id)")
    warehouse.run("ALTER TABLE {} DROP CONSTRAINT trips_up_fkey")
    warehouse.run("ALTER TABLE {0} ADD FOREIGN KEY (up) REFERENCES {0} (id) ON DELETE CASCADE")
    data = {**DATA, "up": pa.array([None, 1], pa.int64())}
    warehouse.load(data, REPLACE)
    with pytest.raises(TransferError, match="a partition deletes rows"):
        warehouse.load(data, PARTITION)
    assert warehouse.rows("id, up") == [(1, None), (2, 1)]


@EACH
def test_tables_that_inherit_keep_their_rows(mode: str, warehouse: Warehouse) -> None:
    make(warehouse)
    warehouse.run("CREATE TABLE {} () INHERITS ({})", "child", "trips")
    warehouse.run("INSERT INTO {} VALUES (5, 'child', '2024-01-01')", "child")
    if mode in ("replace", "partition"):
        with pytest.raises(TransferError, match=r"child inherits from \S+trips"):
            warehouse.load(DATA, WRITES[mode])
    else:
        warehouse.load(DATA, WRITES[mode])
    assert warehouse.run("SELECT id, c FROM {}", "child") == [(5, "child")]


def test_a_constraint_that_waits_for_the_commit(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint PRIMARY KEY)", "vendors")
    make(warehouse)
    warehouse.run(
        "ALTER TABLE {} ADD v bigint REFERENCES {} DEFERRABLE INITIALLY DEFERRED",
        "trips",
        "vendors",
    )
    for write in WRITES.values():
        with pytest.raises(TransferError, match="violates foreign key constraint"):
            warehouse.load({**DATA, "v": [1, 2]}, write)
    assert warehouse.rows("id") == [(1,), (7,)]
    assert warehouse.run("SELECT count(*) FROM {}", "_factory_loads") == [(0,)]


TARGETS: dict[str, tuple[Callable[[str], str], str]] = {
    "view": (lambda t: f"CREATE VIEW {t} AS SELECT 1::bigint id, 'x' c, now()::date d", "a view"),
    "materialized": (
        lambda t: f"CREATE MATERIALIZED VIEW {t} AS SELECT 1::bigint id",
        "a materialized view",
    ),
    "foreign table": (
        lambda t: (
            f"CREATE FOREIGN DATA WRAPPER w_{t[-8:-6]}; CREATE SERVER s_{t[-8:-6]} FOREIGN DATA"
            f" WRAPPER w_{t[-8:-6]}; CREATE FOREIGN TABLE {t} (id bigint) SERVER s_{t[-8:-6]}"
        ),
        "a foreign table",
    ),
    "foreign partition": (
        lambda t: (
            f"CREATE FOREIGN DATA WRAPPER p_{t[-8:-6]}; CREATE SERVER p_{t[-8:-6]} FOREIGN DATA"
            f" WRAPPER p_{t[-8:-6]}; CREATE TABLE {t} (id bigint, c text, d date)"
            f" PARTITION BY RANGE (id); CREATE FOREIGN TABLE {t}_far PARTITION OF {t} DEFAULT"
            f" SERVER p_{t[-8:-6]}"
        ),
        "a partition of .* is a foreign table: what is written there",
    ),
    "foreign child": (
        lambda t: (
            f"CREATE FOREIGN DATA WRAPPER p_{t[-8:-6]}; CREATE SERVER p_{t[-8:-6]} FOREIGN DATA"
            f" WRAPPER p_{t[-8:-6]}; CREATE TABLE {t} (id bigint, c text, d date);"
            f" CREATE FOREIGN TABLE {t}_far () INHERITS ({t}) SERVER p_{t[-8:-6]}"
        ),
        "which inherits from .* is a foreign table: what is written there",
    ),
}


@EACH
@pytest.mark.parametrize("what", TARGETS)
def test_targets_that_are_no_tables_of_this_server(
    what: str, mode: str, warehouse: Warehouse
) -> None:
    create, message = TARGETS[what]
    warehouse.run(create(f"{warehouse.schema}.trips"))
    if (what, mode) == ("foreign child", "append"):  # it writes nothing there, but looks
        message = "has no handler"
    with pytest.raises(TransferError, match=message):
        warehouse.load(DATA, WRITES[mode])
    if "foreign" in what:
        name = f"{'w' if what == 'foreign table' else 'p'}_{warehouse.schema[-2:]}"
        warehouse.run(f"DROP FOREIGN DATA WRAPPER {name} CASCADE")


def test_an_unlogged_target_stays_one_and_is_warned_of(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.run("CREATE UNLOGGED TABLE {} (id bigint, c text, d date)")
    for write in WRITES.values():
        warehouse.load(DATA, write)
    assert "is unlogged: a crash of the server empties it" in caplog.text
    query = "SELECT relpersistence FROM pg_class WHERE oid = '{}'::regclass"
    assert warehouse.run(query) == [("u",)]


def test_a_merge_tells_zeros_apart_that_compare_as_equal(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, x double precision, y double precision)")
    data = {"id": [1, 2, 3], "x": [0.0, 1.0, None], "y": pa.array([0.5, None, 0], pa.float32())}
    warehouse.load(data, WRITES["merge"])
    for number, updated in ((-0.0, 1), (-0.0, 0), (0.0, 1), (0.0, 0), (2.0, 1)):
        done = warehouse.load({**data, "x": [number, 1.0, None]}, WRITES["merge"])
        assert done.changed is not None
        assert (done.changed.inserted, done.changed.updated) == (0, updated)
        assert warehouse.run("SELECT x::text FROM {} WHERE id = 1") == [(f"{number:g}",)]


def test_a_merge_compares_the_bytes_where_a_collation_does_not(warehouse: Warehouse) -> None:
    """Such a collation is of ICU, which the server of the tests has not."""
    warehouse.run("CREATE TABLE {} (id bigint, c text)")
    target = Table(warehouse.schema, "trips")
    columns = (Column("id", "bigint", pa.int64()), Column("c", "text", pa.string()))
    with psycopg.connect(warehouse.uri) as connection:
        found = existing(connection, target)
        assert found is not None
        assert found.loose == {}
        loose = replace(found, loose={"c": "s.c"})
        staged = Staged(Table(warehouse.schema, "staged"), columns, 1)
        told = Merge(("id",)).statement(target, loose, staged).as_string(connection)
    assert '("t"."c" COLLATE "C") IS DISTINCT FROM ("s"."c" COLLATE "C")' in told
