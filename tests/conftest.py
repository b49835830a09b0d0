from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from factory_embedded.services import bigquery, gcs, mariadb, s3, snowflake
from factory_embedded.services.nifi import server as nifi
from factory_embedded.services.postgres import Server, running

from .stores import sftp_server

# a machine may be slow, or busy
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

OTHER_KEY = {"OTHERKEY": "its-own-s3cret-word"}
"""A key that the S3 server takes as well as its own."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("postgres") / "data"
    with running(data) as server:
        yield server


@pytest.fixture(scope="session")
def real_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.Server]:
    with mariadb.running(tmp_path_factory.mktemp("mariadb") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def real_nifi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nifi.Server]:
    """One NiFi for all tests. A test that stops it starts it again."""
    with nifi.running(tmp_path_factory.mktemp("nifi")) as server:
        yield server


@pytest.fixture(scope="session")
def real_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    with s3.running(tmp_path_factory.mktemp("s3"), others=OTHER_KEY) as server:
        yield server


@pytest.fixture(scope="session")
def real_sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sftp_server.Server]:
    with sftp_server.running(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def real_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gcs.Server]:
    with gcs.running(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture(scope="session")
def real_bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bigquery.Server]:
    with bigquery.running(tmp_path_factory.mktemp("bigquery")) as server:
        server.create_bucket("bq-stage")
        yield server


@pytest.fixture(scope="session")
def real_snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[snowflake.Server]:
    """What stands in for it."""
    with snowflake.running(tmp_path_factory.mktemp("snowflake")) as server:
        yield server
