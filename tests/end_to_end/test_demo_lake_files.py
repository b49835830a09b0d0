"""`factory demo --with lake-files` as a person runs it: databases, an S3 server, a scheduler."""

import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from factory_embedded.demo import lake_files
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import postgres, s3
from tests.end_to_end.test_demo import FACTORY, PROJECT, processes_below
from tests.patience import output


@pytest.mark.slow
def test_a_shop_s_tables_go_into_the_lake_and_from_there_into_the_warehouse(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [str(FACTORY), "demo", "--with", "lake-files", "--exit", "--home", str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as demo:
        said, _ = output(demo, 600)
    assert demo.returncode == 0, said
    arrived = re.findall(r"^ (\w+) +\| +(\S+) \| +(\S+) \| +(\S+) \| +(\S+)$", said, re.MULTILINE)
    assert arrived == [
        ("orders", "20,000", "2", "20,000", "20,000"),
        ("payments", "20,000", "2", "20,000", "20,000"),
        ("customers", "1,000", "2", "2,000", "1,000"),
    ]
    assert "\n2 of 2 runs succeeded\n" in said
    assert processes_below(home) == []


def test_what_did_not_arrive_is_told(
    postgres: postgres.Server, real_s3: s3.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    real_s3.create_bucket(lake_files.BUCKET)
    try:
        with psycopg.connect(postgres.uri, autocommit=True) as database:
            lake_files.fill(database)
            database.execute("CREATE SCHEMA IF NOT EXISTS raw")
            database.execute("CREATE TABLE raw.orders AS SELECT * FROM shop.orders WHERE id > 2")
            database.execute("UPDATE raw.orders SET amount = amount + 1 WHERE id = 3")
            with LineScreen() as show:
                found = lake_files.Shop(postgres, real_s3).problems(show)
            database.execute("DROP TABLE raw.orders; DROP SCHEMA shop CASCADE")
    finally:
        real_s3.client().delete_bucket(Bucket=lake_files.BUCKET)
    assert found[:3] == [
        "orders: the lake has 0 rows, not 20,000",
        "orders: the warehouse lacks 4 rows of the shop",
        "orders: the warehouse has 1 row of its own",
    ]
    assert " orders    |           20,000 |     0 |" in capsys.readouterr().out
