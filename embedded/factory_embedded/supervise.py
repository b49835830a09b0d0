"""Run a command so that nothing of it outlives this process, however this process ends.

A small watcher stands between: it holds the reading end of a pipe whose writing end only this
process has. When the pipe closes, because the block ended or because this process was killed, the
watcher interrupts the command and then ends whatever is left of it. On Linux the watcher adopts
orphans, so processes that moved to sessions of their own are found too.

    python -m factory_embedded.supervise STOP_SECONDS COMMAND [ARGUMENT …]
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_PAUSE = 0.1
_TERM_SECONDS = 3.0
_KILL_SECONDS = 15.0


@contextmanager
def supervised(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    stop_seconds: float = 5.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` in an own session, its output appended to ``log``, until the block ends.

    Then it is interrupted (SIGINT) and has ``stop_seconds`` to end; what remains is told to end
    (SIGTERM), then killed. Yields the watcher's process, which ends when the command ends, with the
    command's exit code.
    """
    watcher = [sys.executable, "-m", __name__, str(stop_seconds), *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            watcher,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=cwd,
            env=dict(env),
        )
    try:
        yield process
    finally:
        _release(process, stop_seconds + 2 * _KILL_SECONDS)


def _release(process: subprocess.Popen[bytes], seconds: float) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        left = _descendants(process.pid)
        process.kill()
        process.wait()
        _signal(left, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """The watcher: run the command until it ends or the pipe on stdin closes."""
    stop_seconds, command = float(arguments[0]), arguments[1:]
    _adopt_orphans()
    stopping = _StopSignal()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    known: list[psutil.Process] = []
    while _reap(child) is None:
        if stopping.received or _closed(sys.stdin.fileno(), _PAUSE):
            known = _descendants(os.getpid())
            child.send_signal(signal.SIGINT)
            _wait(child, stop_seconds)
            break
    _end_all(child, known)
    return abs(_reap(child) or 0)


class _StopSignal:
    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _closed(pipe: int, seconds: float) -> bool:
    readable, _, _ = select.select([pipe], [], [], seconds)
    return bool(readable) and not os.read(pipe, 1024)


def _wait(child: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _reap(child) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _reap(child: subprocess.Popen[bytes]) -> int | None:
    """The child's exit code once it ended; collects adopted orphans on the way."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child.pid:
                child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode


def _end_all(child: subprocess.Popen[bytes], known: list[psutil.Process]) -> None:
    """End what is left: a dead process's children are adopted here and found next time round."""
    started = time.monotonic()
    told: set[psutil.Process] = set()
    while (waited := time.monotonic() - started) < _KILL_SECONDS:
        _reap(child)
        left = {*_descendants(os.getpid()), *(process for process in known if _runs(process))}
        if not left:
            return
        if waited < _TERM_SECONDS:
            _signal(left - told, signal.SIGTERM)
            told |= left
        else:
            _signal(left, signal.SIGKILL)
        time.sleep(_PAUSE)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        found = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in found if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
