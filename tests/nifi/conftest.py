from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from factory.nifi.client import Client
from factory.nifi.server import Server, UserPassword
from tests.nifi import certificates, fake


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return certificates.write(folder)


@pytest.fixture
def secure(pem: certificates.Files) -> Iterator[fake.Running]:
    """NiFi over TLS, on 127.0.0.1: there httpx sends a cookie back, on localhost it does not."""
    with fake.serving(fake.tls(pem.server)) as running:
        yield running


@pytest.fixture
def running() -> Iterator[fake.Running]:
    with fake.serving() as served:
        yield served


@dataclass
class Orders:
    """A group `Lake/Orders` of two processors, and a client that does not wait between attempts."""

    nifi: fake.FakeNiFi
    group: fake.Group
    source: fake.Component
    put: fake.Component
    client: Client
    server: Server


@pytest.fixture
def orders(running: fake.Running) -> Iterator[Orders]:
    nifi = running.nifi
    group = nifi.group("Orders", nifi.group("Lake").id)
    source, put = nifi.processor(group, "Query"), nifi.processor(group, "Put")
    server = Server(running.url, UserPassword(fake.USER, fake.PASSWORD), timeout=5)
    with Client(server, sleep=lambda _: None) as client:
        yield Orders(nifi, group, source, put, client, server)
