"""What `factory demo --with web-files` runs: a web server, GCS, a run of each month.

That a demo starts, follows and ends its Airflow is told in `end_to_end/test_demo.py`, where
the scheduler makes a run of each month, too.
"""

import csv
import gzip
import io
import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory_embedded.demo import web_files
from factory_embedded.demo.run import EXAMPLES
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import files, gcs
from factory_embedded.stop import Stop

from .pipelines import Pipelines

PROJECT = Path(__file__).parents[2]
EXAMPLE = EXAMPLES["web-files"]


def test_csv_files_of_the_web_become_parquet_in_a_bucket(
    pipelines: Pipelines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(PROJECT / "dag_factory_configs", pipelines.root, dirs_exist_ok=True)
    with (
        Stop() as stop,
        LineScreen() as show,
        EXAMPLE.services(PROJECT, tmp_path, show, stop) as trips,
    ):
        for name, connection in trips.connections.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection.json)
        moments = [*scheduled(pipelines.dag(EXAMPLE.pipeline))]
        assert len(moments) == EXAMPLE.runs
        for moment in moments:
            run = pipelines.run(EXAMPLE.pipeline, logical_date=moment)
            assert run.state == "success", run.log[-4000:]
        assert trips.problems(show) == []
    said = capfd.readouterr().out
    arrived = re.findall(r"^ yellow_taxi/month=(\S+) \| +1 \| .* \| (\S+)$", said, re.MULTILINE)
    assert arrived == [(month, "100,000") for month in ("2024-01", "2024-02", "2024-03")]

    with gzip.open(tmp_path / "samples/yellow_tripdata_2024-02.csv.gz", "rt") as file:
        amounts = [Decimal(row["total_amount"]) for row in csv.DictReader(file)]
    with gcs.running(tmp_path / "gcs") as archive:
        folder = "yellow_taxi/month=2024-02"
        told = json.loads(archive.read("archive", f"{folder}/_SUCCESS"))
        manifest = json.loads(archive.read("archive", f"{folder}/{told['manifest']}"))
        (name,) = (one["path"] for one in manifest["files"])
        table = pq.read_table(io.BytesIO(archive.read("archive", f"{folder}/{name}")))
    assert table["total_amount"].to_pylist() == amounts


def scheduled(dag: Any) -> Iterator[datetime]:
    """The logical dates that the scheduler runs, once the DAG is no longer paused."""
    from airflow.timetables.base import TimeRestriction

    within, last = TimeRestriction(dag.start_date, dag.end_date, dag.catchup), None
    while info := dag.timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=within
    ):
        yield info.logical_date
        last = info.data_interval


def test_what_did_not_arrive_is_told(
    tmp_path: Path, real_gcs: gcs.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with files.running(tmp_path) as web, LineScreen() as show:
        found = web_files.Trips(web, real_gcs).problems(show)
    assert found[0] == "gs://archive/yellow_taxi/month=2024-01 has 0 rows, not 100,000"
    assert "yellow_taxi/month=2024-01 |     0 | 0 bytes |    0" in capsys.readouterr().out
