"""An S3 server on the loopback, for the demo and the tests: moto's, with the door closed.

moto takes any credentials. Here a signed request must be signed with the server's own key, and an
unsigned one may do only what a bucket's policy allows to everybody. Objects are kept in memory.

    python -m factory_embedded.services.s3 FOLDER      (the keys stand in the environment)
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from factory_embedded.patience import Patience
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.supervise import supervised

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READY_SECONDS = 60.0
REGION = "us-east-1"

_ACCESS_KEY, _SECRET_KEY = "FACTORY_S3_ACCESS_KEY", "FACTORY_S3_SECRET_KEY"
_PORT_FILE = "port"
_PAUSE = 0.05
_ACCOUNT = "123456789012"  # moto's own
_DENIED = "AccessDenied", "Access Denied"
_UNKNOWN_KEY = (
    "InvalidAccessKeyId",
    "The AWS Access Key Id you provided does not exist in our records.",
)
_WRONG_SIGNATURE = (
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
)


@dataclass(frozen=True)
class Server:
    """Where a running server listens, and the key that it takes."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    region: str = REGION

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
        """Make a bucket and return its URL.

        ``anyone_may_write`` is a bucket policy that lets unsigned requests put objects, as NiFi's
        `InvokeHTTP` does.
        """
        client = self.client()
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
    folder: Path, *, port: int = 0, cancelled: Callable[[], bool] = never
) -> Iterator[Server]:
    """Serve S3 on 127.0.0.1 until the block ends; its log is in ``folder``.

    Port 0 takes a free one. Raises `ServiceError`, with the end of the log, when it does not start,
    and `Cancelled` once ``cancelled`` says so.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PORT_FILE).unlink(missing_ok=True)
    log = folder / "s3.log"
    access_key, secret_key = secrets.token_hex(10).upper(), secrets.token_urlsafe(30)
    env = os.environ | {_ACCESS_KEY: access_key, _SECRET_KEY: secret_key}
    command = [sys.executable, "-m", __name__, str(folder), str(port)]
    with supervised(command, env=env, cwd=folder, log=log, stop_seconds=2.0) as process:
        listening = _await_port(process, folder, log, cancelled)
        yield Server(f"http://127.0.0.1:{listening}", access_key, secret_key, process)


def _await_port(
    process: subprocess.Popen[bytes], folder: Path, log: Path, cancelled: Callable[[], bool]
) -> int:
    patience = Patience(READY_SECONDS)
    while True:
        if (folder / _PORT_FILE).exists():
            return int((folder / _PORT_FILE).read_text())
        if cancelled():
            raise Cancelled
        if process.poll() is not None or patience.is_over:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ServiceError(f"the S3 server did not start; the end of {log}:\n{tail}")
        time.sleep(_PAUSE)


def main(folder: Path, port: int, env: Mapping[str, str]) -> int:
    """The server's own process."""
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import make_server

    app = guarded(create_backend_app("s3"), env[_ACCESS_KEY], env[_SECRET_KEY], _everybody_may)
    server = make_server("127.0.0.1", port, app, threaded=True)
    new = folder / f".{_PORT_FILE}"
    new.write_text(str(server.server_port))
    new.rename(folder / _PORT_FILE)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


def guarded(
    app: WSGIApplication,
    access_key: str,
    secret_key: str,
    everybody_may: Callable[[str, str, str], bool],
) -> WSGIApplication:
    """``app``, for requests with a right signature and those that everybody may make."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        refused = _refusal(environ, access_key, secret_key, everybody_may)
        return _refuse(*refused, start) if refused else app(environ, start)

    return answer


def _refusal(
    environ: WSGIEnvironment,
    access_key: str,
    secret_key: str,
    everybody_may: Callable[[str, str, str], bool],
) -> tuple[str, str] | None:
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if not authorization:
        bucket, _, key = unquote(urlsplit(environ["RAW_URI"]).path)[1:].partition("/")
        plain = not environ["QUERY_STRING"]
        may = plain and everybody_may(environ["REQUEST_METHOD"], bucket, key)
        return None if may else _DENIED
    parts = dict(
        part.strip().split("=", 1)
        for part in authorization.partition(" ")[2].split(",")
        if "=" in part
    )
    key_id, *scope = parts.get("Credential", "").split("/")
    if key_id != access_key or len(scope) != 4:
        return _UNKNOWN_KEY
    expected = _signature(environ, parts.get("SignedHeaders", ""), secret_key, scope[1])
    right = secrets.compare_digest(expected, parts.get("Signature", ""))
    return None if right else _WRONG_SIGNATURE


def _signature(environ: WSGIEnvironment, signed: str, secret_key: str, region: str) -> str:
    """AWS's Signature Version 4 of the request."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {name: _header(environ, name) for name in signed.split(";")}
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{environ.get('HTTP_HOST', '')}{environ['RAW_URI']}",
        headers=headers,
    )
    request.context["timestamp"] = headers.get("x-amz-date", "")
    auth = S3SigV4Auth(Credentials("", secret_key), "s3", region)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(to_sign, request))


def _header(environ: WSGIEnvironment, name: str) -> str:
    variable = name.upper().replace("-", "_")
    prefix = "" if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_"
    return str(environ.get(prefix + variable, ""))


def _refuse(code: str, message: str, start: StartResponse) -> Iterable[bytes]:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    content = body.encode()
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))]
    # an unread body would be taken for the next request
    start("403 Forbidden", [*headers, ("Connection", "close")])
    return [content]


def _everybody_may(method: str, bucket: str, key: str) -> bool:
    """Whether the bucket's policy says so; only objects are put and read by everybody."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.exceptions import MissingBucket
    from moto.s3.models import s3_backends

    action = {"GET": "s3:GetObject", "PUT": "s3:PutObject"}.get(method)
    if not action or not key:
        return False
    try:
        found = s3_backends[_ACCOUNT]["aws"].get_bucket(bucket)
    except MissingBucket:
        return False
    permission = found.get_permission(action, f"arn:aws:s3:::{bucket}/{key}")
    return bool(permission == PermissionResult.PERMITTED)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), os.environ))
