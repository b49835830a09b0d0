"""Objects of an S3 bucket, on a real server."""

from collections.abc import Iterator

import pytest

from factory.stores.model import Place
from factory_embedded.services import s3

from .buckets import find, serve
from .contract import Outlives


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> str:
    real_s3.create_bucket("stores")
    return "stores"


@pytest.fixture
def place(
    real_s3: s3.Server, bucket: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Place]:
    serve(monkeypatch, real_s3)
    yield (place := find(f"s3://{bucket}/{abs(hash(request.node.nodeid))}"))
    place.store.delete_below(place.path)


class TestS3(Outlives):
    find = staticmethod(find)

    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place
