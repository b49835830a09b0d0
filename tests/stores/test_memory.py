"""Files in memory."""

from collections.abc import Iterator

import pytest

from factory.stores import UnknownStore, open_uri
from factory.stores.memory import Memory
from factory.stores.model import Place

from .contract import Contract, put, read, there


class TestMemory(Contract):
    @pytest.fixture
    def place(self, request: pytest.FixtureRequest) -> Iterator[Place]:
        place = Place(Memory(request.node.nodeid.replace("/", ":")), "some/folder")
        yield place
        place.store.delete_below("")


def test_a_name_is_a_store_of_its_own() -> None:
    one, other = open_uri("memory://one/f"), open_uri("memory://other/f")
    put(one, b"1")
    assert other.store.file("f") is None
    assert read(open_uri("memory://one/f")) == b"1"
    assert there(Place(one.store, "")) == ["f"]
    one.store.delete_below("")


def test_an_address_without_a_name() -> None:
    with pytest.raises(UnknownStore):
        open_uri("memory:///f")
