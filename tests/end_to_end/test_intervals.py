"""What a run is of in one real Airflow: by assets, by `trigger`, backfilled, cleared, changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.services import airflow
from tests.patience import until

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
JANUARY = "2024-01-01T00:00:00+01:00/2024-02-01T00:00:00+01:00"
FEBRUARY = "2024-02-01T00:00:00+01:00/2024-03-01T00:00:00+01:00"
MARCH = "2024-03-01T00:00:00+01:00/2024-04-01T00:00:00+02:00"
APRIL = {"start": "2024-04-01", "end": "2024-05-01"}
GIVEN = {"data_interval": {"start": "2024-01-01", "end": "2024-02-01"}}

UPDATING = """version: 1
timezone: Europe/Berlin
schedule: SCHEDULE
tasks:
  - id: tell
    uses: airflow.providers.standard.operators.bash.BashOperator
    with:
      bash_command: 'echo "{{ run_id }} {{ interval }}" >> $TOLD/{{ dag.dag_id }}'
      append_env: true
      outlets: [{$call: airflow.sdk.Asset, with: {uri: "table://warehouse/iv/ASSET"}}]
"""
TELLING = """version: 1
timezone: Europe/Berlin
schedule: SCHEDULE
tasks:
  - id: tell
    run: 'echo "{{ run_id }} {{ interval }}" >> $TOLD/{{ dag.dag_id }}'
"""
MONTHLY = '{cron: "0 6 2 * *", covers: previous_month}'
SPECS = {
    "first": UPDATING.replace("SCHEDULE", "{covers: previous_month}").replace("ASSET", "first"),
    "second": UPDATING.replace("SCHEDULE", '{assets: ["table://warehouse/iv/first"]}').replace(
        "ASSET", "second"
    ),
    "third": TELLING.replace("SCHEDULE", '{assets: ["table://warehouse/iv/second"]}'),
    "parent": """version: 1
timezone: Europe/Berlin
schedule: {covers: previous_month}
tasks:
  - {id: daily_child, uses: trigger, with: {pipeline: daily_child}}
  - {id: plain_child, uses: trigger, with: {pipeline: plain_child}}
  - {id: asset_child, uses: trigger, with: {pipeline: third}}
""",
    "daily_child": TELLING.replace("SCHEDULE", '{cron: "0 7 * * *", covers: previous_day}'),
    "plain_child": TELLING.replace("SCHEDULE", "null"),
    "catches_up": TELLING.replace("SCHEDULE", MONTHLY)
    + "start_date: 2024-01-01\nend_date: 2024-03-31\ncatchup: true\n",
    "newest": TELLING.replace("SCHEDULE", MONTHLY) + "start_date: 2024-01-01\n",
    "cron_or_assets": TELLING.replace(
        "SCHEDULE", MONTHLY.replace("}", ', assets: ["table://warehouse/iv/first"]}')
    )
    + "start_date: 2024-01-01\nend_date: 2024-02-29\ncatchup: true\n",
    "arrival": """version: 1
timezone: Europe/Berlin
schedule:
  event:
    uses: airflow.providers.standard.triggers.file.FileDeleteTrigger
    with: {filepath: TOLD/go, poke_interval: 1}
  covers: previous_month
tasks:
  - {id: tell, run: 'echo "{{ events }} {{ interval.month }}" >> $TOLD/{{ dag.dag_id }}'}
