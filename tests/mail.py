"""A real SMTP server on the loopback that keeps what it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from factory_embedded.ports import free_port


@contextmanager
def serving() -> Iterator[tuple[int, list[EmailMessage]]]:
    received: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(  # noqa: N802
            self, server: Any, session: Any, envelope: Any
        ) -> str:
            message: Any = message_from_bytes(envelope.content, policy=policy.default)
            received.append(message)
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=free_port())
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
