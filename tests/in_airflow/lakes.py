"""A bucket of a real server, in each store that has such, and the connection `lake` to it."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from factory.stores.gcs import GCS
from factory.stores.model import Place
from factory.stores.s3 import S3

from ..stores.buckets import api
from .pipelines import Pipelines

SCHEMES = ("s3", "gs")

_SERVERS = {"s3": "real_s3", "gs": "real_gcs"}
_made: set[tuple[str, str]] = set()


def lake(scheme: str, request: pytest.FixtureRequest, pipelines: Pipelines, bucket: str) -> Place:
    """The root of the bucket; it is made once."""
    server = request.getfixturevalue(_SERVERS[scheme])
    if (server.endpoint, bucket) not in _made:
        server.create_bucket(bucket)
        _made.add((server.endpoint, bucket))
    pipelines.connect(
        "lake", **{name: value for name, value in asdict(server.connection).items() if value}
    )
    if scheme == "s3":
        return Place(S3(bucket, "lake", lambda _: server.client()), "")
    return Place(GCS(bucket, "lake", lambda _: api(endpoint=server.endpoint)), "")
