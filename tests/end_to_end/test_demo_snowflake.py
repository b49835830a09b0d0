"""`factory demo --with snowflake` as a person runs it: S3, Snowflake's stand-in, a scheduler."""

import re
import subprocess
from pathlib import Path

import pytest

from factory_embedded.demo import snowflake as demo
from factory_embedded.demo.days import DAYS
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import s3, snowflake
from tests.end_to_end.test_demo import FACTORY, PROJECT, processes_below
from tests.patience import output


@pytest.mark.slow
def test_files_go_into_snowflake_and_a_part_of_the_rows_comes_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [str(FACTORY), "demo", "--with", "snowflake", "--exit", "--home", str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as running:
        said, _ = output(running, 400)
    assert running.returncode == 0, said
    arrived = re.findall(r"^ (2024\S+) +\| +3 \| +9,000 \| +(\S+) \| +(\S+)$", said, re.MULTILINE)
    assert arrived == [(day, "6,750", "6,750") for day in ("2024-01-01", "2024-01-02")]
    assert "\n2 of 2 runs succeeded\n" in said
    assert processes_below(home) == []


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
    for one in client.list_objects_v2(Bucket=demo.BUCKET, Prefix=demo.FOLDER)["Contents"]:
        client.delete_object(Bucket=demo.BUCKET, Key=one["Key"])
    assert found == [
        "2024-01-01: 3 files still in the landing zone",
        "2024-01-01: 2 paid orders did not come back",
        "2024-01-01: 1 row came back that nobody sent",
        "2024-01-02: 3 files still in the landing zone",
        "2024-01-02: 6,750 paid orders did not come back",
    ]
    assert " 2024-01-01 |            0 |" in capsys.readouterr().out
