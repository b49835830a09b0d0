"""Who may load, who waits for whom, and what the next load knows of this one."""

import logging
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from factory.transfer.errors import ChecksFailed, SchemaChanged, TransferError
from factory.transfer.postgres import columns, ledger, session, swap
from factory.transfer.postgres.table import Table, existing, staging
from factory.transfer.warehouse import load as publishing
from tests.patience import Patience, seconds, until

from .conftest import APPEND, REPLACE, Warehouse

MERGE = {"mode": "merge", "key": ["id"]}
DATA: dict[str, list[Any]] = {"id": [1, 2], "name": ["a", "b"]}

HELD = 4711


@pytest.fixture
def loader(warehouse: Warehouse) -> Iterator[str]:
    """The address of a role that owns nothing."""
    role = f"loader_{warehouse.schema[1:]}"
    warehouse.run(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {warehouse.schema} TO {role}")
    yield warehouse.uri.replace("postgres@", f"{role}@")
    warehouse.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def grant(warehouse: Warehouse, uri: str, what: str) -> None:
    warehouse.run(f"GRANT {what} TO {psycopg.conninfo.conninfo_to_dict(uri)['user']}")


def test_a_role_that_may_not_create(warehouse: Warehouse, loader: str) -> None:
    with pytest.raises(TransferError, match=r"permission denied for schema .* Grant the right"):
        warehouse.load(DATA, uri=loader)


@pytest.mark.parametrize(
    ("write", "lacking"),
    [(APPEND, "INSERT"), (REPLACE, "INSERT, DELETE"), (MERGE, "SELECT, INSERT, UPDATE")],
)
def test_a_role_that_may_not_write(
    write: dict[str, Any], lacking: str, warehouse: Warehouse, loader: str
) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, name text)")
    grant(warehouse, loader, f"CREATE ON SCHEMA {warehouse.schema}")
    with pytest.raises(TransferError, match=f"may not {lacking} in .* GRANT {lacking} ON"):
        warehouse.load(DATA, write, uri=loader)
    grant(warehouse, loader, f"{lacking} ON {warehouse.schema}.trips")
    for _ in range(2):
        warehouse.load(DATA, write, uri=loader)
    assert warehouse.rows() == [(1, "a"), (2, "b")]
    with pytest.raises(SchemaChanged, match="only its owner may add the new columns 'new'"):
        warehouse.load(
            {**DATA, "new": [1, 1]},
            write,
            uri=loader,
            load_id="run 2",
            on_schema_change="add_columns",
        )


