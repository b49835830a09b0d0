"""What `factory demo --with lake-files` runs: two shops' databases, S3, a run of each day.

That a demo starts, follows and ends its Airflow is told in `end_to_end/test_demo.py`, how it begins
the runs of its days in `end_to_end/test_demo_nifi.py`.
"""

import shutil
from datetime import datetime, time, timezone
from pathlib import Path

import psycopg
import pytest

from factory_embedded.demo import lake_files
from factory_embedded.demo.days import DAYS
from factory_embedded.demo.run import EXAMPLES
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import mariadb, postgres, s3
from factory_embedded.stop import Stop

from .pipelines import Pipelines

PROJECT = Path(__file__).parents[2]
EXAMPLE = EXAMPLES["lake-files"]


def test_a_shop_s_tables_go_into_the_lake_and_from_there_into_the_warehouse(
    pipelines: Pipelines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(PROJECT / "dag_factory_configs", pipelines.root, dirs_exist_ok=True)
    with (
        Stop() as stop,
        LineScreen() as show,
        EXAMPLE.services(PROJECT, tmp_path, show, stop) as shops,
    ):
        for name, connection in shops.connections.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection.json)
        for day in DAYS:
            moment = datetime.combine(day, time(), timezone.utc)
            run = pipelines.run(EXAMPLE.pipeline, logical_date=moment)
            assert run.state == "success", run.log[-4000:]
        assert shops.problems(show) == []
    said = capfd.readouterr().out.splitlines()
    arrived = [[cell.strip() for cell in line.split("|")] for line in said if line.count("|") == 4]
    assert arrived[1:] == [
        ["postgres.orders", "20,000", "2", "20,000", "20,000"],
        ["postgres.customers", "1,000", "2", "2,000", "1,000"],
        ["mysql.orders", "20,000", "2", "20,000", "20,000"],
        ["mysql.customers", "1,000", "2", "2,000", "1,000"],
    ]


def test_what_did_not_arrive_is_told(
    postgres: postgres.Server,
    real_mariadb: mariadb.Server,
    real_s3: s3.Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real_s3.create_bucket(lake_files.BUCKET)
    lake_files.fill_postgres(postgres)
    with psycopg.connect(postgres.uri, autocommit=True) as database, LineScreen() as show:
        database.execute("CREATE SCHEMA raw_postgres")
        database.execute("CREATE TABLE raw_postgres.orders AS TABLE shop.orders")
        database.execute("DELETE FROM raw_postgres.orders WHERE id < 3")
        database.execute("UPDATE raw_postgres.orders SET amount = amount + 1 WHERE id = 3")
        found = lake_files.Shops(postgres, real_mariadb, real_s3).problems(show)
        database.execute("DROP SCHEMA shop, raw_postgres CASCADE")
    assert found[:3] == [
        "postgres.orders: the lake has 0 rows, not 20,000",
        "postgres.orders: the warehouse lacks 4 rows of the shop",
        "postgres.orders: the warehouse has 1 row of its own",
    ]
    assert found[-1] == "mysql.customers: the warehouse lacks 1,000 rows of the shop"
    assert " postgres.orders    |           20,000 |     0 |" in capsys.readouterr().out


def test_both_shops_have_the_same_rows(
    postgres: postgres.Server, real_mariadb: mariadb.Server
) -> None:
    lake_files.fill_postgres(postgres)
    lake_files.fill_mariadb(real_mariadb)
    with psycopg.connect(postgres.uri, autocommit=True) as one, real_mariadb.connect() as other:
        cursor = other.cursor()
        for table in ("orders", "customers"):
            rows = one.execute(f"SELECT * FROM shop.{table} ORDER BY id").fetchall()
            cursor.execute(f"SELECT * FROM shop.{table} ORDER BY id")
            assert rows == [*cursor.fetchall()] == lake_files.sample(table)
        one.execute("DROP SCHEMA shop CASCADE")
        cursor.execute("DROP DATABASE shop")
