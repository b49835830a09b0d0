"""The S3 server of `stores`: versitygw, which takes the least of the processors that it shares with
the sides, where it is installed or Go can build it; else SeaweedFS, as in the tests.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory_embedded.patience import Patience
from factory_embedded.ports import free_ports
from factory_embedded.services import s3
from factory_embedded.supervise import supervised

MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
NAME = "versitygw"

_HOME = Path(sys.prefix) / "peers" / "bin"
_READY_SECONDS = 60.0
_BUILD_SECONDS = 600


def program() -> str | None:
    """The path of versitygw, built if need be; None where that cannot be."""
    path = os.pathsep.join((str(_HOME), os.environ.get("PATH", "")))
    return shutil.which(NAME, path=path) or _built()


def _built() -> str | None:
    go = shutil.which("go")
    if go is None:
        return None
    env = os.environ | {"GOBIN": str(_HOME)}
    try:
        subprocess.run(
            [go, "install", MODULE],
            env=env,
            check=True,
            capture_output=True,
            timeout=_BUILD_SECONDS,
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return str(_HOME / NAME)


@contextmanager
def running(folder: Path, found: str | None) -> Iterator[s3.Server]:
    """The server with its objects below `folder`: the program that was `found`, or SeaweedFS."""
    with s3.running(folder) if found is None else _versity(folder, found) as server:
        yield server


@contextmanager
def _versity(folder: Path, found: str) -> Iterator[s3.Server]:
    data, log = folder / "data", folder / "s3.log"
    data.mkdir()
    (port,) = free_ports(1)
    key, secret = secrets.token_hex(10), secrets.token_hex(20)
    command = (found, "--port", f"127.0.0.1:{port}", "--region", s3.REGION, "--quiet")
    env = os.environ | {"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret}
    with supervised((*command, "posix", str(data)), env=env, cwd=folder, log=log) as process:
        server = s3.Server(f"http://127.0.0.1:{port}", key, secret, process)
        _await(server, log)
        yield server


def _await(server: s3.Server, log: Path) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    patience = Patience(_READY_SECONDS)
    while True:
        try:
            server.client().list_buckets()
        except (BotoCoreError, ClientError) as error:
            if server.process.poll() is not None or patience.is_over:
                raise RuntimeError(f"{NAME} did not start:\n{log.read_text()}") from error
            time.sleep(0.1)
        else:
            return
