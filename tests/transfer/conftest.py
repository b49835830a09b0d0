from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.stores.disk import Disk
from factory.stores.memory import Memory
from factory.stores.model import Place

from ..stores.folders import Folder
from .web import Web, serving


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    """An empty folder, once on the disk and once in memory."""
    if request.param == "disk":
        yield Folder(Place(Disk(), str(tmp_path)))
        return
    place = Place(Memory(request.node.nodeid), "a/folder")
    yield Folder(place)
    place.store.delete_below("")


@pytest.fixture
def fs() -> Disk:
    return Disk()


@pytest.fixture
def web() -> Iterator[Web]:
    """A real server on the loopback that answers as the test says."""
    with serving() as web:
        yield web


@pytest.fixture
def other_web() -> Iterator[Web]:
    """Another one, which credentials are not for."""
    with serving() as web:
        yield web
