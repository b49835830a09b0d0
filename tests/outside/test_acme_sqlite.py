"""A warehouse and a check of another package: nothing in factory/ knows of them."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory import registry
from factory.definitions import checks, formats, writes
from factory.definitions.warehouses import POSTGRES
from factory.stores.disk import Disk
from factory.transfer.errors import (
    BadOption,
    BadRow,
    ChecksFailed,
    Missing,
    SchemaChanged,
    TransferError,
)
from factory.transfer.target import Target
from factory.transfer.to_parquet import to_parquet
from factory.transfer.warehouse.check import Checked, check
from factory.transfer.warehouse.load import Loaded
from factory.transfer.warehouse.parts import Changed
from factory.transfer.warehouse.warehouse import find

PACKAGE = Path(__file__).parent / "acme_sqlite"
DATA = {"id": [1, 2, 4], "name": ["a", None, "c"]}
MIN = {"type": "row_count", "min": 3}
NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Database:
    """A file, and loads into it."""

    path: Path

    def load(
        self,
        data: Mapping[str, Any] | pa.Table,
        mode: str = "append",
        *given: dict[str, Any],
        load_id: str = "run 1",
        **more: Any,
    ) -> Loaded:
        staged = self.path.with_suffix(".parquet")
        pq.write_table(data if isinstance(data, pa.Table) else pa.table(data), staged)
        done: Loaded = import_module("acme_sqlite.load").load(
            str(self.path),
            Disk(),
            [str(staged)],
            table="trips",
            write=writes.parse({"mode": mode}),
            checks=[checks.parse(each) for each in given],
            load_id=load_id,
            **more,
        )
        return done

    def check(self, *given: dict[str, Any], **more: Any) -> Checked:
        asked = [checks.parse(each) for each in given]
        more = {"table": "trips", "as_of": NOON, **more}
        return check(find("sqlite"), str(self.path), checks=asked, **more)

    def run(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(query).fetchall()

    def rows(self) -> list[tuple[Any, ...]]:
        return self.run("SELECT * FROM trips ORDER BY 1")

    def tables(self) -> set[str]:
        return {name for (name,) in self.run("SELECT name FROM sqlite_master")}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.syspath_prepend(PACKAGE)
    registry.outside.cache_clear()
    yield Database(tmp_path / "acme.db")
    registry.outside.cache_clear()


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_repeated_load_leaves_the_same_rows(database: Database, mode: str) -> None:
    first = database.load(DATA, mode)
    assert (first.published, first.rows, first.changed) == (True, 3, Changed(3))
    again = database.load(DATA, mode)
    assert again.published == (mode == "replace")
    assert database.rows() == [(1, "a"), (2, None), (4, "c")]
    database.load({"id": [6], "name": ["d"]}, mode, load_id="run 2")
    assert len(database.rows()) == (4 if mode == "append" else 1)
    assert database.tables() == {"trips", "_factory_loads"}


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_failed_check_publishes_nothing(database: Database, mode: str) -> None:
    database.load(DATA, mode, MIN)
    more = {"id": [7], "name": ["x"]}
    asked: list[dict[str, Any]] = [
        {"type": "not_null", "columns": ["name"]},
        {**MIN, "max_change": "0.1"},
    ]
    with pytest.raises(ChecksFailed, match=r"1 row, the previous load had 3, a change of -0\.667"):
        database.load(more, mode, *asked, load_id="run 2")
    assert database.rows() == [(1, "a"), (2, None), (4, "c")]
    assert database.tables() == {"trips", "_factory_loads"}
    assert database.load(more, mode, load_id="run 2").published


def test_columns_that_differ(database: Database) -> None:
    database.load(DATA)
    wider = {"id": [9], "name": ["z"], "fare": [0.5]}
    with pytest.raises(SchemaChanged, match=r"it has no column 'fare' \(REAL\)"):
        database.load(wider, load_id="run 2")
    database.load(wider, load_id="run 2", on_schema_change="add_columns")
    assert database.rows()[-1] == (9, "z", 0.5)
    with pytest.raises(SchemaChanged, match="its column 'id' is INTEGER, the load's is TEXT"):
        database.load({"id": ["x"], "name": ["y"], "fare": [1.0]}, load_id="run 3")


NUL_CSV, NUL_JSONL = b"id,name\n1,x\0y\n", b'{"id": 1, "name": "x\\u0000y"}\n'
OLD = pa.table({"id": [1], "name": pa.array([-(10**7)], pa.int32()).cast(pa.date32())})


@pytest.mark.parametrize(
    ("kind", "content", "said", "held"),
    [
        ("csv", NUL_CSV, r"f\.csv:2: .* holds a NUL, which no text in PostgreSQL can", "x\0y"),
        ("jsonl", NUL_JSONL, r"f\.jsonl:1: .* NUL .* which PostgreSQL has none of", "x\0y"),
        ("parquet", None, r"f\.parquet: column 'name' .* before 4713 BC", "-25410-12-06"),
    ],
)
def test_it_holds_what_postgresql_refuses(
    database: Database, kind: str, content: bytes | None, said: str, held: str
) -> None:
    source, staged = database.path.with_name(f"f.{kind}"), str(database.path.with_name("staged"))
    source.write_bytes(content) if content else pq.write_table(OLD, source)
    disk, format = Disk(), formats.of({"type": kind})
    with pytest.raises(BadRow, match=said):
        to_parquet(disk, [str(source)], disk, staged, format=format, into=Target(holds=POSTGRES))
    own = find("sqlite").can
    to_parquet(disk, [str(source)], disk, staged, format=format, into=Target(holds=own))
    database.load(pq.read_table(staged))
    assert database.rows() == [(1, held)]


def test_a_mode_that_it_has_not(database: Database) -> None:
    merge = writes.Merge(key=["id"])
    with pytest.raises(BadOption, match="SQLite takes no write mode merge"):
        import_module("acme_sqlite.load").load("", None, [], table="t", write=merge, load_id="x")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"type": "row_count", "min": 5}, "4 rows, expected at least 5"),
        ({"type": "not_null", "columns": ["name"]}, "name is null in 1 row"),
        ({"type": "unique", "columns": ["name"]}, "name: 1 value in 2 rows are not unique, for "),
        (
            {"type": "accepted_values", "column": "name", "values": ["a"]},
            "name has none of the 1 accepted value in 1 row, for example 'O''Neil \\' in 1 row",
        ),
        (
            {"type": "range", "column": "id", "min": 2, "max": 9},
            "id is from 1 to 4, expected at least 2 and at most 9: not so in 1 row, for example '1",
        ),
        ({"type": "matches", "column": "name", "pattern": "^a$"}, "name does not match ^a$ in 1 r"),
        (
            {"type": "freshness", "column": "at", "max_age": "1h"},
            "the newest at is 2024-01-02 10:00:00, 2.0h old, expected at most 1h",
        ),
        ({"type": "sql", "condition": "id < 4 -- all"}, "id < 4 -- all does not hold in 1 row"),
        ({"type": "sql", "query": "SELECT count(*) > 9 FROM {table}"}, "is false"),
    ],
)
def test_each_check(database: Database, asked: dict[str, Any], said: str) -> None:
    database.run('CREATE TABLE trips (id INTEGER, name TEXT, "at" TIMESTAMP)')
    database.run(
        "INSERT INTO trips VALUES (1, 'a', null), (2, 'a', '2024-01-01 10:00:00'),"
        " (3, null, '2024-01-02 10:00:00'), (4, 'O''''Neil \\', null)"
    )
    with pytest.raises(ChecksFailed) as raised:
        database.check(asked)
    assert said in raised.value.message
    (failed,) = raised.value.results
    warned = database.check({**asked, "severity": "warn"})
    assert (warned.rows, warned.checks[0].message) == (4, failed.message)
    assert json.dumps(warned.checks[0].plain())


def test_what_is_refused(database: Database) -> None:
    database.load(DATA)
    assert database.check(MIN).rows == 3
    assert database.check({"type": "row_count", "max": 1}, where="id > 2").rows == 1
    for asked, said in (
        ({"type": "matches", "column": "name", "pattern": "("}, "the pattern '(' in the check"),
        (
            {"type": "range", "column": "id", "min": "x"},
            "'x' is no INTEGER, which the col",
        ),
        ({"type": "sql", "condition": "nn > 1"}, "SQLite said: no such column: nn"),
        (
            {"type": "sql", "query": "DELETE FROM {table} RETURNING 1"},
            "in the check sql: SQL",
        ),
        ({"type": "freshness", "column": "id", "max_age": "1d"}, "the column id is INTEGER"),
    ):
        with pytest.raises(BadOption) as raised:
            database.check(asked)
        assert said in str(raised.value)
    with pytest.raises(Missing, match=r"no table or view tripz\. Did you mean 'trips'"):
        database.check(MIN, table="tripz")
    with pytest.raises(BadOption, match=r"warehouse's connection 'sqlit'\. Did you mean"):
        find("sqlit")
    assert len(database.rows()) == 3


EVEN = """
import json, sys
from factory.cli.main import main
code = main(["lint", "dag_factory_configs"])
print([name for name in ("psycopg", "pyarrow", "sqlglot") if name in sys.modules])
from factory.definitions import checks
from factory.transfer.errors import ChecksFailed
from factory.transfer.warehouse.check import check
from factory.transfer.warehouse.warehouse import find
even = checks.parse({"type": "even", "column": "id"})
try:
    check(find("sqlite"), sys.argv[1], table="trips", checks=[even])
