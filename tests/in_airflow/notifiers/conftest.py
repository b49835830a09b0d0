from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.mail import serving


@pytest.fixture
def mail() -> Iterator[tuple[int, list[EmailMessage]]]:
    """A real SMTP server on the loopback: its port, and what it was sent."""
    with serving() as server:
        yield server
