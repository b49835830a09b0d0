"""What a run is of, however it begins, in a real Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction, Timetable

from factory.in_airflow import interval
from factory.in_airflow.timetable import PipelineTimetable
from factory.intervals import NAMES, Runs

from .pipelines import Pipelines

UTC = timezone.utc
MONTHLY = PipelineTimetable(Runs(covers="previous_month", cron="0 6 2 * *"))
SPEC = """\
version: 1
schedule: {cron: "0 6 2 * *", covers: previous_month}
timezone: Europe/Berlin
tasks:
  - id: told
    uses: python
    with:
      callable: told.py:told
      args: {months: ["{{ interval.month }}", "{{ interval.last_day }}"]}
"""
TOLD = """\
from pathlib import Path

def told(interval, months):
    Path(__file__).with_name("told.txt").write_text(" ".join([*months, str(interval)]))
"""
JANUARY = ["2024-01", "2024-01-31", "2024-01-01T00:00:00+01:00/2024-02-01T00:00:00+01:00"]


def at(year: int, month: int, day: int) -> pendulum.DateTime:
    return pendulum.datetime(year, month, day)


def test_catching_up_makes_each_month_once() -> None:
    within = TimeRestriction(at(2024, 1, 1), at(2024, 3, 31), catchup=True)
    found: list[tuple[str, str]] = []
    last: DataInterval | None = None
    while info := MONTHLY.next_dagrun_info(last_automated_data_interval=last, restriction=within):
        last = info.data_interval
        found.append((info.run_after.to_date_string(), str(info.logical_date)[:10]))
    assert found == [
        ("2024-02-02", "2024-01-01"),
        ("2024-03-02", "2024-02-01"),
        ("2024-04-02", "2024-03-01"),
    ]


def test_without_catchup_the_first_run_is_the_newest() -> None:
    within = TimeRestriction(at(2024, 1, 1), None, catchup=False)
    info = MONTHLY.next_dagrun_info(last_automated_data_interval=None, restriction=within)
    assert info is not None
    newest = MONTHLY.runs.newest(datetime.now(UTC))
    assert info.run_after == newest.moment
    assert info.data_interval == DataInterval(*map(pendulum.instance, newest.interval))
    after = MONTHLY.next_dagrun_info(
        last_automated_data_interval=info.data_interval, restriction=within
    )
    assert after is not None
    assert after.data_interval is not None
    assert after.data_interval.start == newest.interval.end


@pytest.mark.skipif(
    not hasattr(Timetable, "run_info_from_dag_run"), reason="Airflow asks this since 3.2"
)
def test_a_run_by_hand_that_took_the_next_date_does_not_hold_up_the_schedule() -> None:
    from airflow.models.dagrun import DagRun

    january = (at(2024, 1, 1), at(2024, 2, 1))
    taken = DagRun(
        dag_id="p",
        run_id="by_hand",
        run_type="manual",
        logical_date=at(2024, 2, 1),
        run_after=at(2024, 2, 1),
        data_interval=january,
    )
    last = MONTHLY.run_info_from_dag_run(dag_run=taken).data_interval
    within = TimeRestriction(at(2024, 1, 1), None, catchup=True)
    info = MONTHLY.next_dagrun_info(last_automated_data_interval=last, restriction=within)
    assert info is not None
    assert str(info.logical_date)[:10] == "2024-03-01"


def test_beside_a_schedule_assets_start_runs_and_airflow_keeps_both() -> None:
    from airflow.sdk import Asset
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable
    from airflow.timetables.simple import AssetTriggeredTimetable
    from airflow.utils.types import DagRunType

    asset = Asset(name="table://w/raw/x", uri="table://w/raw/x")
    timetable = PipelineTimetable(MONTHLY.runs, asset | Asset("table://w/raw/y"))
    assert timetable != MONTHLY
    kept = json.loads(json.dumps(encode_timetable(timetable)))
    found = decode_timetable(kept)
    assert isinstance(found, AssetTriggeredTimetable)  # as the scheduler asks
    assert isinstance(found, PipelineTimetable)
    assert found == timetable
    assert encode_timetable(found) == kept
    assert found.summary == "0 6 2 * * or by assets (previous_month)"
    assert [key.uri for key, _ in found.asset_condition.iter_assets()] == [
        "table://w/raw/x",
        "table://w/raw/y",
    ]
    by_assets = found.generate_run_id(
        run_type=DagRunType.ASSET_TRIGGERED, run_after=at(2024, 2, 2), data_interval=None
    )
    assert by_assets.startswith("asset_triggered__2024-02-02")
    scheduled = {
        each.generate_run_id(
            run_type=DagRunType.SCHEDULED,
            run_after=at(2024, 2, 2),
            data_interval=DataInterval(at(2024, 1, 1), at(2024, 2, 1)),
        )
        for each in (MONTHLY, found)
    }
    assert len(scheduled) == 1


def test_by_hand_it_is_the_month_that_holds_the_date() -> None:
    held = MONTHLY.infer_manual_data_interval(run_after=at(2024, 1, 15))
    assert held == DataInterval(at(2024, 1, 1), at(2024, 2, 1))


@pytest.mark.parametrize(
    ("day", "conf"),
    [
        (datetime(2024, 1, 15, tzinfo=UTC), None),
        (datetime(2023, 12, 31, 23, tzinfo=UTC), None),
        (None, {"data_interval": {"start": "2024-01-01", "end": "2024-02-01"}}),
        (
            datetime(2024, 6, 1, tzinfo=UTC),
            {"data_interval": {"start": "2023-12-31T23:00Z", "end": "2024-02-01"}},
        ),
    ],
    ids=["a date in it", "its first moment", "given", "given beside a date"],
)
def test_the_names_are_the_same_however_a_run_begins(
    pipelines: Pipelines, day: datetime | None, conf: dict[str, Any] | None
) -> None:
    pipelines.write("monthly.yaml", SPEC)
    pipelines.write("told.py", TOLD)
    run = pipelines.run("monthly", logical_date=day, conf=conf)
    assert run.state == "success", run.log
    assert (pipelines.root / "told.txt").read_text().split() == JANUARY


@pytest.mark.parametrize(
    "given", [["2024-01-01"], {"start": "06:00", "end": "07:00"}], ids=["one date", "no date"]
)
def test_a_conf_that_is_no_interval_is_told(pipelines: Pipelines, given: Any) -> None:
    pipelines.write("monthly.yaml", SPEC)
    pipelines.write("told.py", TOLD)
    run = pipelines.run("monthly", conf={"data_interval": given})
    assert run.state == "failed"
    assert "expected {start: 2024-01-01, end: 2024-02-01}" in run.log


def test_a_run_without_an_interval_says_what_to_write(pipelines: Pipelines) -> None:
    pipelines.write(
        "by_hand.yaml", 'version: 1\ntasks: [{id: a, run: "echo {{ interval.day }}"}]\n'
    )
    run = pipelines.run("by_hand")
    assert run.state == "failed"
    assert "{covers: previous_day}" in run.log


def test_lint_knows_all_that_an_interval_has() -> None:
    found = interval.DataInterval(at(2024, 1, 1), at(2024, 2, 1))
    assert {name for name in dir(found) if not name.startswith("_")} == set(NAMES)


def test_an_interval_is_no_list() -> None:
    """It would have no end."""
    with pytest.raises(TypeError, match="not iterable"):
        iter(interval.DataInterval(at(2024, 1, 1), at(2024, 2, 1)))  # type: ignore[call-overload]


def test_what_an_interval_has_not_fails_the_task(pipelines: Pipelines) -> None:
    """Jinja writes nothing for an attribute that is not there: `in/dt=/`."""
    pipelines.write(
        "asked.yaml",
        """\
version: 1
schedule: {covers: previous_day}
params: {which: day}
tasks: [{id: a, run: "echo dt={{ interval[params.which] }}={{ interval['day'] }}"}]
""",
    )
    assert pipelines.run("asked").state == "success"
    run = pipelines.run("asked", conf={"which": "hour"})
    assert run.state == "failed"
    assert "an interval has no 'hour': expected one of interval.start" in run.log


_SCHEDULES = """
import json, sys
from pathlib import Path
from factory.in_airflow.render import render
from factory.project import Project
from airflow.serialization.serialized_objects import LazyDeserializedDAG
root = Path(sys.argv[1])
dag = render(Project(root).plan("daily"), root)
print(json.dumps(LazyDeserializedDAG.from_dag(dag).data["dag"]["timetable"]))
"""


def test_an_installation_does_not_change_what_a_cron_means(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "daily.yaml").write_text(
        'version: 1\nschedule: "0 6 * * *"\ntasks: [{id: a, run: echo a}]\n'
    )
    found = []
    for switched in ("True", "False"):
        monkeypatch.setenv("AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS", switched)
        command = [sys.executable, "-c", _SCHEDULES, str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert found[0] == found[1]
    assert found[0]["__var"]["covers"] == "since_last_run"
