"""Loads into a real MariaDB: what only MySQL does, and the faults that it has."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from airflow.models.connection import Connection

from factory.in_airflow.doctor.trying import tried
from factory.transfer.errors import BadRow, SchemaChanged, TransferError
from factory.transfer.mysql import load as loading
from factory.transfer.mysql import publish, session, writing
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.session import Address
from factory.transfer.mysql.table import of_connection
from factory.transfer.warehouse.parts import Changed, Limits, staging_name
from factory_embedded.services import mariadb

from ..warehouse.contract import LEAST, STEPS, kill, rows_of, verdicts
from .test_contract import Mysql, bench

__all__ = ["bench"]

UTC = timezone.utc


@pytest.fixture(params=["LOAD DATA LOCAL", "INSERT"])
def either(request: pytest.FixtureRequest, bench: Mysql) -> Iterator[Mysql]:
    """A server that takes LOAD DATA LOCAL, and one that does not."""
    if request.param == "INSERT":
        bench.run("SET GLOBAL local_infile = OFF")
    yield bench
    bench.run("SET GLOBAL local_infile = ON")


HELD: list[tuple[str, pa.Array, object]] = [
    ("tinyint", pa.array([127], pa.int64()), 127),
    ("bigint unsigned", pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
    ("decimal(5,2)", pa.array([999], pa.int32()), Decimal("999.00")),
    (
        "decimal(65,30)",
        pa.array([Decimal("-0." + "1" * 30)], pa.decimal256(65, 30)),
        Decimal("-0." + "1" * 30),
    ),
    ("double", pa.array([0.1], pa.float32()), 0.10000000149011612),
    ("varchar(3) CHARACTER SET latin1", pa.array(["äöü"]), "äöü"),
    ("char(2)", pa.array(["DE"]), "DE"),
    ("text", pa.array(["a\\'\t\n\0\x1a"]), "a\\'\t\n\0\x1a"),
    ("json", pa.array(['{"a": [1, "é"]}']), '{"a": [1, "é"]}'),
    ("varbinary(2)", pa.array([b"\0\xff"]), b"\0\xff"),
    ("bit(8)", pa.array([200], pa.uint8()), b"\xc8"),
    ("bit(1)", pa.array([True]), b"\x01"),
    (
        "datetime",
        pa.array([datetime(2024, 1, 1, 1, 2, 3)], pa.timestamp("us")),
        datetime(2024, 1, 1, 1, 2, 3),
    ),
    (
        "datetime(6)",
        pa.array([datetime(2024, 7, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")),
        datetime(2024, 7, 1),
    ),
    (
        "time",
        pa.array([time(23, 59, 59)], pa.time64("us")),
        timedelta(hours=23, minutes=59, seconds=59),
    ),
    ("date", pa.array([date(9999, 12, 31)]), date(9999, 12, 31)),
]


@pytest.mark.parametrize(("kind", "given", "found"), HELD, ids=[kind for kind, *_ in HELD])
def test_what_a_column_holds(either: Mysql, kind: str, given: pa.Array, found: object) -> None:
    either.run(f"CREATE TABLE trips (id int, v {kind})")
    either.load(
        pa.table({"id": pa.array([1, 2]), "v": pa.concat_arrays([given, pa.nulls(1, given.type)])})
    )
    assert either.run("SELECT v FROM trips ORDER BY id") == [(found,), (None,)]


REFUSED: list[tuple[str, pa.Array, str]] = [
    (
        "tinyint",
        pa.array([1, 128]),
        "'v' of .*tinyint, does not take the value: it is out of range",
    ),
    ("int unsigned", pa.array([1, -1]), "it is out of range"),
    ("decimal(4,2)", pa.array([1, 100]), "it is out of range"),
    ("varchar(2)", pa.array(["ab", "abc"]), r"it (is too long|would be cut)"),
    ("varchar(2)", pa.array(["ab", "ab "]), r"it (is too long|would be cut)"),
    ("char(3)", pa.array(["ab", "ab "]), "no space at its end"),
    ("varchar(9) CHARACTER SET latin1", pa.array(["ä", "😀"]), "has no such value"),
    ("json", pa.array(["{}", "{"]), "the check v of the table refuses it|it is no JSON"),
    (
        "datetime",
        pa.array([datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)], pa.timestamp("us")),
        "would lose data",
    ),
    (
        "timestamp(6)",
        pa.array(
            [datetime(2024, 1, 1, tzinfo=UTC), datetime(1969, 1, 1, tzinfo=UTC)],
            pa.timestamp("us", "UTC"),
        ),
        "out of range|no such value",
    ),
    ("double", pa.array([1.0, float("nan")]), "MySQL has no number that is none"),
    ("date", pa.array([1, 2_932_897], pa.int32()).cast(pa.date32()), "no day after 9999-12-31"),
    ("int NOT NULL", pa.array([1, None], pa.int64()), "'v' is null in 1 row, and the column"),
]


@pytest.mark.parametrize(("kind", "given", "said"), REFUSED, ids=[kind for kind, *_ in REFUSED])
def test_what_it_does_not_hold_is_refused(
    either: Mysql, kind: str, given: pa.Array, said: str
) -> None:
    either.run(
        f"CREATE TABLE trips (id int, v {kind})",
        "INSERT INTO trips VALUES (7, 1)" if "int" in kind else "SELECT 1",
    )
    before = either.run("SELECT * FROM trips")
    with pytest.raises(BadRow, match=said) as raised:
        either.load({"id": [1, 2], "v": given})
    assert "row 2" in str(raised.value) or "NULL" in kind
    assert either.run("SELECT * FROM trips") == before
    assert either.tables() == {"trips"}


UNFIT = {
    "float": pa.array([0.1]),
    "decimal(9,1)": pa.array([Decimal("0.25")]),
    "int": pa.array([1.0]),
    "enum('a')": pa.array(["a"]),
    "binary(3)": pa.array([b"a"]),
    "year": pa.array([2024]),
    "timestamp": pa.array([datetime(2024, 1, 1)], pa.timestamp("us")),
    "date": pa.array([datetime(2024, 1, 1)], pa.timestamp("us")),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_types_that_would_change_values_are_refused(bench: Mysql, kind: str) -> None:
    bench.run(f"CREATE TABLE trips (v {kind})")
    with pytest.raises(SchemaChanged, match="its column 'v' is"):
        bench.load({"v": UNFIT[kind]})


def test_a_server_that_takes_no_local_file_is_told_of(
    either: Mysql, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    number = 70_000
    either.load({"id": pa.array(range(number)), "name": pa.array(["ä'\\" * 20] * number)})
    ((off,),) = either.run("SELECT NOT @@local_infile")
    assert ("local_infile is off" in caplog.text) == bool(off)
    assert either.run("SELECT count(*), count(DISTINCT id), min(name), max(name) FROM trips") == [
        (number, number, "ä'\\" * 20, "ä'\\" * 20)
    ]


def test_no_file_is_sent_that_a_server_asks_for(bench: Mysql, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("1\n")
    bench.run("CREATE TABLE trips (id int)")
    with writing.opened(bench.address, Limits(5, 5)) as connection:
        asks = f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE trips"
        with pytest.raises(RuntimeError, match="LOCAL"):
            connection.query(asks)
    with writing.opened(bench.address, Limits(5, 5)) as connection:
        assert writing.send(connection, asks, [memoryview(b"7\n")]) == (1, 0)
    assert bench.run("SELECT id FROM trips") == [(7,)]


KEPT = (
    "id bigint, name longtext DEFAULT 'x', day date, KEY k (id), n int AUTO_INCREMENT PRIMARY KEY"
)
HANGING = {
    "a trigger": "CREATE TRIGGER t BEFORE INSERT ON trips FOR EACH ROW SET NEW.name = NEW.name",
    "a foreign key": "ALTER TABLE trips ADD FOREIGN KEY (n) REFERENCES parent (n)",
    "one to it": "CREATE TABLE child (n int, FOREIGN KEY (n) REFERENCES trips (n))",
    "nothing": "SELECT 1",
}


@pytest.mark.parametrize("what", HANGING)
def test_a_replace_keeps_what_hangs_on_a_table(bench: Mysql, what: str) -> None:
    """Where nothing but its definition does, the staging table takes its place."""
    bench.run("CREATE TABLE parent (n int PRIMARY KEY)", "INSERT INTO parent VALUES (1), (2), (3)")
    bench.run(f"CREATE TABLE trips ({KEPT}) COMMENT 'of theirs'", HANGING[what])
    definition = "SHOW CREATE TABLE trips"
    before = bench.run(definition), bench.run("SHOW TRIGGERS")
    rows = rows_of(1).append_column("n", pa.array([1], pa.int32()))
    for _ in range(2):
        bench.load(rows, "replace")
    assert bench.rows()[0][:2] == (1, "a")
    after = bench.run(definition)[0][1].replace(" AUTO_INCREMENT=2", ""), bench.run("SHOW TRIGGERS")
    assert (after[0], after[1]) == (before[0][0][1], before[1])
    assert bench.tables() - {"parent", "child"} == {"trips"}


@pytest.fixture
def scoped(bench: Mysql, request: pytest.FixtureRequest) -> Iterator[Mysql]:
    """By an account that has the rights of the docs on its database, and more if so asked."""
    own = bench.address.database
    rights = "CREATE, DROP, ALTER, INSERT, SELECT, UPDATE, DELETE"
    more = [f"GRANT {each} TO clerk" for each in getattr(request, "param", ())]
    bench.run("CREATE USER clerk", f"GRANT {rights} ON {own}.* TO clerk")
    bench.run(*(grant.replace("OWN", own) for grant in more), f"CREATE DATABASE other_{own}")
    yield replace(bench, address=replace(bench.address, user="clerk"))
    bench.run(f"DROP DATABASE other_{own}", "DROP USER clerk")


def test_an_account_that_may_not_keep_what_checks_found(
    scoped: Mysql, bench: Mysql, caplog: pytest.LogCaptureFixture
) -> None:
    """It loads, and the log has the statement for who may."""
    bench.load(rows_of(1), load_id="run 0")
    bench.forget_checks()
    bench.run(f"REVOKE ALTER ON {bench.address.database}.* FROM clerk")
    caplog.set_level(logging.INFO)
    assert scoped.load(rows_of(2), "append", LEAST).published
    (found,) = scoped.load(rows_of(2), "append", LEAST).checks
    assert "an earlier try that kept no results" in found.message
    (add,) = set(re.findall("For one that may: (ALTER TABLE .*)", caplog.text))
    bench.run(add)
    for _ in range(2):
        done = scoped.load(rows_of(3), "append", LEAST, load_id="run 2")
        assert verdicts(done) == [("row_count", "error", "passed")]
    assert bench.ids() == [1, 2, 3]


SEEN = ["TRIGGER ON OWN.*", "REFERENCES ON *.*"]
UNSEEN_KEYS = "the account does not see the foreign keys of all databases"
UNSEEN = [[], SEEN[:1], SEEN[1:], ["TRIGGER ON `%`.*", SEEN[1]]]


@pytest.mark.parametrize("scoped", UNSEEN, ids=str, indirect=True)
def test_what_an_account_may_not_see_is_kept(scoped: Mysql, bench: Mysql) -> None:
    """A trigger that it does not see fires; a foreign key of a database of others is not met."""
    bench.run("CREATE TABLE trips (id bigint PRIMARY KEY, name longtext, day date)")
    bench.run("CREATE TRIGGER t AFTER INSERT ON trips FOR EACH ROW SET @x = 1")
    own = bench.address.database
    bench.run(f"CREATE TABLE other_{own}.child (id bigint REFERENCES {own}.trips (id))")
    definition, triggers = f"SHOW CREATE TABLE other_{own}.child", "SHOW TRIGGERS"
    before = bench.run(definition), bench.run(triggers)
    seen = "REFERENCES" in str(bench.run("SHOW GRANTS FOR clerk"))
    for number in (1, 2):
        with nullcontext() if seen else pytest.raises(TransferError, match=UNSEEN_KEYS):
            scoped.load(rows_of(number), "replace", load_id=f"run {number}")
    assert (bench.ids(), bench.tables()) == ([2] if seen else [], {"trips"})
    assert (bench.run(definition), bench.run(triggers)) == before


KEYED = "PRIMARY KEY (id)"
EXCHANGED = [([], "CHECK (id > 0)", False), (SEEN[:1], "CHECK (id > 0)", True)]
EXCHANGED += [(SEEN[1:], KEYED, False), (SEEN, KEYED, True), (["ALL ON *.*"], KEYED, True)]


@pytest.mark.parametrize(("scoped", "key", "may"), EXCHANGED, ids=str, indirect=["scoped"])
def test_a_table_is_exchanged_where_an_account_sees_all(
    scoped: Mysql, key: str, may: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scoped.load(rows_of(1))
    scoped.run(f"ALTER TABLE trips ADD {key}")
    done = scoped.load(rows_of(2), "replace", load_id="run 2")
    assert done.changed == Changed(1, deleted=0 if may else 1)
    assert ("without the right" in caplog.text) != may


@pytest.mark.parametrize("scoped", [[], SEEN[1:]], ids=str, indirect=True)
@pytest.mark.parametrize("key", [KEYED, "CHECK (id > 0)"])
@pytest.mark.parametrize("write", ["replace", "partition", "append"])
def test_where_foreign_keys_may_not_be_seen_no_row_is_deleted(
    scoped: Mysql, bench: Mysql, write: str, key: str
) -> None:
    scoped.load(rows_of(1))
    scoped.run(f"ALTER TABLE trips ADD {key}")
    seen = "REFERENCES" in str(scoped.run("SHOW GRANTS FOR clerk"))
    if seen or write == "append" or key != KEYED:
        scoped.load(rows_of(2), write, load_id="run 2")
        return
    own = bench.address.database
    bench.run(
        f"CREATE TABLE other_{own}.child (id bigint REFERENCES {own}.trips (id) ON DELETE CASCADE)",
        f"INSERT INTO other_{own}.child VALUES (1)",
    )
    with pytest.raises(TransferError, match=UNSEEN_KEYS) as told:
        scoped.load(rows_of(2), write, load_id="run 2")
    assert bench.run(f"SELECT * FROM other_{own}.child") == [(1,)]
    grant = (told.value.hint or "").partition(":")[0]
    bench.run(grant)
    with pytest.raises(TransferError, match=r"ON DELETE CASCADE\)"):
        scoped.load(rows_of(2), write, load_id="run 2")


def test_a_foreign_key_that_comes_while_a_table_is_exchanged(
    bench: Mysql, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.load(rows_of(1), primary_key=["id"])
    bench.run("CREATE TABLE child (id bigint REFERENCES trips (id))")
    before = bench.run("SHOW CREATE TABLE child")
    monkeypatch.setattr(publish, "may_move", lambda *_: True)
    done = bench.load(rows_of(2), "replace", load_id="run 2")
    assert done.changed == Changed(1, deleted=1)
    assert (bench.ids(), bench.tables()) == ([2], {"trips", "child"})
    assert bench.run("SHOW CREATE TABLE child") == before


MADE_UP = {
    "a number": ("id bigint AUTO_INCREMENT PRIMARY KEY", pa.array([5, None], pa.int64())),
    "a moment": (
        "v timestamp(6) NOT NULL",
        pa.array([datetime(2024, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    ),
}


@pytest.mark.parametrize("what", MADE_UP)
def test_no_value_is_made_up_for_a_null(either: Mysql, what: str) -> None:
    column, values = MADE_UP[what]
    either.run(f"CREATE TABLE trips ({column})")
    name = column.partition(" ")[0]
    with pytest.raises(BadRow, match=rf"row 2.*: '{name}' is null, and the column takes none"):
        either.load({name: values}, "replace")
    assert (either.rows(), either.tables()) == ([], {"trips"})


def test_a_replace_keeps_former_rows(bench: Mysql) -> None:
    """Those that a table of MariaDB WITH SYSTEM VERSIONING keeps."""
    columns = "id bigint, name longtext, day date"
    bench.run(f"CREATE TABLE trips ({columns}) WITH SYSTEM VERSIONING")
    bench.load(rows_of(1))
    bench.load(rows_of(2), "replace", load_id="run 2")
    assert bench.run("SELECT id FROM trips FOR SYSTEM_TIME ALL ORDER BY 1") == [(1,), (2,)]
    assert bench.ids() == [2]


def test_a_replace_gives_no_number_a_second_time(bench: Mysql) -> None:
    bench.run("CREATE TABLE trips (id int, n int AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 70")
    data = pa.table({"id": [1], "n": pa.array([3], pa.int32())})
    assert bench.load(data, "replace").changed == Changed(1)
    bench.run("INSERT INTO trips (id) VALUES (2)")
    assert bench.run("SELECT * FROM trips ORDER BY id") == [(1, 3), (2, 70)]


@pytest.mark.parametrize("charset", ["latin1", "utf8mb4 COLLATE utf8mb4_general_ci"])
def test_a_column_that_is_added_holds_what_was_checked(bench: Mysql, charset: str) -> None:
    bench.run(f"CREATE TABLE trips (id int) CHARACTER SET {charset}")
    data = {"id": pa.array([1, 2, 3], pa.int32()), "v": ["ł", "a", "A"]}
    unique = {"type": "unique", "columns": ["v"]}
    bench.load(data, "append", unique, on_schema_change="add_columns")
    assert bench.run("SELECT count(DISTINCT v), max(v) FROM trips") == [(3, "ł")]


@pytest.mark.parametrize("step", ["copy", "tidy", "ready", "publishing", "record"])
@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_connection_that_is_lost_between_two_steps(
    bench: Mysql, write: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.load(rows_of(1))
    whole = getattr(loading.Session, step)

    def lost(self: Any, *given: Any) -> Any:
        bench.run(f"KILL CONNECTION {self.connection.thread_id()}")
        return whole(self, *given)

    monkeypatch.setattr(loading.Session, step, lost)
    with pytest.raises(TransferError, match="the connection to MySQL was lost"):
        bench.load(rows_of(2), write, load_id="run 2")
    monkeypatch.undo()
    there = [1, 2] if write == "append" else [2]
    assert bench.ids() in ([1], there)
    bench.load(rows_of(2), write, load_id="run 2")
    assert (bench.ids(), bench.tables()) == (there, {"trips"})


def test_a_foreign_key_that_would_delete_others_rows(bench: Mysql) -> None:
    bench.run("CREATE TABLE trips (id bigint PRIMARY KEY, name longtext, day date)")
    bench.run(
        "CREATE TABLE child (id bigint, FOREIGN KEY (id) REFERENCES trips (id) ON DELETE CASCADE)"
    )
    bench.load(rows_of(1))
    bench.run("INSERT INTO child VALUES (1)")
    for mode in ("replace", "partition"):
        with pytest.raises(TransferError, match=rf"a {mode} deletes rows of .*ON DELETE CASCADE"):
            bench.load(rows_of(1), mode, load_id="run 2")
    bench.load(rows_of(1, name="b"), "merge", load_id="run 2")
    assert bench.run("SELECT * FROM child") == [(1,)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            "CREATE TABLE trips (id bigint) ENGINE=MyISAM",
            "engine MyISAM, which has no transactions",
        ),
        ("CREATE VIEW trips AS SELECT 1 AS id", "is a view, and can't be loaded into"),
    ],
)
def test_targets_that_are_refused(bench: Mysql, made: str, said: str) -> None:
    bench.run(made)
    with pytest.raises(TransferError, match=said):
        bench.load({"id": [1]})


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ("ALTER TABLE trips MODIFY name varchar(1)", "were altered while its rows were loaded"),
        ("ALTER TABLE trips DROP name", "it has no column 'name'"),
        ("ALTER TABLE trips ADD extra int NOT NULL", "'extra' .* is not in the load"),
    ],
)
@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_table_that_is_altered_meanwhile(
    bench: Mysql, write: str, altered: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.load(rows_of(1))
    whole = loading.Session.ready

    def ready(self: Any, staged: Any) -> None:
        whole(self, staged)
        bench.run(altered)

    monkeypatch.setattr(loading.Session, "ready", ready)
    with pytest.raises(TransferError, match=said):
        bench.load(rows_of(2), write, load_id="run 2")
    assert bench.run("SELECT id FROM trips") == [(1,)]
    assert bench.tables() == {"trips"}


@contextmanager
def held(bench: Mysql, *statements: str) -> Iterator[None]:
    """Another session holds what these have locked."""
    at = bench.address
    with mariadb.Server(at.host, at.port, at.user, at.database).connect(autocommit=False) as other:
        for statement in statements:
            other.query(statement)
        yield
        other.rollback()


@pytest.mark.parametrize("held_by", ["SELECT * FROM trips FOR UPDATE", "LOCK TABLES trips READ"])
@pytest.mark.parametrize("write", ["replace", "merge"])
def test_a_lock_that_is_not_given_up(bench: Mysql, write: str, held_by: str) -> None:
    bench.load(rows_of(1))
    said = r"was not free within the lock_timeout of 1 s"
    with held(bench, "BEGIN", held_by), pytest.raises(TransferError, match=said):
        bench.load(rows_of(1, name="b"), write, load_id="run 2", lock_timeout=1)
    assert bench.rows()[0][:2] == (1, "a")
    assert bench.tables() == {"trips"}
    bench.load(rows_of(1, name="b"), write, load_id="run 2", lock_timeout=1)
    assert bench.rows()[0][:2] == (1, "b")


def test_another_load_that_does_not_end(bench: Mysql) -> None:
    bench.load(rows_of(1))
    target = publish.holding(of_connection("trips", bench.address.database))
    said = "another load did not end within the lock_timeout"
    with (
        writing.opened(bench.address, Limits(5, 5)) as other,
        writing.locked(other, target, 5),
        pytest.raises(TransferError, match=said),
    ):
        bench.load(rows_of(2), load_id="run 2", lock_timeout=0.1)
    bench.load(rows_of(2), load_id="run 2")
    assert bench.ids() == [1, 2]


GONE = {
    "dropped": ["DROP TABLE trips"],
    "made anew": [
        *("DO SLEEP(1.1)", "DROP TABLE trips"),
        "CREATE TABLE trips (id bigint, name text, day date)",
    ],
}


@pytest.mark.parametrize("how", GONE)
def test_rows_that_are_gone_are_loaded_again(bench: Mysql, how: str) -> None:
    bench.load(rows_of(1))
    bench.load(rows_of(2), load_id="run 2")
    bench.run(*GONE[how])
    assert bench.load(rows_of(1)).published
    assert not bench.load(rows_of(1)).published
    assert bench.load(rows_of(2), load_id="run 2").published
    assert bench.ids() == [1, 2]


@pytest.mark.parametrize("how", ["TRUNCATE trips", "DELETE FROM trips"])
def test_where_nobody_can_tell_a_load_is_refused_aloud(bench: Mysql, how: str) -> None:
    bench.load(rows_of(1))
    bench.run(how)
    with pytest.raises(TransferError, match="by TRUNCATE, or were they deleted") as raised:
        bench.load(rows_of(1))
    bench.run(str(raised.value).partition("To load them again: ")[2])
    assert bench.load(rows_of(1)).published
    assert bench.ids() == [1]


def test_a_slow_end_of_a_load_is_no_other_table(
    bench: Mysql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times of tables are in whole seconds, and the end of a load alters its table."""
    own = tables.set_comment

    def slow(connection: Any, *rest: Any) -> None:
        writing.run(connection, "DO SLEEP(1.1)")
        own(connection, *rest)

    monkeypatch.setattr(tables, "set_comment", slow)
    bench.load(rows_of(1))
    bench.run("DELETE FROM trips")
    with pytest.raises(TransferError, match="or were they deleted"):
        bench.load(rows_of(1))


