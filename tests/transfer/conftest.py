from collections.abc import Iterator

import fsspec
import pytest

from .web import Web, serving


@pytest.fixture
def fs() -> fsspec.AbstractFileSystem:
    return fsspec.filesystem("file")


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