@pytest.mark.parametrize("lacks", ["the column", "the right"])
def test_a_role_that_may_not_keep_what_checks_found(
    lacks: str, warehouse: Warehouse, loader: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It loads, and the log has the statement for the ledger's owner."""
    warehouse.load(DATA, load_id="run 0")
    own = f"{warehouse.schema}._factory_loads"
    grant(warehouse, loader, f"CREATE ON SCHEMA {warehouse.schema}")
    grant(warehouse, loader, f"SELECT, INSERT ON {warehouse.schema}.trips")
    if lacks == "the column":
        warehouse.run("ALTER TABLE {} DROP COLUMN checks", "_factory_loads")
        grant(warehouse, loader, f"SELECT, INSERT, UPDATE, DELETE ON {own}")
    else:
        names = ", ".join(name for name in ledger.COLUMNS if name != "checks")
        grant(warehouse, loader, f"SELECT, DELETE, INSERT ({names}), UPDATE ({names}) ON {own}")
    caplog.set_level(logging.INFO)
    least = {"type": "row_count", "min": 1}
    options: dict[str, Any] = {"uri": loader, "checks": [least]}
    assert warehouse.load(DATA, **options).published
    (found,) = warehouse.load(DATA, **options).checks
    assert "an earlier try that kept no results" in found.message
    told = re.search(r"For its owner: (ALTER|GRANT) (.*)", caplog.text)
    assert told
    if told[1] == "GRANT":
        grant(warehouse, loader, told[2])
    else:
        warehouse.run(f"{told[1]} {told[2]}")
    for _ in range(2):
        (found,) = warehouse.load(DATA, load_id="run 2", **options).checks
        assert (found.asked, found.passed) == (True, True)


def test_rows_that_a_role_does_not_see(warehouse: Warehouse, loader: str) -> None:
    """They would stay in a replaced table, and come twice into a merged one."""
    warehouse.run("CREATE TABLE {} AS SELECT 9::bigint AS id, 'x' AS name")
    warehouse.run("ALTER TABLE {} ENABLE ROW LEVEL SECURITY")
    warehouse.run("CREATE POLICY p ON {} USING (id < 5) WITH CHECK (true)")
    grant(warehouse, loader, f"CREATE ON SCHEMA {warehouse.schema}")
    grant(warehouse, loader, f"ALL ON {warehouse.schema}.trips")
    for write in (REPLACE, MERGE):
        with pytest.raises(TransferError, match="affected by row-level security policy"):
            warehouse.load(DATA, write, uri=loader)
    warehouse.load(DATA, APPEND, uri=loader)
    assert len(warehouse.rows()) == 3


@contextmanager
def reading(warehouse: Warehouse) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(warehouse.uri) as reader:
        reader.execute(sql.SQL("SELECT * FROM {}.trips").format(sql.Identifier(warehouse.schema)))
        yield reader


def test_a_replace_that_waits_for_a_reader_holds_up_no_other(warehouse: Warehouse) -> None:
    warehouse.load(DATA, REPLACE)
    with ThreadPoolExecutor() as pool:
        with reading(warehouse):
            data = {"id": [3], "name": ["c"]}
            waiting = pool.submit(warehouse.load, data, REPLACE, lock_timeout=3600)
            for _ in range(60):  # each would wait until the replace gives up
                assert warehouse.rows() == [(1, "a"), (2, "b")]
                time.sleep(0.02)
            assert not waiting.done()
            # Another table of the schema is not held up, either.
            Warehouse(warehouse.uri, warehouse.schema, warehouse.stage).load_all(
                [DATA], REPLACE, table="fares"
            )
        assert waiting.result(seconds(60)).published
    assert warehouse.rows() == [(3, "c")]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_reader_with_an_older_snapshot_sees_the_table_as_it_was(
    isolation: str, plain: bool, warehouse: Warehouse, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To whom began before, a table that took another's place would be empty."""
    monkeypatch.setattr(swap, "PATIENCE", 0.2)
    uri = loader if plain else warehouse.uri
    if plain:
        role = psycopg.conninfo.conninfo_to_dict(loader)["user"]
        warehouse.run(f"GRANT CREATE ON SCHEMA {warehouse.schema} TO {role}")
    warehouse.load(DATA, REPLACE, uri=uri)
    with psycopg.connect(warehouse.uri) as reader:
        reader.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}".encode())
        reader.execute("SELECT 1")
        warehouse.load({"id": [3], "name": ["c"]}, REPLACE, uri=uri)
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(warehouse.schema, "trips"))
        found = reader.execute(query).fetchone()
    assert found == ((1,) if isolation == "READ COMMITTED" else (2,))
    before = warehouse.run("SELECT '{}'::regclass::oid::int")
    warehouse.load(DATA, REPLACE, uri=uri)
    assert warehouse.run("SELECT '{}'::regclass::oid::int") != before  # swapped, as ever
    assert warehouse.rows() == [(1, "a"), (2, "b")]


def test_who_reads_the_staging_table_holds_up_no_reader_of_the_target(
    warehouse: Warehouse,
) -> None:
    warehouse.load(DATA, REPLACE)
    staged = staging(Table(warehouse.schema, "trips"), "run 1")
    readers = []

    def ready(*args: Any) -> Any:
        readers.append(psycopg.connect(warehouse.uri))
        readers[0].execute(sql.SQL("SELECT FROM {}").format(staged.identifier))
        return publish(*args)

    publish = publishing.publish
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as pool:
        patch.setattr(publishing, "publish", ready)
        waiting = pool.submit(warehouse.load, {"id": [3], "name": ["c"]}, REPLACE)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            patience = Patience(1)
            assert warehouse.rows() == [(1, "a"), (2, "b")]
            assert not patience.is_over
        assert not waiting.done()
        readers[0].close()
        waiting.result(seconds(60))
    assert warehouse.rows() == [(3, "c")]


def test_a_replace_gives_up_behind_a_reader(warehouse: Warehouse) -> None:
    warehouse.load(DATA, REPLACE)
    with reading(warehouse), pytest.raises(TransferError, match=r"lock_timeout of 0\.4 s"):
        warehouse.load({"id": [3], "name": ["c"]}, REPLACE, lock_timeout=0.4)
    assert warehouse.rows() == [(1, "a"), (2, "b")]
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_what_is_hung_on_the_table_during_the_wait_is_kept(warehouse: Warehouse) -> None:
    warehouse.load(DATA, REPLACE)
    before = warehouse.run("SELECT '{}'::regclass::oid::int")
    with ThreadPoolExecutor() as pool, reading(warehouse):
        waiting = pool.submit(warehouse.load, {"id": [3], "name": ["c"]}, REPLACE)
        time.sleep(1)
        warehouse.run("CREATE VIEW {} AS SELECT id FROM {}", "v", "trips")
        assert not waiting.done()
    waiting.result(seconds(60))
    assert warehouse.run("SELECT * FROM {}", "v") == [(3,)]
    assert warehouse.run("SELECT '{}'::regclass::oid::int") == before