except ChecksFailed as error:
    print(error)
"""
SPEC = """
version: 1
tasks:
  - id: x
    uses: check
    with: {conn_id: acme, table: trips, checks: [{type: even, column: %s}]}
"""


def test_a_check_of_another_package(database: Database) -> None:
    database.load(DATA)
    folder = database.path.parent / "dag_factory_configs"
    folder.mkdir()
    (folder / "good.yaml").write_text(SPEC % "id")
    (folder / "bad.yaml").write_text(SPEC % "[id]")
    done = subprocess.run(
        [sys.executable, "-c", EVEN, str(database.path)],
        cwd=folder.parent,
        env={"PYTHONPATH": f"{PACKAGE}:{Path.cwd()}", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *lint, heavy, said = done.stdout.splitlines()
    assert "bad.yaml:6:71: error[type]: this is a list" in "".join(lint)
    assert "good.yaml" not in "".join(lint)
    assert heavy == "[]"
    assert said.startswith("1 check failed: even: id is odd in 1 row, for example '1' in 1 row")


class Failing(checks.Plain, frozen=True, kw_only=True, tag="failing"):
    """Fails where it is told to."""

    where: str
    severity: checks.parts.Severity = "error"

    def prepare(self, columns: Sequence[str]) -> None:
        self._fail("prepare")

    def verify(self, rows: Any) -> None:
        self._fail("verify")

    def aggregates(self, rows: Any) -> dict[str, Any]:
        self._fail("aggregates")
        return {}

    def measure(self, rows: Any, measured: Mapping[str, Any]) -> dict[str, Any]:
        self._fail("measure")
        return {}

    def judge(self, rows: Any, measured: Mapping[str, Any]) -> Any:
        self._fail("judge")

    def _fail(self, where: str) -> None:
        if self.where == where:
            raise RuntimeError("no licence")


FAILING = ("prepare", "verify", "aggregates", "measure", "judge")


@pytest.mark.parametrize("where", FAILING)
def test_a_check_that_fails_says_its_name(database: Database, where: str) -> None:
    database.load(DATA)
    failing: Any = Failing(where=where)
    message = r"^the check failing fails: RuntimeError\('no licence'\)$"
    with pytest.raises(TransferError, match=message):
        check(find("sqlite"), str(database.path), table="trips", checks=[failing])


def test_a_check_that_judges_nothing_says_its_name(database: Database) -> None:
    database.load(DATA)
    nothing: Any = Failing(where="nowhere")
    with pytest.raises(TransferError, match=r"^the check failing fails: AttributeError"):
        check(find("sqlite"), str(database.path), table="trips", checks=[nothing])


@pytest.mark.parametrize(
    ("page", "files"),
    [
        ("add-a-check.md", ["even.py", "entry_points.txt"]),
        ("add-a-warehouse.md", ["rows.py", "warehouse.py", "load.py", "entry_points.txt"]),
    ],
)
def test_what_a_page_shows_is_what_runs(page: str, files: list[str]) -> None:
    text = (PACKAGE.parents[2] / "docs" / page).read_text(encoding="utf-8")
    shown = re.findall(
        r"^`(?:\w+/)?([\w.]+)`:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert [name for name, _ in shown] == files
    for name, code in shown:
        (path,) = PACKAGE.glob(f"*/{name}")
        assert path.read_text(encoding="utf-8") == code
