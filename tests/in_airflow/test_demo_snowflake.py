"""What `factory demo --with snowflake` runs: S3, Snowflake's stand-in, a run of each day.

That a demo starts, follows and ends its Airflow is told in `end_to_end/test_demo.py`.
"""

import shutil
from datetime import datetime, time, timezone
from pathlib import Path

import pytest

from factory.in_airflow.connections import snowflake_account
from factory.transfer.snowflake import session
from factory_embedded.demo import snowflake as demo
from factory_embedded.demo.days import DAYS
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import s3, snowflake

from .pipelines import Pipelines

PROJECT = Path(__file__).parents[2]


def test_files_go_into_snowflake_and_a_part_of_the_rows_comes_back(
    pipelines: Pipelines,
    real_s3: s3.Server,
    real_snowflake: snowflake.Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(PROJECT / "dag_factory_configs", pipelines.root, dirs_exist_ok=True)
    orders = demo.Orders(real_s3, real_snowflake)
    for name, connection in orders.connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection.json)
    demo.fill(real_s3)
    try:
        for day in DAYS:
            moment = datetime.combine(day, time(), timezone.utc)
            run = pipelines.run(demo.PIPELINE, logical_date=moment)
            assert run.state == "success", run.log[-4000:]
        with LineScreen() as show:
            found = orders.problems(show)
    finally:  # pairs have tables of these names, too
        emptied(real_s3)
        account = snowflake_account("snowflake", application="a test")
        with session.connected(account, session.Limits()) as own:
            session.ask(own, "DROP SCHEMA IF EXISTS SHOP CASCADE")
    assert found == []
    said = capfd.readouterr().out
    for day in DAYS:
        assert f" {day} |            3 |          9,000 | 6,750 |" in said


def test_what_did_not_come_back_is_told(
    real_s3: s3.Server, real_snowflake: snowflake.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.fill(real_s3)
    client, day = real_s3.client(), DAYS[0]
    first, *rest = demo.paid(day)
    changed = (*first[:-1], "2023-01-01 00:00:00")
    key = f"{demo.FOLDER}/paid/day={day}/part-0.csv"
    client.put_object(Bucket=demo.BUCKET, Key=key, Body=demo.text_of([changed, *rest[1:]]))
    with LineScreen() as show:
        found = demo.Orders(real_s3, real_snowflake).problems(show)
    emptied(real_s3)
    assert found == [
        "2024-01-01: 3 files still in the landing zone",
        "2024-01-01: 2 paid orders did not come back",
        "2024-01-01: 1 row came back that nobody sent",
        "2024-01-02: 3 files still in the landing zone",
        "2024-01-02: 6,750 paid orders did not come back",
    ]
    assert " 2024-01-01 |            0 |" in capsys.readouterr().out


def emptied(lake: s3.Server) -> None:
    """Take the demo's files away."""
    client = lake.client()
    for one in client.list_objects_v2(Bucket=demo.BUCKET, Prefix=demo.FOLDER)["Contents"]:
        client.delete_object(Bucket=demo.BUCKET, Key=one["Key"])
