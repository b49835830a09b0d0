"""A real Airflow (`airflow standalone`) on the loopback, for the demo and the end-to-end tests.

A home, a PostgreSQL and a LocalExecutor of its own, nothing listening beyond 127.0.0.1. However the
caller ends, nothing of it is left running (see `supervise`).

Not SQLite: it has one writer at a time, so that on a slow disk Airflow's API answers 500 ("database
is locked"), or with a longer time-out waits for itself.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from factory_embedded.airflow_api import AirflowApi, ApiError
from factory_embedded.patience import Patience
from factory_embedded.ports import free_port
from factory_embedded.service import Cancelled, Connection, ServiceError, install_hint, never
from factory_embedded.services import postgres
from factory_embedded.supervise import supervised

_USER = "admin"
_TAIL = 40
_COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@dataclass(frozen=True)
class Airflow:
    """A running Airflow. ``env`` is the environment that its processes have."""

    url: str
    username: str
    password: str = field(repr=False)
    home: Path
    log: Path
    env: Mapping[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @cached_property
    def api(self) -> AirflowApi:
        """Its REST API, as the admin."""
        return AirflowApi(self.url, self.username, self.password)

    @property
    def look(self) -> str:
        """Its pages, for its one user."""
        return f"{self.url} (user {self.username}, password {self.password})"

    @property
    def connection(self) -> Connection:
        """How another Airflow reaches its API."""
        place = urlsplit(self.url)
        return Connection(
            "http",
            str(place.hostname),
            place.port,
            login=self.username,
            password=self.password,
        )

    @property
    def ended(self) -> bool:
        """Whether it died by itself."""
        return self.process.poll() is not None


@contextmanager
def running(
    home: Path,
    *,
    dags: Path | None = None,
    connections: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    port: int = 0,
    paused: bool = False,
    parallelism: int = 3,
    ready_seconds: float = 180.0,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Airflow]:
    """Run Airflow with its home in ``home`` and its Dags from ``dags``, by default a folder of it.

    ``connections`` maps a conn_id to its URI or JSON; ``env`` is added to the environment, from
    which all of the caller's AIRFLOW and FACTORY variables are removed; ``paused`` says whether new
    Dags start paused; port 0 takes a free one. Yields when every component is healthy. Raises
    ServiceError when it or its PostgreSQL dies or takes too long, with the last lines of the log,
    and Cancelled as soon as ``cancelled()`` is true.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    _require_free(port)
    password = _write_password(home)
    dags = (dags or home / "dags").absolute()
    environment = _environment(home, dags, port, paused, parallelism)
    environment |= {
        f"AIRFLOW_CONN_{conn_id.upper()}": value for conn_id, value in (connections or {}).items()
    }
    log = home / "standalone.log"
    command = [str(_wrapper(home)), "standalone"]
    with ExitStack() as stack:
        database = stack.enter_context(postgres.running(home / "postgres", cancelled=cancelled))
        environment |= {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.uri, **(env or {})}
        process = stack.enter_context(supervised(command, env=environment, cwd=home, log=log))
        airflow = Airflow(
            url=f"http://127.0.0.1:{port}",
            username=_USER,
            password=password,
            home=home,
            log=log,
            env=environment,
            process=process,
        )
        _wait_until_healthy(airflow, ready_seconds, cancelled)
        yield airflow


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServiceError(f"port {port} cannot be used: {error.strerror}") from error


def _write_password(home: Path) -> str:
    file = home / "passwords.json"
    password = secrets.token_urlsafe(12)
    file.touch(mode=0o600)
    file.write_text(json.dumps({_USER: password}) + "\n")
    return password


def _wrapper(home: Path) -> Path:
    """An `airflow` command that comes first on PATH, where `standalone` finds its own.

    The scheduler and the triggerer would each serve logs on all network interfaces, which no
    setting prevents. Here the logs are local files, so that nobody needs those servers.
    """
    program = Path(sys.executable).with_name("airflow")
    if not program.exists():
        raise ServiceError(
            "Airflow is not installed in this environment",
            hint=install_hint(),
        )
    wrapper = home / "bin" / "airflow"
    wrapper.parent.mkdir(exist_ok=True)
    command = f"exec {shlex.quote(str(program))}"
    wrapper.write_text(
        "#!/bin/sh\n"
        f'case "$1" in scheduler|triggerer) {command} "$@" --skip-serve-logs ;; esac\n'
        f'{command} "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper


def _environment(
    home: Path, dags: Path, port: int, paused: bool, parallelism: int
) -> dict[str, str]:
    theirs = ("AIRFLOW", "_AIRFLOW", "FACTORY_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    url = f"http://127.0.0.1:{port}"
    path = (str(home / "bin"), str(Path(sys.executable).parent), environment.get("PATH", ""))
    no_proxy = ",".join(filter(None, ("127.0.0.1,localhost", environment.get("NO_PROXY"))))
    return environment | {
        "PATH": os.pathsep.join(path),
        "NO_COLOR": "1",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__EXPOSE_STACKTRACE": "True",  # on the loopback: a 500 says why
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",  # Airflow before 3.2
    }


def _wait_until_healthy(airflow: Airflow, seconds: float, cancelled: Callable[[], bool]) -> None:
    patience = Patience(seconds)
    while not _healthy(airflow.api):
        if cancelled():
            raise Cancelled
        if airflow.ended:
            raise ServiceError(f"Airflow ended during its start\n{log_tail(airflow.log)}")
        if patience.is_over:
            raise ServiceError(
                f"Airflow is not healthy after {patience.waited:.0f} s\n{log_tail(airflow.log)}"
            )
        time.sleep(0.3)


def _healthy(api: AirflowApi) -> bool:
    try:
        health = api.health()
    except ApiError:
        return False
    return all(health.get(name) == "healthy" for name in _COMPONENTS)


def log_tail(log: Path, lines: int = _TAIL) -> str:
    """The log's last lines, indented, below its name."""
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join([f"  {log}:", *(f"  | {line}" for line in last)])
