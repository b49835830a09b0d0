"""One command of dbt: begun, listened to, and ended whatever happens."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from factory.dbt.errors import DbtError

log = logging.getLogger(__name__)

GRACE = 30.0
"""Seconds in which dbt may cancel its queries, before it is killed."""
_KEPT = 5  # errors that are told again at the end
_LEASH = Path(__file__).with_name("leash.py")
_LEVELS = {"debug": logging.DEBUG, "warn": logging.WARNING, "error": logging.ERROR}
_OURS = ("AIRFLOW", "_AIRFLOW", "FACTORY_", "PYTHON", "VIRTUAL_ENV")
"""What begins so is of Airflow's environment: its secrets, and its Python."""
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Said:
    """The exit status of a command, and the last errors that it told."""

    status: int
    errors: tuple[str, ...]


class TimedOut(DbtError):
    """It took longer than it may."""


def found(executable: str | None) -> str:
    """The path of dbt. Raises `DbtError` when there is none."""
    path = shutil.which(executable or "dbt")
    if path is not None:
        return path
    where = f"no program {executable}" if executable else "no `dbt` on the PATH of this worker"
    raise DbtError(
        f"there is {where}",
        "Install dbt-core and the adapter of the warehouse into an environment of their own, and "
        "let `executable` name its bin/dbt",
    )


class Dbt:
    """A command that runs; `end` may be called from a signal's handler, at any moment."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Begin; `env` comes on top of this process's environment, less what is Airflow's."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LEASH), str(GRACE), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**_environment(), **_QUIET, **env},
            cwd=cwd,
            start_new_session=True,
        )

    def end(self) -> None:
        """Interrupt it, if it still runs: it cancels its queries, or is killed after `GRACE`."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def listen(self, seconds: float) -> Said:
        """Log what it says until it ends. Raises `TimedOut`."""
        deadline = time.monotonic() + seconds
        errors: deque[str] = deque(maxlen=_KEPT)
        assert self._process.stdout is not None
        for line in _lines(self._process.stdout, deadline):
            if line is None:
                raise TimedOut(f"dbt was ended after {seconds:.0f} seconds, the `timeout`")
            level, text = read(line)
            if text:
                log.log(level, "%s", text)
            if level >= logging.ERROR and text:
                errors.append(text)
        return Said(self._process.wait(), tuple(errors))

    def wait(self) -> None:
        """Let what was ended come to its end."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE + 5)


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Iterator[Dbt]:
    """A command, which does not outlive the block."""
    dbt = Dbt(command, env, cwd)
    try:
        yield dbt
    finally:
        dbt.end()
        dbt.wait()


def read(line: bytes) -> tuple[int, str]:
    """The level and the text of one line: an event of `--log-format json`, or plain text."""
    text = line.decode(errors="replace").strip()
    with suppress(ValueError, KeyError, TypeError):
        info = json.loads(text)["info"]
        return _LEVELS.get(info["level"], logging.INFO), str(info["msg"]).strip()
    return logging.INFO, text


def _lines(output: IO[bytes], deadline: float) -> Iterator[bytes | None]:
    """Each line; None when the deadline has passed."""
    import select

    rest = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([output], [], [], left)[0]:
            yield None
            return
        block = os.read(output.fileno(), 1 << 16)
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        if not block:
            if rest:
                yield rest
            return


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
