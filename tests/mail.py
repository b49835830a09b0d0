"""A real SMTP server on the loopback that keeps what it is sent."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from factory_embedded.ports import free_port

LOGIN = ("sender", "s3cret word")


class _Implicit(Controller):
    """TLS from the first byte, which aiosmtpd's own takes no trust for when it looks at itself."""

    def _trigger_server(self) -> None:
        with socket.create_connection((self.hostname, self.port), timeout=10):
            pass


@contextmanager
def serving(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False
) -> Iterator[tuple[int, list[EmailMessage]]]:
    """With `tls` it wants STARTTLS, or TLS from the first byte; with `login`, `LOGIN`."""
    received: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(  # noqa: N802
            self, server: Any, session: Any, envelope: Any
        ) -> str:
            message: Any = message_from_bytes(envelope.content, policy=policy.default)
            received.append(message)
            return "250 OK"

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == LOGIN, handled=False)

    starts = tls is not None and not implicit
    begins: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if starts else {}
    wants: dict[str, Any] = {"authenticator": known, "auth_required": True} if login else {}
    controller = (_Implicit if implicit else Controller)(
        Handler(),
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=tls if implicit else None,
        auth_require_tls=starts,
        **begins,
        **wants,
    )
    controller.start()
    try:
        yield controller.port, received
    finally:
        controller.stop()


def connection(port: int) -> dict[str, Any]:
    """An Airflow connection to it, by the names of its fields."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.org"}
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}


def text(message: EmailMessage) -> str:
    """The body as it is written."""
    body = message.get_body(("html", "plain"))
    assert body is not None
    return str(body.get_content())
