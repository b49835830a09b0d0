"""A lake in a bucket of a real server, when several are at it at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from factory.stores.model import Place
from factory.stores.s3 import S3
from factory_embedded.services import s3
from tests.stores.folders import Folder

from .conftest import Lake
from .test_load import (
    test_many_loads_at_once,
    test_two_attempts_of_one_load_at_once_leave_the_rows_once,
)

__all__ = [
    "test_many_loads_at_once",
    "test_two_attempts_of_one_load_at_once_leave_the_rows_once",
]


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> str:
    real_s3.create_bucket("lakes")
    return "lakes"


@pytest.fixture
def lake(bucket: str, real_s3: s3.Server, request: pytest.FixtureRequest) -> Iterator[Lake]:
    client = real_s3.client()
    place = Place(S3(bucket, "lake", lambda _: client), str(zlib.crc32(request.node.name.encode())))
    yield Lake(Folder(place))
    place.store.delete_below(place.path)
