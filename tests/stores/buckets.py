"""Places in buckets of servers that the environment names, also for other processes."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from factory.stores import open_uri
from factory.stores.gcs.api import Api
from factory.stores.model import Place
from factory.stores.s3 import SETTINGS
from factory_embedded.services import gcs, s3

ENDPOINT, KEY, SECRET = "TESTS_S3_ENDPOINT", "TESTS_S3_KEY", "TESTS_S3_SECRET"
GCS_ENDPOINT = "TESTS_GCS_ENDPOINT"


def serve(
    monkeypatch: pytest.MonkeyPatch, server: s3.Server | gcs.Server, endpoint: str = ""
) -> None:
    """Let `find` ask this server, by another endpoint when one is given."""
    if isinstance(server, gcs.Server):
        monkeypatch.setenv(GCS_ENDPOINT, endpoint or server.endpoint)
        return
    monkeypatch.setenv(ENDPOINT, endpoint or server.endpoint)
    monkeypatch.setenv(KEY, server.access_key)
    monkeypatch.setenv(SECRET, server.secret_key)


def find(uri: str) -> Place:
    """The place of an address, with the settings that a task has."""
    return open_uri(uri, lambda scheme, conn_id: client() if scheme == "s3" else api())


def client(tries: int = 6) -> Any:
    """A client as a task has it."""
    environ = os.environ
    return _made(environ[ENDPOINT], environ[KEY], environ[SECRET], tries)


def api(tries: int = 6, endpoint: str = "") -> Api:
    """The same for GCS."""
    return _api(endpoint or os.environ[GCS_ENDPOINT], tries)


@cache
def _api(endpoint: str, tries: int) -> Api:
    session = requests.Session()
    session.trust_env = False  # proxies
    return Api(session, endpoint, tries)


@cache
def _made(endpoint: str, key: str, secret: str, tries: int) -> Any:
    retries = {"mode": "standard", "total_max_attempts": tries}
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=s3.REGION,
        config=Config(**{**SETTINGS, "proxies": {}, "retries": retries}),
    )
