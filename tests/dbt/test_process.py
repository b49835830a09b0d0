"""A command on its leash: what it says, and that it ends. Real processes, none of dbt's."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory.dbt import process
from factory.dbt.errors import DbtError
from tests.patience import until

EVENT = '{"info": {"level": "warn", "msg": "it is late", "name": "X"}, "data": {}}'


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def listened(command: list[str], folder: Path, seconds: float = 300) -> process.Said:
    with process.running(command, {"OWN": "own"}, folder) as running:
        return running.listen(seconds)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_events_and_other_lines_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = EVENT.replace("warn", "error")
    code = f"import sys; print({EVENT!r}); print({error!r}); print('as it is', end=''); sys.exit(2)"
    with caplog.at_level(logging.INFO):
        said = listened(python(code), tmp_path)
    assert said == process.Said(2, ("it is late",))
    told = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert told == [("WARNING", "it is late"), ("ERROR", "it is late"), ("INFO", "as it is")]


def test_what_is_airflows_is_not_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_IT", "its-own-w0rd")
    monkeypatch.setenv("DBT_OF_THE_WORKER", "kept")
    with caplog.at_level(logging.INFO):
        listened(["/usr/bin/env"], tmp_path)
    assert "its-own-w0rd" not in caplog.text
    assert "OWN=own" in caplog.text
    assert "DBT_OF_THE_WORKER=kept" in caplog.text


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, lambda *_: print("asked to end", flush=True))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pids.new", "w").write(f"{child.pid}")
os.rename("pids.new", "pids")
for _ in range(6000): time.sleep(0.1)
"""


def test_what_does_not_end_when_asked_is_killed_with_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.5)
    with process.running(python(STUBBORN), {}, tmp_path) as running:
        until((tmp_path / "pids").exists)
        running.end()
        with caplog.at_level(logging.INFO):
            said = running.listen(300)
    assert said.status == 128 + signal.SIGKILL
    assert "asked to end" in caplog.text
    pid = int((tmp_path / "pids").read_text())
    until(lambda: not alive(pid), "the end of its child")


def test_a_time_out_ends_it(tmp_path: Path) -> None:
    code = "import time; open('begun', 'w').close(); time.sleep(600)"
    with pytest.raises(process.TimedOut, match="ended after 1 seconds"):
        listened(python(code), tmp_path, seconds=1)


HOLDS = """
import sys
from pathlib import Path
from factory.dbt import process
with process.running([sys.executable, "-c", sys.argv[1]], {}, Path(sys.argv[2])) as running:
    running.listen(600)
"""
WRITES = """
import os, time
open("pid", "w").write(str(os.getpid()))
try:
    time.sleep(600)
except KeyboardInterrupt:
    for _ in range(1000): print("cancels its queries" * 100, flush=True)
    open("cancelled", "w").close()
"""


def test_who_is_killed_lets_go(tmp_path: Path) -> None:
    """What it says then has nobody to read it, and it must not end by that."""
    command = [sys.executable, "-c", HOLDS, WRITES, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as holder:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        holder.kill()
    until((tmp_path / "cancelled").exists, "the end that it had time for")
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not alive(pid), "its end")


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DbtError, match="no `dbt` on the PATH of this worker"):
        process.found(None)
    assert process.found(sys.executable) == sys.executable
