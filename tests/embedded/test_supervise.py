import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factory_embedded.supervise import supervised
from tests.patience import seconds, until
from tests.processes import runs

# A command that leaves the session, ignores what it can, and has a daemon of its own.
STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
def leave(name):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        open(name, "w").write(str(os.getpid()))
        time.sleep(600)
leave(sys.argv[1] + "/daemon")
open(sys.argv[1] + "/main", "w").write(str(os.getpid()))
time.sleep(600)
"""

HOLDER = """
import os, sys, time
from pathlib import Path
from factory_embedded.supervise import supervised
folder = Path(sys.argv[1])
command = [sys.executable, "-c", sys.argv[2], str(folder)]
with supervised(command, env=os.environ, cwd=folder, log=folder / "log", stop_seconds=0.2):
    time.sleep(600)
"""


def pids(folder: Path) -> list[int]:
    """Of the main process and its daemon, once both run."""

    def written() -> list[int]:
        texts = [(folder / n).read_text() for n in ("main", "daemon") if (folder / n).exists()]
        return [int(text) for text in texts] if len(texts) == 2 and all(texts) else []

    return until(written, "both processes")


def run(folder: Path, code: str, wait: float | None = None) -> int:
    command = [sys.executable, "-c", code, str(folder)]
    with supervised(
        command, env=os.environ, cwd=folder, log=folder / "log", stop_seconds=0.2
    ) as process:
        if wait is not None:
            process.wait(wait)
    return int(process.returncode)


def test_the_exit_code_and_the_output_are_kept(tmp_path: Path) -> None:
    assert run(tmp_path, "import os; print('hello', flush=True); os._exit(7)", wait=20) == 7
    assert (tmp_path / "log").read_text() == "hello\n"


def test_a_polite_command_is_interrupted(tmp_path: Path) -> None:
    code = """
import sys, time
try:
    open(sys.argv[1] + "/main", "w").write("up")
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted")
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    log = tmp_path / "log"
    with supervised(command, env=os.environ, cwd=tmp_path, log=log):
        while not (tmp_path / "main").exists():
            time.sleep(0.02)
        time.sleep(0.1)
    assert log.read_text() == "interrupted\n"


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
class TestStubborn:
    def test_it_ends_with_the_block(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", STUBBORN, str(tmp_path)]
        log = tmp_path / "log"
        with supervised(
            command, env=os.environ, cwd=tmp_path, log=log, stop_seconds=0.2
        ) as process:
            found = pids(tmp_path)
            assert all(runs(pid) for pid in found)
        assert not any(runs(pid) for pid in (*found, process.pid))

    def test_it_ends_when_its_main_process_ends(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", STUBBORN, str(tmp_path)]
        log = tmp_path / "log"
        with supervised(command, env=os.environ, cwd=tmp_path, log=log) as process:
            main, daemon = pids(tmp_path)
            os.kill(main, signal.SIGKILL)
            assert process.wait(seconds(20)) == 9
            assert not runs(daemon)

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_it_ends_when_its_owner_is_killed(self, tmp_path: Path, number: int) -> None:
        command = [sys.executable, "-c", HOLDER, str(tmp_path), STUBBORN]
        with subprocess.Popen(command) as holder:
            found = pids(tmp_path)
            holder.send_signal(number)
        until(lambda: not any(runs(pid) for pid in found))
