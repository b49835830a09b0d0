"""`factory demo` as a person runs it: real PostgreSQL, real scheduler, twice into one database."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from factory_embedded.services import postgres
from tests.patience import output

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
FACTORY = Path(sys.executable).with_name("factory")
CONTENT = """
    SELECT count(*), count(DISTINCT (vendor_id, pickup_at, dropoff_at)), sum(total_amount),
           min(pickup_at)::text, max(pickup_at)::text
    FROM raw.yellow_taxi
"""


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(FACTORY), "demo", "--exit", "--home", str(home)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_below(home: Path) -> list[str]:
    """What still runs of a demo: by its working folder, its arguments or its environment."""
    return [line for process in psutil.process_iter() if (line := _line_of(process, home))]


def _line_of(process: psutil.Process, home: Path) -> str:
    try:
        line = " ".join(process.cmdline())
        places = [line, process.cwd(), process.environ().get("AIRFLOW_HOME", "")]
        alive = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return ""
    return line if alive and any(str(home) in place for place in places) else ""


def rows(home: Path) -> object:
    with postgres.running(home / "postgres") as server, psycopg.connect(server.uri) as connection:
        return connection.execute(CONTENT).fetchone()


def test_three_months_are_loaded_and_loading_them_again_leaves_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with start(home) as first:
        said, _ = output(first, 400)
    assert first.returncode == 0, said
    assert "raw.yellow_taxi: 300,000 rows\n3 of 3 runs succeeded\n" in said
    assert processes_below(home) == []
    loaded = rows(home)
    assert isinstance(loaded, tuple)
    assert loaded[:2] == (300_000, 300_000)

    with start(home) as second:
        said, _ = output(second, 400)
    assert second.returncode == 0, said
    assert "raw.yellow_taxi still holds 300,000 rows" in said
    assert "raw.yellow_taxi: 300,000 rows\n3 of 3 runs succeeded\n" in said
    assert processes_below(home) == []
    assert rows(home) == loaded


def test_ended_in_the_middle_it_leaves_no_process(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.rstrip().endswith("running"):
                break
        assert len(processes_below(tmp_path)) > 5
        demo.send_signal(signal.SIGTERM)
        said = demo.stdout.read()
    assert demo.returncode == 128 + signal.SIGTERM, said
    assert "stopping" in said
    assert processes_below(tmp_path) == []
    time.sleep(1)
    assert processes_below(tmp_path) == []