""",
    "changing": TELLING.replace("SCHEDULE", '"0 6 * * *"')
    + "start_date: 2024-01-01\nend_date: 2024-01-05\ncatchup: true\nmax_active_runs: 8\n",
}


@dataclass(frozen=True)
class World:
    """A running Airflow, its configuration root, and where its tasks tell what they are of."""

    api: AirflowApi
    root: Path
    told_in: Path

    def told(self, dag_id: str) -> list[tuple[str, str]]:
        """The run and the interval of each task that was run, in their order."""
        file = self.told_in / dag_id
        lines = file.read_text().splitlines() if file.exists() else []
        return [(run, interval) for run, interval in map(str.split, lines)]

    def intervals(self, dag_id: str) -> list[str]:
        return [interval for _, interval in self.told(dag_id)]

    def ended(self, run: DagRun) -> DagRun:
        def end() -> DagRun | None:
            now = self.api.dag_run(run.dag_id, run.dag_run_id)
            return now if now.ended else None

        return until(end)

    def all_ended(self, dag_id: str, at_least: int) -> list[DagRun]:
        def ended() -> list[DagRun] | None:
            runs = self.api.dag_runs(dag_id)
            return runs if len(runs) >= at_least and all(run.ended for run in runs) else None

        return until(ended, f"{at_least} runs of {dag_id}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("intervals")
    shutil.copytree(DAGS, folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    root = folder / "dag_factory_configs/team"
    root.mkdir(parents=True)
    (folder / "told").mkdir()
    for name, text in SPECS.items():
        text = text.replace("TOLD/go", f"{folder}/told/go")
        (root / f"{name}.yaml").write_text(text)
    env = {
        "TOLD": str(folder / "told"),
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
    }
    with airflow.running(folder / "home", dags=folder / "dags", env=env, paused=True) as server:
        api = server.api
        until(lambda: {dag.dag_id for dag in api.dags()} == set(SPECS) or api.import_errors())
        assert api.import_errors() == []
        for name in SPECS:  # not before: a task that is begun while the API starts is lost
            api.pause(name, False)
        yield World(api, root, folder / "told")


def test_by_assets_a_chain_of_runs_is_of_what_its_first_one_is(world: World) -> None:
    """Airflow itself knows no interval of the first run (it came by conf), nor of the second."""
    assert world.ended(world.api.trigger("first", conf=GIVEN)).state == "success"
    until(lambda: world.told("third"))
    assert world.intervals("first") == [JANUARY]
    assert world.intervals("second") == [JANUARY]
    assert world.intervals("third") == [JANUARY]


def test_beside_a_cron_assets_start_runs_of_what_those_were_of_that_updated_them(
    world: World,
) -> None:
    """Those of the cron are made once each, whichever came before."""
    until(lambda: len(begun(world, "cron_or_assets", "scheduled__")) == 2)
    world.ended(world.api.trigger("first", conf={"data_interval": APRIL}))
    april = "2024-04-01T00:00:00+02:00/2024-05-01T00:00:00+02:00"
    until(lambda: april in begun(world, "cron_or_assets", "asset_triggered__"))
    assert sorted(begun(world, "cron_or_assets", "scheduled__")) == [JANUARY, FEBRUARY]


def test_an_event_starts_a_run_which_knows_what_was_told(world: World) -> None:
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    month = f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"
    for number in (1, 2):
        (world.told_in / "go").touch()
        until(lambda count=number: len(lines(world, "arrival")) == count)  # type: ignore[misc]
    assert lines(world, "arrival") == [f"[True] {month}"] * 2
    assert not (world.told_in / "go").exists()


def lines(world: World, dag_id: str) -> list[str]:
    file = world.told_in / dag_id
    return file.read_text().splitlines() if file.exists() else []


def test_what_a_trigger_starts_is_of_what_its_starter_is(world: World) -> None:
    before = len(world.told("third"))
    date = datetime(2024, 2, 10, tzinfo=timezone.utc)
    assert world.ended(world.api.trigger("parent", logical_date=date)).state == "success"
    children = {"daily_child", "plain_child"}
    until(lambda: all(started(world, child) for child in children | {"third"}))
    assert {interval for child in children for interval in started(world, child)} == {FEBRUARY}
    assert world.intervals("third")[before:] == [FEBRUARY]


def started(world: World, dag_id: str) -> list[str]:
    """The intervals of the runs that `parent` has started."""
    return begun(world, dag_id, "triggered_by__")


def begun(world: World, dag_id: str, how: str) -> list[str]:
    """The intervals of the runs whose id begins so."""
    return [interval for run, interval in world.told(dag_id) if run.startswith(how)]


def test_catching_up_clearing_and_a_backfill_give_the_same_names(world: World) -> None:
    runs = world.all_ended("catches_up", 3)
    assert [run.state for run in runs] == ["success"] * 3
    first = dict(world.told("catches_up"))
    assert sorted(first.values()) == [JANUARY, FEBRUARY, MARCH]

    for run in runs:
        world.api.clear("catches_up", run.dag_run_id)
    until(lambda: len(world.told("catches_up")) == 6)
    assert dict(world.told("catches_up")[3:]) == first

    world.all_ended("catches_up", 3)
    begin, end = (
        datetime(2023, 12, 31, 23, tzinfo=timezone.utc),
        datetime(2024, 2, 1, tzinfo=timezone.utc),
    )
    world.api.backfill("catches_up", begin, end)
    until(lambda: len(world.told("catches_up")) == 8)
    assert sorted(world.intervals("catches_up")[6:]) == [JANUARY, FEBRUARY]
    assert len(world.api.dag_runs("catches_up")) == 3


def test_without_catchup_only_the_newest_is_made_and_a_backfill_makes_the_others(
    world: World,
) -> None:
    (newest,) = world.all_ended("newest", 1)
    world.api.backfill(
        "newest",
        datetime(2023, 12, 31, 23, tzinfo=timezone.utc),
        datetime(2024, 3, 15, tzinfo=timezone.utc),
    )
    runs = world.all_ended("newest", 4)
    assert [run.run_type for run in runs] == ["backfill"] * 3 + ["scheduled"]
    assert sorted(world.intervals("newest"))[:3] == [JANUARY, FEBRUARY, MARCH]
    assert runs[-1].dag_run_id == newest.dag_run_id


def test_a_schedule_that_changes_makes_no_logical_date_twice_and_goes_on(world: World) -> None:
    head = TELLING + "start_date: 2024-01-01\ncatchup: true\nmax_active_runs: 8\n"

    def change(schedule: str, end: str, at_least: int) -> list[str]:
        text = head.replace("SCHEDULE", schedule) + f"end_date: {end}\n"
        (world.root / "changing.yaml").write_text(text)
        return days(world, at_least)

    daily = days(world, 4)
    assert daily == ["2024-01-01T06", "2024-01-02T06", "2024-01-03T06", "2024-01-04T06"]
    by_calendar = change('{cron: "0 6 * * *", covers: previous_day}', "2024-01-07", 7)
    assert by_calendar[4:] == ["2024-01-05T00", "2024-01-06T00", "2024-01-07T00"]
    monthly = change(MONTHLY, "2024-03-31", 10)  # the first: the rest of January
    assert monthly[7:] == ["2024-01-08T00", "2024-02-01T00", "2024-03-01T00"]
    # its first run is due at the moment of the last monthly one
    again = change('{cron: "0 6 * * *", covers: previous_day}', "2024-04-02", 12)
    assert again[10:] == ["2024-04-01T00", "2024-04-02T00"]


def days(world: World, at_least: int) -> list[str]:
    """The start of each interval that was run, to the hour."""
    world.all_ended("changing", at_least)
    found = sorted(world.intervals("changing"))
    return [interval[:13] for interval in found]
