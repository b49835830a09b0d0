"""An S3 server on the loopback, for the demo and the tests: SeaweedFS, a program of its own.

A signed request must be signed with the server's own key, and an unsigned one may do only what a
bucket's policy allows to everybody. Objects are kept below the folder.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factory_embedded.patience import Patience
from factory_embedded.ports import free_ports
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.supervise import supervised

READY_SECONDS = 60.0
REGION = "us-east-1"

_PAUSE = 0.1
_STOP_SECONDS = 0.2  # it never ends by itself; what it was told to keep is on the disk by then
_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port.grpc"),
)
_KEY_FILE = "identities.json"
_READY = "factory-is-ready"  # a bucket, for a while


@dataclass(frozen=True)
class Server:
    """Where a running server listens, and the key that it takes."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    region: str = REGION
    scheme: str = "s3"

    @property
    def look(self) -> str:
        """Its address: there is no page."""
        return self.endpoint

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""
        place = {"endpoint_url": self.endpoint, "region_name": self.region}
        return Connection("aws", "", login=self.access_key, password=self.secret_key, extra=place)

    def client(self) -> Any:
        """A boto3 client of it."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(retries={"total_max_attempts": 2}, proxies={}),
        )

    def create_bucket(self, name: str, *, anyone_may_write: bool = False) -> str:
        """Make a bucket, where there is none of that name, and return its URL.

        ``anyone_may_write`` is a bucket policy that lets unsigned requests put objects, as NiFi's
        `InvokeHTTP` does.
        """
        client = self.client()
        if name not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=name)
        if anyone_may_write:
            statement = {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{name}/*",
            }
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        return f"{self.endpoint}/{name}"


@contextmanager
def running(
    folder: Path,
    *,
    port: int = 0,
    cancelled: Callable[[], bool] = never,
    others: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Serve S3 on 127.0.0.1 until the block ends; its log is in ``folder``.

    ``others`` are keys that it takes as well as its own, with their secrets. Port 0 takes a free
    one. Raises `ServiceError`, with the end of the log, when it does not start, and `Cancelled`
    once ``cancelled`` says so.
    """
    folder = folder.absolute()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    log = folder / "s3.log"
    access_key, secret_key = secrets.token_hex(10).upper(), secrets.token_urlsafe(30)
    _write_keys(folder / _KEY_FILE, {access_key: secret_key, **(others or {})})
    listening, *more = free_ports(1 + len(_PORTS))
    ports = {"s3.port": port or listening, **dict(zip(_PORTS, more, strict=True))}
    command = [_program(), *_options(folder, data, ports)]
    try:
        with supervised(
            command, env=os.environ, cwd=folder, log=log, stop_seconds=_STOP_SECONDS
        ) as process:
            url = f"http://127.0.0.1:{ports['s3.port']}"
            server = Server(url, access_key, secret_key, process)
            _await(server, log, cancelled)
            yield server
    finally:
        _remove_sockets(ports)


def _program() -> str:
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        raise ServiceError("the S3 server, SeaweedFS, is not installed")
    return found


def _write_keys(file: Path, keys: Mapping[str, str]) -> None:
    credentials = [{"accessKey": key, "secretKey": secret} for key, secret in keys.items()]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    owner = {"name": "factory", "credentials": credentials, "actions": actions}
    # who does not sign is somebody only where there is such a name; what a bucket's policy allows
    # to everybody counts for them then
    text = json.dumps({"identities": [owner, {"name": "anonymous", "actions": []}]})
    file.touch(mode=0o600)
    file.write_text(text)


def _options(folder: Path, data: Path, ports: dict[str, int]) -> Iterator[str]:
    yield from ("-logtostderr=true", "server", f"-dir={data}", "-filer", "-s3")
    yield from ("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder / _KEY_FILE}")
    yield from ("-s3.autoCreateBucket=false", "-s3.iam=false")
    yield from ("-s3.port.iceberg=0", "-s3.port.lance=0")
    yield from ("-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=500")
    yield from ("-master.electionTimeout=1s", "-master.heartbeatInterval=200ms")
    yield from (f"-{name}={port}" for name, port in ports.items())


def _await(server: Server, log: Path, cancelled: Callable[[], bool]) -> None:
    patience = Patience(READY_SECONDS)
    while not _is_ready(server):
        if cancelled():
            raise Cancelled
        if server.process.poll() is not None or patience.is_over:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ServiceError(f"the S3 server did not start; the end of {log}:\n{tail}")
        time.sleep(_PAUSE)


def _is_ready(server: Server) -> bool:
    """It answers before it has a place for objects: one is put, and goes again."""
    from botocore.exceptions import BotoCoreError, ClientError

    if server.process.poll() is not None:
        return False  # another program may answer on that port
    client = server.client()
    try:
        if _READY not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=_READY)
        client.put_object(Bucket=_READY, Key="x", Body=b"x")
        client.delete_object(Bucket=_READY, Key="x")
        client.delete_bucket(Bucket=_READY)
    except (BotoCoreError, ClientError):
        return False
    return True


def _remove_sockets(ports: dict[str, int]) -> None:
    """Files that it leaves in the temporary folder when it is ended."""
    for part in ("master", "volume", "filer", "s3"):
        Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock").unlink(
            missing_ok=True
        )
    for part in ("filer", "s3"):
        Path(f"/tmp/seaweedfs-{part}-{ports[f'{part}.port']}.sock").unlink(missing_ok=True)