def test_columns_are_added_without_shutting_readers_out(warehouse: Warehouse) -> None:
    """While the rows are inserted, the table can be read."""
    warehouse.load(DATA)
    warehouse.run(
        f"CREATE FUNCTION {warehouse.schema}.slow() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_advisory_xact_lock({HELD}); RETURN NULL; END $$"
    )
    warehouse.run(
        f"CREATE TRIGGER slow AFTER INSERT ON {{}} EXECUTE FUNCTION {warehouse.schema}.slow()"
    )
    waits = f"SELECT 1 FROM pg_locks WHERE objid = {HELD} AND NOT granted"
    new = {"id": [3], "name": ["c"], "new": [1]}
    with ThreadPoolExecutor() as pool, psycopg.connect(warehouse.uri) as holder:
        holder.execute(f"SELECT pg_advisory_xact_lock({HELD})")
        options: dict[str, Any] = {"load_id": "run 2", "on_schema_change": "add_columns"}
        waiting = pool.submit(warehouse.load, new, **options)
        until(lambda: warehouse.run(waits), "the insert")
        assert len(warehouse.rows()) == 2
        assert not waiting.done()
        holder.commit()
        waiting.result(seconds(60))
    assert len(warehouse.rows()) == 3


def test_no_lock_on_the_target_while_rows_are_copied(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.load(DATA, REPLACE)
    found = []
    real = columns.on_wire

    def look(batch: Any, schema: Any) -> Any:
        query = "SELECT mode FROM pg_locks WHERE relation = '{}'::regclass"
        found.append(warehouse.run(query + " AND pid <> pg_backend_pid()"))
        return real(batch, schema)

    monkeypatch.setattr(columns, "on_wire", look)
    warehouse.load(DATA, REPLACE, load_id="run 2")
    assert found == [[]]


def test_loads_of_several_tables_at_once(warehouse: Warehouse) -> None:
    """None holds one lock and waits for that of another table."""
    barrier = threading.Barrier(6)

    def one(number: int) -> bool:
        stage = warehouse.stage / str(number)
        stage.mkdir()
        own = Warehouse(warehouse.uri, f"{warehouse.schema}", stage)
        barrier.wait(seconds(60))
        write = (APPEND, REPLACE, MERGE)[number % 3]
        data = {"id": [number], "name": ["x"]}
        tables = [f"t{(number + step) % 3}" for step in range(3)]
        for name in tables:
            own.load(data, write, table=name, load_id=f"{number} {name}", indexes=[["id"]])
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(one, range(6)))
    assert warehouse.tables() == {"t0", "t1", "t2", "_factory_loads"}
    assert warehouse.locks() == []


def test_a_table_that_was_replaced_since_it_was_looked_at_is_no_refusal(
    warehouse: Warehouse,
) -> None:
    with psycopg.connect(warehouse.uri) as connection:
        target = Table(warehouse.schema, "trips")
        connection.execute(sql.SQL("CREATE TABLE {} (id bigint)").format(target.identifier))
        found = existing(connection, target)
        assert found
        connection.execute(sql.SQL("DROP TABLE {}").format(target.identifier))
        session.refuse_without_rights(connection, target, found.oid, ("INSERT", "DELETE"))


def change(most: float) -> list[dict[str, Any]]:
    return [{"type": "row_count", "max_change": most}]


def test_the_previous_load_is_known(warehouse: Warehouse) -> None:
    target = Table(warehouse.schema, "trips")

    def previous(load_id: str) -> int | None:
        with psycopg.connect(warehouse.uri) as connection:
            return ledger.previous_rows(connection, target, load_id)

    assert previous("run 1") is None
    for write in (REPLACE, APPEND):
        warehouse.load({"id": [1, 2, 3, 4]}, write, load_id=f"{write} 1")
        warehouse.load({"id": [1, 2]}, write, load_id=f"{write} 2")
        assert previous(f"{write} 2") == 4  # when it is repeated
        assert previous("another") == 2
        with pytest.raises(ChecksFailed):
            warehouse.load({"id": [1]}, write, load_id=f"{write} 3", checks=change(0.2))
    assert warehouse.run("SELECT count(*) FROM {}", "_factory_loads") == [(3,)]


def test_a_ledger_of_the_older_shape(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE {} (table_name text, load_id text, mode text NOT NULL, rows bigint NOT NULL,"
        " published_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (table_name, load_id))",
        "_factory_loads",
    )
    warehouse.run("INSERT INTO {} VALUES ('trips', 'run 0', 'append', 2)", "_factory_loads")
    warehouse.run("CREATE TABLE {} AS SELECT 1::bigint AS id, 'a' AS name")
    assert not warehouse.load(DATA, load_id="run 0").published
    assert warehouse.load(DATA, load_id="run 1").published
    query = "SELECT load_id, rows, previous_rows FROM {} ORDER BY published_at"
    assert warehouse.run(query, "_factory_loads") == [("run 0", 2, None), ("run 1", 2, 2)]


def test_what_is_logged(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    warehouse.load(DATA, MERGE)
    done = warehouse.load({"id": [2, 3], "name": ["B", "c"]}, MERGE)
    assert "2 rows read, 2 published by merge (1 inserted, 1 updated), " in caplog.text
    assert "seconds: copy" in caplog.text
    assert done.peak_memory > 10 * 2**20
