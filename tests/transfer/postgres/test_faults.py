"""Faults in the middle of a load: the target stays as it was, and the retry is right."""

import datetime as dt
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory.transfer.errors import TransferError
from factory.transfer.postgres import columns, ledger
from factory.transfer.warehouse import load as loading
from factory.transfer.warehouse import parquet
from factory_embedded.services.postgres import running

from .conftest import Warehouse

START = "2024-01-01"
WRITES: dict[str, dict[str, Any]] = {
    "append": {"mode": "append"},
    "replace": {"mode": "replace"},
    "merge": {"mode": "merge", "key": ["id"], "duplicates": "last"},
    "partition": {"mode": "partition", "column": "day", "start": START, "end": "2024-02-01"},
}
ROWS = 120_000
DATA = {"id": list(range(ROWS)), "day": [dt.date(2024, 1, 2)] * ROWS}
BEFORE = {"id": [-1], "day": [dt.date(2024, 1, 1)]}
LEFT = {"append": 1, "replace": 0, "merge": 1, "partition": 0}  # of the row that was before

LOAD = """
import json, sys
from factory.stores.disk import Disk
from factory.definitions import writes
from factory.transfer.postgres import columns, load, publish
from factory.transfer.warehouse import parquet
from factory.transfer.warehouse import load as order
uri, path, table, write, where = sys.argv[1:]

def stop(*args, **kwargs):
    print("here", flush=True)
    sys.stdin.read()

parquet.ROWS = 10_000
if where == "copying":
    real, count = columns.on_wire, 0
    def on_wire(batch, schema):
        global count
        count += 1
        if count == 10:
            stop()
        return real(batch, schema)
    columns.on_wire = on_wire
elif where == "staged":
    order._checked = stop
elif where == "publishing":
    publish.ledger.record = stop
load.load(uri, Disk(), [path], table=table,
          write=writes.parse(json.loads(write)), load_id="run 2")
"""


@pytest.mark.parametrize(
    ("mode", "where"),
    [  # up to the publish, all modes are alike
        *((mode, where) for mode in ("append", "replace") for where in ("copying", "staged")),
        *((mode, "publishing") for mode in WRITES),
    ],
)
def test_killed_and_repeated(mode: str, where: str, warehouse: Warehouse) -> None:
    write = WRITES[mode]
    warehouse.load(BEFORE, write)
    with pytest.raises(TransferError):  # writes the file that is loaded below
        warehouse.load(DATA, write, load_id="run 0", checks=[{"type": "row_count", "max": 1}])
    arguments = [warehouse.uri, str(warehouse.stage / "data-0.parquet")]
    arguments += [f"{warehouse.schema}.trips", json.dumps(write), where]
    with subprocess.Popen(
        [sys.executable, "-c", LOAD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        if (mode, where) != ("replace", "publishing"):  # where the table's name is locked
            assert warehouse.rows("id") == [(-1,)]
        os.kill(process.pid, signal.SIGKILL)
    assert warehouse.rows("id") == [(-1,)]
    for _ in range(2):
        warehouse.load(DATA, write, load_id="run 2")
        expected = ROWS + LEFT[mode]
        found = warehouse.run("SELECT count(*), count(DISTINCT id) FROM {}")
        assert found == [(expected, expected)]
        assert warehouse.tables() == {"trips", "_factory_loads"}
    assert warehouse.locks() == []


Fault = Callable[[], None]


@contextmanager
def at(where: str, fault: Fault) -> Iterator[None]:
    """Let `fault` happen at a moment of the next load, in this process."""
    name, real, call = {
        "copying": ("postgres.columns.on_wire", columns.on_wire, 10),
        "staged": ("warehouse.load._checked", loading._checked, 1),
        "publishing": ("postgres.ledger.record", ledger.record, 1),
    }[where]
    with pytest.MonkeyPatch.context() as patch:
        calls: Iterator[int] = itertools.count(1)

        def instead(*args: Any, **kwargs: Any) -> Any:
            if next(calls) == call:
                fault()
            return real(*args, **kwargs)  # type: ignore[operator]

        patch.setattr(parquet, "ROWS", 10_000)
        patch.setattr(f"factory.transfer.{name}", instead)
        yield


WHERE = ["copying", "staged", "publishing"]


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_the_server_ends_the_connections(mode: str, where: str, warehouse: Warehouse) -> None:
    write = WRITES[mode]
    warehouse.load(BEFORE, write)

    def end() -> None:
        warehouse.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    with at(where, end), pytest.raises(TransferError, match="connection to PostgreSQL was lost"):
        warehouse.load(DATA, write, load_id="run 2")
    assert warehouse.rows("id") == [(-1,)]
    assert warehouse.tables() == {"trips", "_factory_loads"}
    assert warehouse.locks() == []
    warehouse.load(DATA, write, load_id="run 2")
    assert warehouse.run("SELECT count(DISTINCT id) FROM {}") == [(ROWS + LEFT[mode],)]


def test_the_server_restarts(tmp_path: Path) -> None:
    """Fast (SIGINT) and immediate (SIGQUIT), as `pg_ctl restart -m` does it."""
    data = tmp_path / "cluster" / "data"
    done = 0
    for how, where in [
        (signal.SIGINT, "copying"),
        (signal.SIGQUIT, "copying"),
        (signal.SIGQUIT, "staged"),
        (signal.SIGQUIT, "publishing"),
    ]:
        with running(data) as server:
            warehouse = Warehouse(server.uri, "public", tmp_path)
            if not done:
                warehouse.load(BEFORE)
            postmaster = int((data / "postmaster.pid").read_text().split()[0])

            def end(pid: int = postmaster, how: int = how, uri: str = server.uri) -> None:
                os.kill(pid, how)
                while True:
                    try:
                        psycopg.connect(uri).close()
                    except psycopg.OperationalError:
                        if not (data / "postmaster.pid").exists():
                            return
                    time.sleep(0.02)

            with at(where, end), pytest.raises(TransferError, match="was lost"):
                warehouse.load(DATA, load_id=f"{how} {where}")
        with running(data) as server:
            warehouse = Warehouse(server.uri, "public", tmp_path)
            assert warehouse.run("SELECT count(*) FROM {}") == [(1 + done * ROWS,)]
            warehouse.load(DATA, load_id=f"{how} {where}")
            done += 1
            assert warehouse.run("SELECT count(*) FROM {}") == [(1 + done * ROWS,)]
            assert warehouse.tables() == {"trips", "_factory_loads"}


def test_a_retry_waits_for_the_work_of_a_killed_process_and_not_for_long(
    warehouse: Warehouse,
) -> None:
    """Its session is asked every two seconds whether somebody is still there."""
    warehouse.load(BEFORE)
    slow = f"CREATE FUNCTION {warehouse.schema}.slow() RETURNS trigger LANGUAGE plpgsql AS"
    warehouse.run(slow + " $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$")
    warehouse.run(
        f"CREATE TRIGGER slow BEFORE INSERT ON {{}} EXECUTE FUNCTION {warehouse.schema}.slow()"
    )
    arguments = [warehouse.uri, str(warehouse.stage / "data-0.parquet")]
    arguments += [f"{warehouse.schema}.trips", json.dumps(WRITES["append"]), "nowhere"]
    with subprocess.Popen([sys.executable, "-c", LOAD, *arguments]) as process:
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        while not warehouse.run(sleeping):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    warehouse.run("SET lock_timeout = '30s'; ALTER TABLE {} DISABLE TRIGGER slow")
    assert warehouse.load(BEFORE, load_id="run 2", lock_timeout=30).published
    assert len(warehouse.rows()) == 2
