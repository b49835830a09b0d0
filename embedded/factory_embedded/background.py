"""Services without a shell of their own: started, asked after and ended by three commands.

They run in one process, the same that a person would leave running in a shell.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from factory_embedded import serve, state
from factory_embedded.folders import is_in_use
from factory_embedded.patience import Patience
from factory_embedded.service import ServiceError
from factory_embedded.stop import Stop

_END = "`factory services down` ends them; the data stays."
_END_SECONDS = 120.0
_PAUSE = 0.1


def up(home: Path, chosen: Mapping[str, str], dags: Path) -> int:
    """Start them and return when all are ready; 0 also when just these run already.

    Raises `UsageError` for a service that does not exist, and `ServiceError` when others run.
    """
    for name in chosen.values():
        serve.find(name)
    before = state.read(home)
    if before and before.ready and before.services == chosen:
        print("they run already")
        return status(home)
    if before or is_in_use(state.lock(home)):
        names = f": {_named(before.services)}" if before else ""
        hint = "those of one folder start together: `factory services down`, then `up` with all"
        raise ServiceError(f"services run already below {home}{names}", hint)
    home.mkdir(parents=True, exist_ok=True)
    state.forget(home)
    log = home / "services.log"
    with Stop() as stop, _started(home, chosen, dags, log) as process, log.open() as said:
        while True:
            ended = process.poll() is not None
            found = state.read(home)
            print(said.read(), end="", flush=True)
            if ended:
                return 128 + stop.signal if stop.received() else process.returncode or 1
            if found and found.ready and found.pid == process.pid:
                return 0
            if stop.received():
                process.send_signal(signal.SIGTERM)
            time.sleep(_PAUSE)


def down(home: Path) -> int:
    """End them, and return when nothing of them runs. Raises `ServiceError` when they stay."""
    found = state.read(home)
    if found is None:
        print(f"no services run below {serve.shown(home)}")
        return 0
    print(f"{_named(found.services)}: stopping …", flush=True)
    os.kill(found.pid, signal.SIGTERM)
    patience = Patience(_END_SECONDS)
    while is_in_use(state.lock(home)):
        if patience.is_over:
            raise ServiceError(f"the services do not end: process {found.pid}")
        time.sleep(_PAUSE)
    print(f"stopped; the data stays in {serve.shown(home)}")
    return 0


def status(home: Path) -> int:
    """Say what runs, and how it is reached; 1 when nothing does, or not yet."""
    found = state.read(home)
    if found is None:
        print(f"no services run below {serve.shown(home)}")
        return 1
    ready = "ready" if found.ready else "starting"
    for conn_id, name in found.services.items():
        print(f"{conn_id:12} {name:10} {ready}")
    if not found.ready:
        return 1
    print(serve.how_to_use(home / "connections.sh"))
    print(_END)
    return 0


def _named(services: Mapping[str, str]) -> str:
    return ", ".join(services)


@contextmanager
def _started(
    home: Path, chosen: Mapping[str, str], dags: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own session, so that this shell's Ctrl-C and its end leave it alone."""
    command = [sys.executable, "-m", __name__, str(home), json.dumps(dict(chosen)), str(dags)]
    log.unlink(missing_ok=True)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    except BaseException:
        process.send_signal(signal.SIGTERM)
        raise


def main(home: str, chosen: str, dags: str) -> int:
    """The process that runs them."""
    from factory.errors import FactoryError

    try:
        return serve.serve(Path(home), json.loads(chosen), Path(dags), end=_END)
    except FactoryError as error:
        print(f"error: {error.message}", *([f"  hint: {error.hint}"] * bool(error.hint)), sep="\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