def test_other_rows_under_the_same_load(bench: Mysql) -> None:
    bench.load(rows_of(1))
    with pytest.raises(TransferError, match="are not the same, and are not added"):
        bench.load(rows_of(2))
    assert bench.ids() == [1]


@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_table_that_came_in_before_its_load_was_noted(
    bench: Mysql, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the worker ends between the two: the next to look brings the ledger up to it."""
    if write == "replace":
        bench.load(rows_of(1))

    def ends(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publish, "record", ends)
        with pytest.raises(KeyboardInterrupt):
            bench.load(rows_of(2), write, load_id="run 2")
    assert bench.ids() == [2]
    if write == "append":
        assert not bench.load(rows_of(2), load_id="run 2").published
    else:  # the rows of the first load are gone: it may come again
        assert bench.load(rows_of(1)).published
    noted = bench.run("SELECT load_id FROM _factory_loads ORDER BY 1")
    assert noted == ([("run 2",)] if write == "append" else [("run 1",), ("run 2",)])
    assert bench.run(
        "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_NAME = 'trips'"
        " AND TABLE_SCHEMA = DATABASE()"
    ) == [("",)]


def test_a_primary_key_and_indexes(bench: Mysql) -> None:
    keys: dict[str, Any] = {"primary_key": ["name"], "indexes": [["day"], ["id", "name"]]}
    with pytest.raises(BadRow, match=r"row 2 .*it has the key PRIMARY \(name\) that row 1"):
        bench.load(rows_of(1, 2), **keys)
    assert bench.tables() == set()
    with pytest.raises(BadRow, match=r"'name' is null in 1 row"):
        bench.load(rows_of(1).set_column(1, "name", pa.nulls(1, pa.string())), **keys)
    bench.load(pa.concat_tables([rows_of(1), rows_of(2, name="A")]), "replace", **keys)
    found = bench.run("SHOW INDEX FROM trips")
    assert sorted((key[2], key[4]) for key in found) == [
        ("PRIMARY", "name"),
        ("day", "day"),
        ("id", "id"),
        ("id", "name"),
    ]
    with pytest.raises(BadRow, match=r"row 2 .*it has the key PRIMARY \(name\) that row 1"):
        bench.load(rows_of(3, 4), "replace", load_id="run 2")
    assert bench.ids() == [1, 2]


@pytest.mark.parametrize("step", STEPS)
def test_what_a_killed_load_left_goes_with_the_same_again(bench: Mysql, step: str) -> None:
    bench.load(rows_of(1))
    kill(bench, step, rows_of(2), "append", "run 2")
    bench.load(rows_of(2), load_id="run 2")
    assert (bench.ids(), bench.tables()) == ([1, 2], {"trips"})


@pytest.mark.parametrize("rows", [0, 1])
def test_what_was_left_without_a_mark_goes_if_it_is_empty(bench: Mysql, rows: int) -> None:
    bench.load(rows_of(1))
    target = of_connection("trips", bench.address.database)
    left = staging_name(target, "killed")
    bench.run(f"CREATE TABLE {left} AS SELECT * FROM trips LIMIT {rows}")
    bench.load(rows_of(2), load_id="run 2")
    assert bench.tables() == ({"trips", left} if rows else {"trips"})


def test_a_column_without_a_value_takes_the_first_ones_type(bench: Mysql) -> None:
    bench.load(rows_of(1).append_column("fare", pa.nulls(1)))
    bench.load(rows_of(2).append_column("fare", pa.array([Decimal("1.50")])), load_id="run 2")
    assert bench.run("SELECT fare FROM trips ORDER BY id") == [(None,), (Decimal("1.50"),)]


def test_names_that_differ_in_their_case_alone(bench: Mysql) -> None:
    with pytest.raises(TransferError, match="'a' and 'A' are one for MySQL"):
        bench.load({"a": [1], "A": [2]})


def test_the_server_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "mariadb"
    whole = loading.Session.ready

    def opened(at: mariadb.Server) -> Mysql:
        return Mysql(tmp_path, Address(at.host, at.port, at.user, database=at.database))

    with mariadb.running(data) as at:
        opened(at).load(rows_of(1))

        def ready(self: Any, staged: Any) -> None:
            whole(self, staged)
            opened(at).run("SHUTDOWN")
            session.ask(self.connection, "DO SLEEP(30)")

        monkeypatch.setattr(loading.Session, "ready", ready)
        with pytest.raises(TransferError, match="the connection to MySQL was lost"):
            opened(at).load(rows_of(2), load_id="run 2")
    monkeypatch.undo()
    with mariadb.running(data) as at:
        bench = opened(at)
        assert bench.ids() == [1]
        bench.load(rows_of(2), load_id="run 2")
        assert (bench.ids(), bench.tables()) == ([1, 2], {"trips"})


def test_doctor_tells_of_the_server(either: Mysql) -> None:
    at = either.address
    given: dict[str, Any] = {"conn_type": "mysql", "host": at.host, "port": at.port}
    good, said = tried(Connection(conn_id="till", **given, login=at.user))
    ((off,),) = either.run("SELECT NOT @@local_infile")
    assert (good, "MariaDB" in said, "local_infile is off" in said) == (True, True, bool(off))
    wrong, said = tried(Connection(conn_id="till", **given, login="nobody", password="s3cret-word"))
    assert wrong is False
    assert "Access denied" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("first", ["merge", "append", "replace"])
def test_a_table_that_comes_while_the_first_merge_is_copied(
    bench: Mysql, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = loading.Session.ready

    def ready(self: Any, staged: Any) -> None:
        whole(self, staged)
        monkeypatch.undo()
        bench.load(rows_of(1), first, load_id="the other")

    monkeypatch.setattr(loading.Session, "ready", ready)
    both = pa.concat_tables([rows_of(1, name="b"), rows_of(2)])
    assert bench.load(both, "merge").changed == Changed(1, updated=1)
    assert [row[:2] for row in bench.rows()] == [(1, "b"), (2, "a")]
    assert bench.tables() == {"trips"}


def test_a_table_that_is_dropped_meanwhile(bench: Mysql, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loading.Session.ready

    def ready(self: Any, staged: Any) -> None:
        whole(self, staged)
        monkeypatch.undo()
        bench.run("DROP TABLE trips")

    bench.load(rows_of(1), "merge", primary_key=["id"])
    monkeypatch.setattr(loading.Session, "ready", ready)
    with pytest.raises(TransferError, match="was dropped while it was loaded"):
        bench.load(rows_of(2), "merge", load_id="run 2")
    assert bench.tables() == set()


KEYS = {
    "varchar": ["varchar(255)"] * 4,
    "text": ["longtext"] * 5,
    "mixed": ["longtext", "varbinary(16)", "decimal(65,30)", "char(36)", "varchar(255)"],
}


@pytest.mark.parametrize("name", KEYS)
def test_a_merge_key_of_many_texts(bench: Mysql, name: str) -> None:
    fields = [f"k{number} {kind}" for number, kind in enumerate(KEYS[name])]
    bench.run(f"CREATE TABLE trips ({', '.join(fields)}, v longtext)")
    of = {"varbinary(16)": b"a", "decimal(65,30)": Decimal(1)}
    data: dict[str, list[Any]] = {
        f"k{number}": [of.get(kind, "a")] for number, kind in enumerate(KEYS[name])
    }
    write = {"mode": "merge", "key": [*data]}
    bench.load({**data, "v": ["a"]}, write)
    changed = bench.load({**data, "v": ["b"]}, write, load_id="run 2").changed
    assert changed == Changed(0, updated=1)


@pytest.mark.parametrize("number", [1, 3, 5, 16])
def test_a_primary_key_of_many_texts(bench: Mysql, number: int) -> None:
    key = [f"k{each}" for each in range(number)]
    data: dict[str, list[Any]] = {each: ["ä" * 48] for each in key}
    data["k0"] = [b"a"] if number == 3 else data["k0"]
    write = {"mode": "merge", "key": key}
    for run in ("run 1", "run 2"):
        bench.load({**data, "v": [run]}, write, load_id=run, primary_key=key)
    assert len(bench.run("SHOW INDEX FROM trips")) == number
    assert bench.run("SELECT v FROM trips") == [("run 2",)]


def test_a_column_of_the_name_of_ours(bench: Mysql) -> None:
    data = rows_of(1).append_column("_factory_seen", pa.array(["x"]))
    for run in ("run 1", "run 2"):
        bench.load(data, "merge", load_id=run)
    assert bench.read().to_pylist() == data.to_pylist()


@pytest.mark.parametrize("names", [("ß", "ss"), ("σ", "ς"), ("e", "é")])
def test_names_that_are_two_for_mysql(bench: Mysql, names: tuple[str, str]) -> None:
    bench.load({name: [number] for number, name in enumerate(names)})
    assert bench.rows() == [(0, 1)]


def test_foreign_keys_of_a_table_of_another_case(bench: Mysql) -> None:
    if bench.run("SELECT @@lower_case_table_names") != [(0,)]:
        return
    bench.run("CREATE TABLE Trips (id bigint PRIMARY KEY)")
    bench.run("CREATE TABLE child (id bigint REFERENCES Trips (id) ON DELETE CASCADE)")
    bench.load(rows_of(1))
    assert bench.load(rows_of(2), "replace", load_id="run 2").changed == Changed(1)
    assert bench.ids() == [2]


@pytest.mark.parametrize(("name", "said"), [("a ", "ends with a space"), ("😀", "holds '😀'")])
def test_names_that_it_has_not(bench: Mysql, name: str, said: str) -> None:
    with pytest.raises(TransferError, match=f"can't be a name in MySQL: it {said}"):
        bench.load({name: [1]})
    with pytest.raises(TransferError, match=f"can't be a name in MySQL: it {said}"):
        bench.load({"id": [1]}, table=name)


@pytest.mark.parametrize(("number", "value"), [(400, "a"), (1010, 1)])
def test_more_columns_than_a_row_holds(bench: Mysql, number: int, value: object) -> None:
    with pytest.raises(TransferError, match="Row size too large") as raised:
        bench.load({f"c{each}": [value] for each in range(number)})
    assert "take fewer" in str(raised.value)
    assert bench.tables() == set()
