"""The stand-in, as far as tests rely on it to do what BigQuery does."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from factory_embedded import apart
from factory_embedded.service import ServiceError
from factory_embedded.services import bigquery, gcs


def asked(server: bigquery.Server, path: str, body: object = None) -> dict[str, Any]:
    """The answer; that of a refusal, too."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    url = f"{server.endpoint}/bigquery/v2/projects/{gcs.PROJECT}/{path}"
    try:
        with direct.open(urllib.request.Request(url, data), timeout=60) as answer:
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        return dict(json.loads(error.read()))


def query(server: bigquery.Server, text: str, job_id: str = "", **more: Any) -> dict[str, Any]:
    reference = {"projectId": gcs.PROJECT, "jobId": job_id or uuid4().hex}
    given = {"query": {"query": text, "useLegacySql": False}, **more}
    return asked(server, "jobs", {"jobReference": reference, "configuration": given})


def number(server: bigquery.Server, text: str) -> int:
    done = query(server, text)
    found = asked(server, f"queries/{done['jobReference']['jobId']}")
    return int(found["rows"][0]["f"][0]["v"])


def test_the_id_of_a_job_is_taken_once(real_bigquery: bigquery.Server) -> None:
    table = f"demo.once_{uuid4().hex[:8]}"
    query(real_bigquery, f"CREATE TABLE {table} (id INT64)")
    name = uuid4().hex
    first = query(real_bigquery, f"INSERT INTO {table} VALUES (1)", name, labels={"a": "b"})
    again = query(real_bigquery, f"INSERT INTO {table} VALUES (1)", name)
    assert first["status"]["state"] == "DONE"
    assert again["error"]["errors"][0]["reason"] == "duplicate"
    assert again["error"]["code"] == 409
    assert number(real_bigquery, f"SELECT COUNT(*) FROM {table}") == 1
    assert asked(real_bigquery, f"jobs/{name}")["configuration"]["labels"] == {"a": "b"}


def test_what_a_failed_transaction_took_away_comes_back(real_bigquery: bigquery.Server) -> None:
    table = f"demo.whole_{uuid4().hex[:8]}"
    query(real_bigquery, f"CREATE TABLE {table} (id INT64)")
    query(real_bigquery, f"INSERT INTO {table} VALUES (1), (2)")
    done = query(
        real_bigquery,
        f"BEGIN TRANSACTION; TRUNCATE TABLE `{table.replace('.', '`.`')}`;"
        f" INSERT INTO {table} SELECT CAST('x' AS INT64); COMMIT TRANSACTION;",
    )
    assert done["status"]["errorResult"]
    assert number(real_bigquery, f"SELECT COUNT(*) FROM {table}") == 2


def test_an_older_python_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    with pytest.raises(ServiceError, match=r"bqemulator needs Python 3\.11 or later"):
        apart.python("bqemulator", bigquery.LOCK)


def test_an_environment_that_was_not_made_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path))
    lock = tmp_path / "wrong.lock"
    lock.write_text("sqlglot==30.0.0")  # without its hash
    with pytest.raises(ServiceError, match=r"the environment of it was not made:(.|\n)*hash"):
        apart.python("it", lock)
    assert not apart.is_at_hand("it", lock)
