"""One look at a table of a warehouse: what is not yet, and what will never be."""

import json
from typing import Any

import psycopg
import pymysql
import pytest

from factory.in_airflow import probes
from factory.transfer.errors import BadOption
from factory_embedded.services import mariadb, postgres

SLOW = {"postgres": "pg_sleep(30) IS NOT NULL", "mysql": "sleep(30) = 0"}


@pytest.fixture(params=list(SLOW))
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a connection `shop` to a table of one row, and of others: `nobody` may not, or `away`."""
    name = {"postgres": "postgres", "mysql": "real_mariadb"}[request.param]
    server: postgres.Server | mariadb.Server = request.getfixturevalue(name)
    made = (
        "DROP TABLE IF EXISTS looked; CREATE TABLE looked (id int); INSERT INTO looked VALUES (1)"
    )
    if isinstance(server, postgres.Server):
        with psycopg.connect(server.uri, autocommit=True) as database:
            database.execute(made)
            database.execute("DROP ROLE IF EXISTS nobody; CREATE ROLE nobody")
    else:
        with server.connect() as connection, connection.cursor() as cursor:
            for statement in (*made.split("; "), "CREATE OR REPLACE USER nobody IDENTIFIED BY 'x'"):
                cursor.execute(statement)
    told = json.loads(server.connection.json)
    others: dict[str, dict[str, object]] = {
        "shop": {},
        "nobody": {"login": "nobody"},
        "away": {"port": 1},
    }
    for conn_id, fields in others.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({**told, **fields}))
    return str(request.param)


def look(**what: Any) -> probes.Seen:
    return probes.look({"type": "table", "conn_id": "shop", "table": "looked", **what})


def test_what_is_not_yet(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look().state == "met"
    assert look(at_least=2).state == "not_yet"
    assert look(table="nowhere").state == "not_yet"
    assert look(conn_id="away").state == "not_yet"
    monkeypatch.setattr(probes, "_LOOK_SECONDS", 1)
    assert look(where=SLOW[kind]).state == "not_yet"


def test_what_will_never_be(kind: str) -> None:
    with pytest.raises((psycopg.OperationalError, pymysql.OperationalError)):
        look(conn_id="nobody")
    with pytest.raises((BadOption, psycopg.Error, pymysql.Error), match="nme"):
        look(where="nme = 1")
