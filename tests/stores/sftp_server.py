"""A real SFTP server of a folder, in a process of its own; also found by other processes.

Run as a script, it is that server: it prints its port and its key, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PORT, KEY = "TESTS_SFTP_PORT", "TESTS_SFTP_KEY"
LOGIN, PASSWORD = "me", "s3cret-word"
CLOSED = "closed to this login"
"""A name that this server refuses: who is root may look everywhere."""


class Server(NamedTuple):
    """`host_key` is as known_hosts and a connection's `host_key` have it."""

    home: Path
    port: int
    host_key: str

    @property
    def connection(self) -> dict[str, Any]:
        """As Airflow has it."""
        extra = {"host_key": self.host_key}
        login = {"login": LOGIN, "password": PASSWORD, "extra": extra}
        return {"conn_type": "sftp", "host": "127.0.0.1", "port": self.port, **login}


@contextmanager
def running(home: Path, *, lacks: tuple[str, ...] = (), user_key: str = "") -> Iterator[Server]:
    """One that lacks extensions of the protocol, and lets in who has a key."""
    options = {"lacks": lacks, "user_key": user_key}
    command = [sys.executable, __file__, json.dumps(options)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=home, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            port, host_key = json.loads(process.stdout.readline())
            yield Server(home, port, host_key)
        finally:
            process.kill()


def serve(monkeypatch: Any, server: Server, port: int = 0) -> None:
    """Let `find` ask this server, by another port when one is given."""
    monkeypatch.setenv(PORT, str(port or server.port))
    monkeypatch.setenv(KEY, server.host_key)


def find(uri: str) -> Any:
    """The place of an address, by the session that a task would have."""
    from factory.stores import open_uri

    return open_uri(uri, lambda scheme, conn_id: session())


def session() -> Any:
    """That of the server that the environment names."""
    return _made(int(os.environ[PORT]), os.environ[KEY])


@cache
def _made(port: int, host_key: str) -> Any:
    from base64 import b64decode

    import paramiko

    from factory.stores.sftp.session import Session

    def connect() -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        name, data = host_key.split()[:2]
        key = paramiko.Ed25519Key(data=b64decode(data))
        client.get_host_keys().add(f"[127.0.0.1]:{port}", name, key)
        client.connect(
            "127.0.0.1",
            port,
            LOGIN,
            PASSWORD,
            timeout=10,
            banner_timeout=60,
            look_for_keys=False,
            allow_agent=False,
        )
        return client

    return Session(connect)


async def _serve(options: dict[str, Any]) -> None:
    import asyncssh

    class Logins(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (LOGIN, PASSWORD)

    class Files(asyncssh.SFTPServer):
        """Its own, but for what is closed."""

        def map_path(self, path: bytes) -> bytes:
            if CLOSED.encode() in path:
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            return super().map_path(path)

    handler = asyncssh.sftp.SFTPServerHandler
    lacks = {name.encode() for name in options["lacks"]}
    handler._extensions = [one for one in handler._extensions if one[0] not in lacks]
    key = asyncssh.generate_private_key("ssh-ed25519")
    users = options["user_key"] and asyncssh.import_authorized_keys(options["user_key"])
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Logins,
        server_host_keys=[key],
        authorized_client_keys=users or None,
        sftp_factory=Files,
        compression_algs=None,
    )
    host_key = key.export_public_key().decode().strip()
    print(json.dumps([server.get_port(), host_key]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
