"""Services that run until they are told to end, for a person who tries pipelines on them."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import NoReturn

from factory.diagnostics import did_you_mean
from factory.errors import UsageError
from factory_embedded import services, state
from factory_embedded.exports import exported
from factory_embedded.folders import only_user_of
from factory_embedded.service import Cancelled, Connection, HasBuckets, HasFolder, Running, Service
from factory_embedded.stop import Stop

UNTIL_CTRL_C = "Ctrl-C ends it; the data stays."


def serve(home: Path, chosen: Mapping[str, str], dags: Path, *, end: str = UNTIL_CTRL_C) -> int:
    """Run services, by the ids of their connections, with all their data below ``home``.

    An Airflow loads ``dags``, and knows the connections of those that stand before it. ``end`` says
    how a person ends them. The exit code is that of a program that a signal ended. Raises
    `UsageError` for a service that does not exist, and `ServiceError`.
    """
    found = {conn_id: find(name) for conn_id, name in chosen.items()}
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n")
    with Stop() as stop, only_user_of(home, state.lock(home)), state.kept(home, chosen) as ready:
        try:
            with ExitStack() as stack:
                connections = _start(home, found, dags, stop, stack)
                exports = stack.enter_context(exported(home / "connections.sh", connections))
                print(how_to_use(exports), end, sep="\n", flush=True)
                ready()
                _stay(stop)
        except Cancelled:
            return 128 + stop.signal


def find(name: str) -> Service:
    """The service of a name. Raises `UsageError`, with the nearest name."""
    known = services.names()
    if name not in known:
        hint = did_you_mean(name, known) or f"there is {', '.join(known)}"
        raise UsageError(f"there is no service {name!r}", hint)
    return services.find(name)


def how_to_use(exports: Path) -> str:
    """What a person types in another shell, and what it sets."""
    lines = exports.read_text().splitlines()
    first = ["to run pipelines here, in another shell:", f"  . {shown(exports)}"]
    return "\n".join([*first, "which sets Airflow's connections:", *(f"  {x}" for x in lines)])


def shown(path: Path) -> str:
    """A path as a person may type it here."""
    near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return shlex.quote(str(near))


def _start(
    home: Path, found: Mapping[str, Service], dags: Path, stop: Stop, stack: ExitStack
) -> dict[str, Connection]:
    connections: dict[str, Connection] = {}
    for conn_id, service in found.items():
        print(f"{conn_id} is starting …", flush=True)
        running = _running(service, home / conn_id, dags, connections, stop)
        server = stack.enter_context(running)
        connections[conn_id] = server.connection
        print(f"{conn_id} is ready; to look inside:\n  {server.look}", flush=True)
        for line in _how_to_fill(server, conn_id):
            print(line, flush=True)
    return connections


def _how_to_fill(server: Running, conn_id: str) -> Iterator[str]:
    """Where its files are, and how one comes there; a bucket is made for them."""
    if isinstance(server, HasFolder):
        yield f"its files are those in:\n  {shown(server.folder)}"
    if isinstance(server, HasBuckets):
        bucket = _bucket(conn_id)
        server.create_bucket(bucket)
        place = f"{server.scheme}://{conn_id}@{bucket}/"
        yield f"it has a bucket; in a pipeline:\n  {place}…"
        yield f"to put a file into it, in another shell as below:\n  factory put FILE {place}"


def _stay(stop: Stop) -> NoReturn:
    while True:
        stop.obey()
        time.sleep(0.2)


def _bucket(conn_id: str) -> str:
    """A bucket's name like the connection's."""
    name = re.sub("[^a-z0-9]+", "-", conn_id.lower()).strip("-")
    return name if 3 <= len(name) <= 63 else "bucket"


def _running(
    service: Service, folder: Path, dags: Path, before: Mapping[str, Connection], stop: Stop
) -> AbstractContextManager[Running]:
    if getattr(service, "__name__", "") != f"{services.__name__}.airflow":
        return service.running(folder, cancelled=stop.received)
    from factory_embedded.services import airflow

    known = {conn_id: one.json for conn_id, one in before.items()}
    env = {"FACTORY_ENV": os.environ.get("FACTORY_ENV", "dev")}
    return airflow.running(folder, dags=dags, connections=known, env=env, cancelled=stop.received)
