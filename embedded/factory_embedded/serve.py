"""Services that run until Ctrl-C, for a person who tries pipelines on them."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import NoReturn

from factory.diagnostics import did_you_mean
from factory.errors import UsageError
from factory_embedded import services
from factory_embedded.exports import exported
from factory_embedded.folders import only_user_of
from factory_embedded.service import Cancelled, Connection, Running, Service
from factory_embedded.stop import Stop


def serve(home: Path, chosen: Mapping[str, str], dags: Path) -> int:
    """Run services, by the ids of their connections, with all their data below ``home``.

    An Airflow loads ``dags``, and knows the connections of those that stand before it. The exit
    code is that of a program that a signal ended. Raises `UsageError` for a service that does not
    exist, and `ServiceError`.
    """
    found = {conn_id: _find(name) for conn_id, name in chosen.items()}
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n")
    with Stop() as stop, only_user_of(home, home / ".lock"):
        try:
            _serve(home, found, dags, stop)
        except Cancelled:
            return 128 + stop.signal


def _find(name: str) -> Service:
    known = services.names()
    if name not in known:
        hint = did_you_mean(name, known) or f"there is {', '.join(known)}"
        raise UsageError(f"there is no service {name!r}", hint)
    return services.find(name)


def _serve(home: Path, found: Mapping[str, Service], dags: Path, stop: Stop) -> NoReturn:
    with ExitStack() as stack:
        connections: dict[str, Connection] = {}
        for conn_id, service in found.items():
            print(f"{conn_id} is starting …", flush=True)
            running = _running(service, home / conn_id, dags, connections, stop)
            server = stack.enter_context(running)
            connections[conn_id] = server.connection
            print(f"{conn_id} is ready; to look inside:\n  {server.look}", flush=True)
        exports = stack.enter_context(exported(home / "connections.sh", connections))
        print(f"to run pipelines here, in another shell:\n  . {_shown(exports)}")
        print("Ctrl-C ends it; the data stays.", flush=True)
        while True:
            stop.obey()
            time.sleep(0.2)


def _running(
    service: Service, folder: Path, dags: Path, before: Mapping[str, Connection], stop: Stop
) -> AbstractContextManager[Running]:
    if getattr(service, "__name__", "") != f"{services.__name__}.airflow":
        return service.running(folder, cancelled=stop.received)
    from factory_embedded.services import airflow

    known = {conn_id: one.json for conn_id, one in before.items()}
    env = {"FACTORY_ENV": os.environ.get("FACTORY_ENV", "dev")}
    return airflow.running(folder, dags=dags, connections=known, env=env, cancelled=stop.received)


def _shown(path: Path) -> str:
    near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return shlex.quote(str(near))
