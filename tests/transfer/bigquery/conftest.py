"""A dataset of its own for each test, in the server of all, and faults on the way to it."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory_embedded.bigquery_proxy import Answer, Request
from factory_embedded.services import bigquery

from .datasets import BigQuery

Fault = Callable[[Request], Answer | None]


@pytest.fixture
def bench(real_bigquery: bigquery.Server, tmp_path: Path) -> BigQuery:
    dataset = f"d{uuid.uuid4().hex[:12]}"
    real_bigquery.create_dataset(dataset)
    endpoints = (real_bigquery.endpoint, real_bigquery.storage.endpoint, real_bigquery.grpc)
    return BigQuery(tmp_path, *endpoints, dataset)


@pytest.fixture
def faults(real_bigquery: bigquery.Server) -> Iterator[list[Fault]]:
    """What stands here is asked before each request."""
    yield real_bigquery.proxy.faults
    real_bigquery.proxy.faults.clear()
