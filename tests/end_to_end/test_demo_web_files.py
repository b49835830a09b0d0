"""`factory demo --with web-files` as a person runs it: a web server, a GCS server, a scheduler."""

import csv
import gzip
import io
import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from factory_embedded.demo import web_files
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import files, gcs
from tests.end_to_end.test_demo import FACTORY, PROJECT, processes_below
from tests.patience import output


@pytest.mark.slow
def test_csv_files_of_the_web_become_parquet_in_a_bucket(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [str(FACTORY), "demo", "--with", "web-files", "--exit", "--home", str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as demo:
        said, _ = output(demo, 400)
    assert demo.returncode == 0, said
    arrived = re.findall(r"^ yellow_taxi/month=(\S+) \| +1 \| .* \| (\S+)$", said, re.MULTILINE)
    assert arrived == [(month, "100,000") for month in ("2024-01", "2024-02", "2024-03")]
    assert "\n3 of 3 runs succeeded\n" in said
    assert processes_below(home) == []

    with gzip.open(home / "samples/yellow_tripdata_2024-02.csv.gz", "rt") as file:
        amounts = [Decimal(row["total_amount"]) for row in csv.DictReader(file)]
    with gcs.running(home / "gcs") as archive:
        folder = "yellow_taxi/month=2024-02"
        told = json.loads(archive.read("archive", f"{folder}/_SUCCESS"))
        manifest = json.loads(archive.read("archive", f"{folder}/{told['manifest']}"))
        (name,) = (one["path"] for one in manifest["files"])
        table = pq.read_table(io.BytesIO(archive.read("archive", f"{folder}/{name}")))
    assert table["total_amount"].to_pylist() == amounts


def test_what_did_not_arrive_is_told(
    tmp_path: Path, real_gcs: gcs.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with files.running(tmp_path) as web, LineScreen() as show:
        found = web_files.Trips(web, real_gcs).problems(show)
    assert found[0] == "gs://archive/yellow_taxi/month=2024-01 has 0 rows, not 100,000"
    assert "yellow_taxi/month=2024-01 |     0 | 0 bytes |    0" in capsys.readouterr().out
