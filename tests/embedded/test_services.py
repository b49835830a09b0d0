import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from factory_embedded import services
from factory_embedded.service import Connection, Running, Service
from factory_embedded.services import (
    airflow,
    bigquery,
    files,
    gcs,
    mariadb,
    nifi,
    postgres,
    s3,
    snowflake,
)

# held to the Protocol by mypy
MODULES: dict[str, Service] = {
    "airflow": airflow,
    "bigquery": bigquery,
    "files": files,
    "gcs": gcs,
    "mariadb": mariadb,
    "nifi": nifi,
    "postgres": postgres,
    "s3": s3,
    "snowflake": snowflake,
}
HAVE_A_CONNECTION = [name for name in MODULES if name != "airflow"]


@pytest.mark.parametrize("name", services.names())
def test_every_service_is_started_in_the_same_way(name: str) -> None:
    found = services.find(name)
    assert found is MODULES[name]
    folder, *others = inspect.signature(found.running).parameters.values()
    assert folder.default is folder.empty
    assert "cancelled" in [one.name for one in others]
    for one in others:
        assert (one.kind, one.default is one.empty) == (one.KEYWORD_ONLY, False)


@contextmanager
def _of(name: str, folder: Path, real_nifi: nifi.Server) -> Iterator[Running]:
    if name == "nifi":
        yield real_nifi
    else:
        with services.find(name).running(folder) as server:
            yield server


@pytest.mark.parametrize("name", HAVE_A_CONNECTION)
def test_airflow_takes_the_connection(name: str, tmp_path: Path, real_nifi: nifi.Server) -> None:
    from airflow.sdk import Connection as Airflows

    with _of(name, tmp_path / name, real_nifi) as server:
        given = server.connection
    taken = Airflows.from_json(given.json, conn_id=name)
    for one in fields(Connection):
        value = getattr(given, one.name)
        found = taken.extra_dejson if one.name == "extra" else getattr(taken, one.name)
        assert (found or None) == (value or None), one.name
    assert given.password == "" or given.password not in repr(given)


def test_nobody_who_is_unknown_is_started() -> None:
    with pytest.raises(KeyError):
        services.find("oracle")
