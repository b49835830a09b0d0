"""Which files the repository's own pipelines ask for, of three dates each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.web import serving

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[2] / "dag_factory_configs"
DATES = ("2024-01-01", "2024-02-15", "2024-03-31")


def run(folder: Path, *arguments: str, **env: str) -> str:
    command = [sys.executable, "-m", "factory", "run", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AIRFLOW_HOME", "FACTORY_ENV", "FACTORY_CONFIGS"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(CONFIGS, tmp_path / "dag_factory_configs")
    return tmp_path


def test_the_taxi_example_asks_for_the_month_of_the_date(project: Path) -> None:
    with serving() as web:
        web.answers = [(404, b"")]
        host = json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{web.port}"})
        for day in DATES:
            said = run(project, "yellow_taxi_ingest", "--date", day, AIRFLOW_CONN_TAXI_FILES=host)
            assert f"yellow_taxi_ingest for {day[:7]} ({day[:7]}-01 00:00 → " in said
    asked = [asked.path for asked in web.asked]
    assert [*dict.fromkeys(asked)] == [f"/yellow_tripdata_{day[:7]}.csv.gz" for day in DATES]


def test_the_orders_example_reads_the_files_of_the_day(project: Path) -> None:
    drop = project / "drop"
    layer = project / "dag_factory_configs" / "sales" / "_defaults.yaml"
    layer.write_text(layer.read_text().replace("file:///data/sales", drop.as_uri()))
    for day in DATES:
        for near in (-1, 0, 1):
            folder = drop / str(date.fromisoformat(day) + timedelta(days=near))
            folder.mkdir(parents=True)
            (folder / "orders.csv").write_text("order_id,customer_id,total\n1,a,2.50\n")
        said = run(project, "orders_daily", "--date", day)
        assert f"orders_daily for {day} (" in said
    cleaned = sorted(file.parent.name for file in drop.glob("*/orders.clean.csv"))
    assert cleaned == sorted(DATES)
