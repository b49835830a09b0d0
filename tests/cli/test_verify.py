"""`factory verify`, on a real PostgreSQL, by a real Airflow."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory.transfer.snowflake import session
from factory_embedded.services import gcs, mariadb, snowflake
from factory_embedded.services.postgres import Server

from .conftest import process

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Scratch:
    """A schema for it, and how it is reached."""

    schema: str
    env: dict[str, str]
    database: psycopg.Connection[Any]

    def verify(self, folder: Path, **more: Any) -> Any:
        words = ("verify", "postgres", "--conn-id", "warehouse", "--schema", self.schema)
        return process(*words, cwd=folder, env=self.env)

    def tables(self) -> dict[str, int]:
        """Rows by table."""
        found = self.database.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", (self.schema,)
        ).fetchall()
        return {name: self.rows(name) for (name,) in found}

    def rows(self, table: str) -> int:
        ((count,),) = self.database.execute(f"SELECT count(*) FROM {self.schema}.{table}")
        return int(count)


@pytest.fixture
def scratch(postgres: Server) -> Iterator[Scratch]:
    schema = f"s{uuid.uuid4().hex}"
    env = {"AIRFLOW_CONN_WAREHOUSE": postgres.connection.json}
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute(f"CREATE SCHEMA {schema}")
        yield Scratch(schema, env, database)
        database.execute(f"DROP SCHEMA {schema} CASCADE")


def test_all_holds_and_nothing_stays(scratch: Scratch, tmp_path: Path) -> None:
    done = scratch.verify(tmp_path)
    assert done.code == 0, done
    assert done.out.endswith("\nall of it holds\n")
    assert done.out.count("  ✓ ") == 12
    assert "✓ a run that is repeated, as after a lost answer, adds nothing" in done.out
    assert scratch.tables() == {"_factory_files": 0, "_factory_loads": 0}


def test_mysql(real_mariadb: mariadb.Server, tmp_path: Path) -> None:
    env = {"AIRFLOW_CONN_WAREHOUSE": real_mariadb.connection.json}
    done = process("verify", "mysql", "--conn-id", "warehouse", cwd=tmp_path, env=env)
    assert done.code == 0, done
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES LIKE 'factory\\_verify\\_%'")
        assert cursor.fetchall() == ()


def test_snowflake_by_a_bucket(
    real_snowflake: snowflake.Server, real_gcs: gcs.Server, tmp_path: Path
) -> None:
    env = {
        "AIRFLOW_CONN_SNOW": real_snowflake.connection.json,
        "AIRFLOW_CONN_LAKE": real_gcs.connection.json,
    }
    real_gcs.create_bucket("verified")
    real_snowflake.read_buckets("gcs://", real_gcs.data)
    account = session.account(lambda: _login(real_snowflake), "a test")
    with session.connected(account, session.Limits()) as connection:
        session.ask(connection, "CREATE SCHEMA scratch")
        session.ask(connection, "CREATE STAGE scratch.landing URL = 'gcs://verified/'")
    words = ("verify", "snowflake", "--conn-id", "snow", "--schema", "scratch")
    options = ("external_stage=scratch.landing", "via=gs://lake@verified/tmp/")
    given = [word for option in options for word in ("--option", option)]
    done = process(*words, *given, cwd=tmp_path, env=env)
    assert done.code == 0, done
    assert done.out.count("  ✓ ") == 12
    assert not list((real_gcs.data / "verified").rglob("*.parquet"))


def _login(server: snowflake.Server) -> dict[str, Any]:
    given = server.connection
    plain = {"user": given.login, "password": given.password, "schema": given.schema}
    return {**plain, **given.extra}


def test_a_server_that_is_away(scratch: Scratch, tmp_path: Path) -> None:
    fields = {**json.loads(scratch.env["AIRFLOW_CONN_WAREHOUSE"]), "port": 1}
    scratch.env["AIRFLOW_CONN_WAREHOUSE"] = json.dumps(fields)
    done = scratch.verify(tmp_path)
    assert done.code == 1
    assert "✗ it can be reached" in done.out
    assert "append" not in done.out
