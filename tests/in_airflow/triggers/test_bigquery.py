"""The trigger by itself, in an event loop of the test."""

import asyncio

import pytest

from factory.in_airflow.clients import bigquery as clients
from factory.in_airflow.triggers.bigquery import SqlEnded
from factory.transfer.bigquery.api import Api


class Answers:
    """Another end of the line, which notes what it is asked."""

    status_code, content = 200, b"{}"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, object]] = []

    def request(self, method: str, url: str, **more: object) -> "Answers":
        self.asked.append((method, url, more["params"]))
        return self

    def __enter__(self) -> "Answers":
        return self

    def __exit__(self, *error: object) -> None:
        return None


def test_who_ends_a_deferred_task_ends_its_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE", "google-cloud-platform://")
    line = Answers()
    monkeypatch.setattr(clients, "client", lambda conn_id: Api(line, "http://x", "p"))
    asyncio.run(SqlEnded("google", "factory_1_sql_2", "EU", None).on_kill())
    cancelled = ("POST", "http://x/bigquery/v2/projects/p/jobs/factory_1_sql_2/cancel")
    assert line.asked == [(*cancelled, {"location": "EU"})]


def test_another_triggerer_goes_on_with_sql() -> None:
    path, given = SqlEnded("google", "factory_1_sql_2", "US", None).serialize()
    assert path == "factory.in_airflow.triggers.bigquery.SqlEnded"
    assert SqlEnded(**given).serialize() == (path, given)
