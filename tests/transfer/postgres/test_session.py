"""What a role, a database, a connection or the worker set beforehand changes no row."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg.conninfo import make_conninfo

from factory.definitions.checks import parse
from factory.transfer.errors import BadRow, ChecksFailed, TransferError
from factory.transfer.postgres import ledger, session
from factory.transfer.postgres.modes import Changed
from factory.transfer.postgres.session import RELIED_ON
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.warehouse.check import check
from factory.transfer.warehouse.parts import Limits
from factory_embedded.services.postgres import Server

from .conftest import APPEND, REPLACE, Warehouse

NAMES = {"id": [1, 2], "name": ["Müller", "Ångström"]}
WRITES: list[dict[str, Any]] = [APPEND, REPLACE, {"mode": "merge", "key": ["name"]}]


@pytest.fixture
def latin1(postgres: Server, warehouse: Warehouse) -> Iterator[Warehouse]:
    """A schema in a database of another encoding."""
    name = f"latin1_{warehouse.schema}"
    warehouse.run(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    uri = warehouse.uri.rpartition("/")[0] + f"/{name}"
    yield Warehouse(uri, "public", warehouse.stage)
    warehouse.run(f"DROP DATABASE {name} (FORCE)")


def set_for_the_role(warehouse: Warehouse, setting: str) -> str:
    role = f"set_{warehouse.schema[1:]}"
    warehouse.run(f"CREATE ROLE {role} LOGIN SUPERUSER; ALTER ROLE {role} SET {setting}")
    return warehouse.uri.replace("postgres@", f"{role}@")


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write["mode"])
def test_a_database_of_another_encoding(write: dict[str, Any], latin1: Warehouse) -> None:
    for _ in range(2):
        latin1.load(NAMES, write)
    assert latin1.rows("id, name, length(name)") == [(1, "Müller", 6), (2, "Ångström", 8)]
    for value in ("9 €", "ż"):
        with pytest.raises(
            BadRow,
            match=f"column 'name' holds '{value}' in row 2, which the database, whose encoding is "
            "LATIN1, can't store",
        ):
            latin1.load({"id": [1, 2], "name": ["ü", value]}, write, load_id="run 2")
    assert len(latin1.rows()) == 2
    assert latin1.tables() == {"trips", "_factory_loads"}


@pytest.mark.parametrize("how", ["role", "environment", "options", "PGOPTIONS", "service"])
def test_another_client_encoding(
    how: str, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = warehouse.uri
    if how == "role":
        uri = set_for_the_role(warehouse, "client_encoding = 'LATIN1'")
    elif how == "environment":
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    elif how == "service":
        (tmp_path / "services").write_text("[other]\nclient_encoding=LATIN1\ndbname=template1\n")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        monkeypatch.setenv("PGSERVICE", "other")
    elif how == "PGOPTIONS":
        monkeypatch.setenv("PGOPTIONS", "-c client_encoding=LATIN1")
    else:
        uri = make_conninfo(uri, client_encoding="LATIN1", options="-c client_encoding=LATIN9")
    warehouse.load(NAMES, uri=uri)
    monkeypatch.undo()
    assert warehouse.rows("id, name, length(name)") == [(1, "Müller", 6), (2, "Ångström", 8)]


SETTINGS = {
    "client_encoding": "LATIN1",
    "DateStyle": "German, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Tokyo",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "extra_float_digits": "-5",
    "session_replication_role": "replica",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "5",
    "default_transaction_isolation": "serializable",
    "idle_session_timeout": "300ms",
    "idle_in_transaction_session_timeout": "300ms",
    "transaction_timeout": "10s",
    "track_counts": "off",
}
OTHERS = {
    "statement_timeout": "300ms",
    "lock_timeout": "1ms",
    "row_security": "on",
    "synchronous_commit": "off",
    "search_path": "hidden, pg_catalog",
}


def test_a_load_s_session_is_as_it_relies_on(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SETTINGS.keys() == RELIED_ON.keys()
    uri = set_for_the_role(warehouse, "work_mem = '8MB'")
    role = psycopg.conninfo.conninfo_to_dict(uri)["user"]
    for name, value in {**SETTINGS, **OTHERS}.items():
        quoted = value if name == "search_path" else f"'{value}'"
        warehouse.run(f"ALTER ROLE {role} SET {name} = {quoted}")
    monkeypatch.setenv("PGTZ", "America/New_York")
    monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
    monkeypatch.setenv("PGOPTIONS", "-c session_replication_role=replica")
    with session.connected(uri, Limits(5, 7)) as connection:
        found = {
            name: connection.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
            for name in (*RELIED_ON, *OTHERS)
        }
    expected = {**RELIED_ON, "statement_timeout": "7s", "lock_timeout": "5s", "row_security": "on"}
    expected |= {"synchronous_commit": "on", "search_path": ""}
    assert found == {name: (value,) for name, value in expected.items()}

    moment = dt.datetime(2024, 1, 31, 23, tzinfo=dt.timezone.utc)
    data = pa.table({"id": [1], "at": [moment], "day": [dt.date(2024, 2, 1)], "raw": [b"\\x"]})
    partition = {"mode": "partition", "column": "at", "start": "2024-01-01", "end": "2024-02-01"}
    for write in (*WRITES[:2], {"mode": "merge", "key": ["id"]}, partition):
        warehouse.load(data, write, uri=uri, load_id=str(write))
        false = {"type": "sql", "condition": r"at <> '2024-01-31 23:00' AND raw = '\x'"}
        with pytest.raises(ChecksFailed):
            warehouse.load(data, write, uri=uri, load_id="x", checks=[false])
    monkeypatch.undo()
    assert warehouse.rows() == [(1, moment, dt.date(2024, 2, 1), b"\\x")]


def test_foreign_keys_are_looked_at_whatever_the_role_s_replication_role(
    warehouse: Warehouse,
) -> None:
    uri = set_for_the_role(warehouse, "session_replication_role = 'replica'")
    warehouse.run("CREATE TABLE {} (id bigint PRIMARY KEY)", "vendors")
    warehouse.run("CREATE TABLE {} (id bigint REFERENCES {})", "trips", "vendors")
    with pytest.raises(TransferError, match="violates foreign key constraint"):
        warehouse.load({"id": [1]}, uri=uri)
    role = f"plain_{warehouse.schema[1:]}"
    warehouse.run(f"CREATE ROLE {role} LOGIN")
    warehouse.run(f"ALTER ROLE {role} SET session_replication_role = 'replica'")
    with pytest.raises(TransferError, match=r"session_replication_role.*relies on\. Take the"):
        warehouse.load({"id": [1]}, uri=warehouse.uri.replace("postgres@", f"{role}@"))


def test_triggers_are_counted_whatever_the_role_s_track_counts(warehouse: Warehouse) -> None:
    uri = set_for_the_role(warehouse, "track_counts = 'off'")
    warehouse.load({"id": [1], "name": ["a"]})
    for triggers in (False, True):
        if triggers:
            warehouse.run(
                f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RETURN NEW; END $$"
            )
            warehouse.run(
                "CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW"
                f" EXECUTE FUNCTION {warehouse.schema}.f()"
            )
        data = {"id": [1, 2 + triggers], "name": [f"b{triggers}", "c"]}
        done = warehouse.load(data, {"mode": "merge", "key": ["id"]}, uri=uri)
        assert done.changed == Changed(inserted=1, updated=1)


def test_a_check_of_a_table_reads_it_in_utf_8(latin1: Warehouse) -> None:
    latin1.load(NAMES)
    accepted = {"type": "accepted_values", "column": "name", "values": ["Müller"]}
    with pytest.raises(ChecksFailed, match="'Ångström'"):
        check(WAREHOUSE, latin1.uri, table="public.trips", checks=[parse(accepted)])


def test_what_is_no_utf_8_is_told_from_a_nul(warehouse: Warehouse) -> None:
    raw = b"ok\xff\xfe"
    offsets = pa.py_buffer((0).to_bytes(4, "little") + (len(raw)).to_bytes(4, "little"))
    text = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(raw)])
    with pytest.raises(BadRow, match=r"'c' holds what is not UTF-8 in row 1: 'ok\\\\xff\\\\xfe'"):
        warehouse.load(pa.table({"c": text}))
    with pytest.raises(BadRow, match=r"'c' holds a NUL character in row 2, .*: 'a\\x00b'") as nul:
        warehouse.load({"c": ["x", "a\0b"]})
    assert "Take it out where the rows are read" in (nul.value.hint or "")
    assert warehouse.tables() == set()


def test_a_person_s_sql_changes_nothing_but_its_own_session(warehouse: Warehouse) -> None:
    """It may give up locks and set what it likes; the load's session is another."""
    warehouse.run("CREATE TABLE {} (id bigint PRIMARY KEY)", "vendors")
    warehouse.run("CREATE TABLE {} (id bigint REFERENCES {})", "trips", "vendors")
    hostile = (
        "pg_advisory_unlock_all() IS NOT NULL",
        "set_config('session_replication_role', 'replica', false) IS NOT NULL",
        "set_config('search_path', 'nowhere', false) IS NOT NULL",
        "set_config('statement_timeout', '1', false) IS NOT NULL",
    )
    checks = [{"type": "sql", "query": f"SELECT {text}"} for text in hostile]
    with pytest.raises(TransferError, match="violates foreign key constraint"):
        warehouse.load({"id": [1]}, checks=checks)
    warehouse.run("INSERT INTO {} VALUES (1)", "vendors")
    for write in (APPEND, {"mode": "merge", "key": ["id"]}):
        warehouse.load({"id": [1]}, write, checks=checks)
    assert warehouse.rows() == [(1,)]
    for ending in ("COMMIT", "SELECT true; COMMIT", "SELECT true; DROP TABLE x"):
        with pytest.raises(TransferError):
            warehouse.load({"id": [1]}, REPLACE, checks=[{"type": "sql", "query": ending}])


def test_a_trigger_that_gives_up_the_locks(warehouse: Warehouse) -> None:
    """The transaction has one of its own, that nothing gives up before its end."""
    warehouse.load({"id": [0]})
    warehouse.run(
        f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_unlock_all(); RETURN NEW; END $$"
    )
    warehouse.run(
        "CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW"
        f" EXECUTE FUNCTION {warehouse.schema}.f()"
    )
    held: list[Any] = []

    def look(*args: Any) -> None:
        held.extend(warehouse.locks())
        record(*args)

    record = ledger.record
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "record", look)
        warehouse.load({"id": [1]}, load_id="run 2")
    assert held
    assert warehouse.rows() == [(0,), (1,)]
    assert warehouse.locks() == []
