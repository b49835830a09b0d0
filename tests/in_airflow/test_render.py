import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, Asset, AssetAll, AssetAny
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.timetables.base import DagRunInfo, TimeRestriction
from pendulum import DateTime, instance

from factory.errors import BuildError
from factory.in_airflow.render import render
from factory.plan.model import (
    Alert,
    Assets,
    Call,
    Deadline,
    Every,
    Group,
    Output,
    Pipeline,
    Ref,
    Task,
)
from factory.project import Project

BASH = "airflow.providers.standard.operators.bash.BashOperator"
Write = Callable[[str, str], Path]


def bash(name: str, command: str = "true", **more: Any) -> Task:
    return Task(id=name, operator=BASH, arguments={"bash_command": command}, **more)


def made(*tasks: Task, **more: Any) -> Any:
    plan = Pipeline(dag_id="p", source="team/p.yaml", tasks=tasks or (bash("a"),), **more)
    return render(plan, Path("/srv/dag_factory_configs"))


def datetime_of(year: int, month: int, day: int = 1, hour: int = 0) -> DateTime:
    return instance(datetime(year, month, day, hour, tzinfo=timezone.utc))


def serialized(dag: DAG) -> dict[str, Any]:
    data: dict[str, Any] = LazyDeserializedDAG.from_dag(dag).data["dag"]
    return data


def rendered(project: Project, dag_id: str) -> Any:
    return render(project.plan(dag_id), project.root)


def test_every_field_of_a_pipeline_reaches_the_dag() -> None:
    dag = made(
        description="What it does.",
        owner="trips",
        tags=("b", "a"),
        source_url="https://git.example.org/configs/",
        schedule="0 6 * * *",
        start_date="2024-01-01",
        end_date="2024-12-31T12:00:00Z",
        catchup=True,
        max_active_runs=2,
        max_active_tasks=3,
        max_consecutive_failed_dag_runs=4,
        dagrun_timeout=90.0,
        fail_fast=True,
        paused=False,
        params={"full": False, "day": {"type": "string", "default": "x", "description": "d"}},
        on_failure=(Alert("some.module", {"to": ["a"]}),),
        on_success=(Alert("some.module", {}),),
    )
    assert dag.description == "What it does."
    assert dag.doc_md == (
        "What it does.\n\nOwner: **trips**\n\n"
        "[team/p.yaml](https://git.example.org/configs/team/p.yaml)"
    )
    assert dag.owner == "trips"
    assert dag.tags == {"a", "b"}
    assert dag.start_date == datetime(2024, 1, 1, tzinfo=timezone.utc)
    assert dag.end_date == datetime(2024, 12, 31, 12, tzinfo=timezone.utc)
    assert dag.catchup
    assert dag.max_active_runs == 2
    assert dag.max_active_tasks == 3
    assert dag.max_consecutive_failed_dag_runs == 4
    assert dag.dagrun_timeout == timedelta(seconds=90)
    assert dag.fail_fast
    assert dag.is_paused_upon_creation is False
    assert dag.params.dump() == {"full": False, "day": "x"}
    assert dag.params.get_param("day").schema == {"type": "string"}
    assert dag.params.get_param("day").description == "d"
    assert [callback.event for callback in dag.on_failure_callback] == ["failure"]
    assert [callback.event for callback in dag.on_success_callback] == ["success"]


@pytest.mark.parametrize(
    ("reference", "named"),
    [("queued_at", "DagRunQueuedAtDeadline"), ("logical_date", "DagRunLogicalDateDeadline")],
)
def test_a_deadline_is_one_whatever_its_alerts(reference: Any, named: str) -> None:
    alerts = (Alert("some.module", {"to": ["a"]}), Alert("another.module", {}))
    dag = made(owner="o", deadline=Deadline(after="90m", reference=reference, alerts=alerts))
    (deadline,) = dag.deadline
    assert deadline.interval == timedelta(minutes=90)
    assert deadline.reference.reference_name == named
    assert deadline.callback.kwargs["owner"] == "o"
    assert [alert["notifier"] for alert in deadline.callback.kwargs["alerts"]] == [
        "some.module",
        "another.module",
    ]
    assert importlib.import_module(deadline.callback.path.rpartition(".")[0])


def test_what_is_not_set_is_left_to_airflow() -> None:
    ours, theirs = made(), DAG("p", schedule=None)
    for name in ("max_active_runs", "max_active_tasks", "max_consecutive_failed_dag_runs"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.is_paused_upon_creation is None
    assert ours.dagrun_timeout is None
    assert ours.deadline is None


@pytest.mark.parametrize(
    ("schedule", "timetable"),
    [
        (None, "NullTimetable"),
        ("@once", "OnceTimetable"),
        ("@daily", "CronTriggerTimetable"),
        (Every(900.0), "DeltaTriggerTimetable"),
        (Assets(("s3://b/a", "s3://b/c")), "AssetTriggeredTimetable"),
    ],
)
def test_each_form_of_schedule(schedule: Any, timetable: str) -> None:
    assert type(made(schedule=schedule).timetable).__name__ == timetable


@pytest.mark.parametrize("schedule", [None, "@daily", "0 6 2 * *", Every(900.0)])
def test_what_covers_something_is_of_our_timetable(schedule: Any) -> None:
    dag = made(schedule=schedule, covers="previous_day")
    assert type(dag.timetable).__name__ == "PipelineTimetable"
    written: Any = dag.timetable
    assert type(written).deserialize(serialized(dag)["timetable"]["__var"]) == written


def test_a_run_is_told_to_an_airflow_whose_fields_have_no_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # so is 3.2, which passes over the error and never makes a run: apache/airflow#68326
    monkeypatch.setattr(DagRunInfo.__new__, "__defaults__", ())
    dag = made(schedule="0 6 2 * *", covers="previous_month")
    bounds = TimeRestriction(earliest=datetime_of(2024, 1), latest=None, catchup=True)
    info = dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=bounds)
    assert info.run_after == datetime_of(2024, 2, 2, 6)
    assert info.data_interval == (datetime_of(2024, 1), datetime_of(2024, 2))


def test_assets_all_and_any() -> None:
    uris = ("s3://b/a", "s3://b/c")
    everyone: Any = made(schedule=Assets(uris)).timetable.asset_condition
    anyone: Any = made(schedule=Assets(uris, any=True)).timetable.asset_condition
    assert (type(everyone), type(anyone)) == (AssetAll, AssetAny)
    assert [asset.uri for asset in anyone.objects] == list(uris)


@pytest.mark.parametrize("schedule", ["0 6 * * *", "@daily"])
@pytest.mark.parametrize("start", [None, "2024-07-01", "2024-07-01T00:00:00Z"])
def test_the_time_zone_is_that_of_the_schedule(schedule: str, start: str | None) -> None:
    dag = made(schedule=schedule, timezone="Europe/Berlin", start_date=start)
    assert serialized(dag)["timetable"]["__var"]["timezone"] == "Europe/Berlin"


def test_a_date_without_a_zone_is_in_the_time_zone() -> None:
    dag = made(timezone="Europe/Berlin", start_date="2024-07-01")
    assert dag.start_date == datetime(2024, 6, 30, 22, tzinfo=timezone.utc)


def test_every_field_of_a_task_reaches_its_operator() -> None:
    settings = {
        "retries": 3,
        "retry_delay": "5m",
        "retry_exponential_backoff": True,
        "max_retry_delay": "1h",
        "execution_timeout": "90s",
        "trigger_rule": "all_done",
        "pool": "small",
        "pool_slots": 2,
        "priority_weight": 7,
        "queue": "big",
        "executor": "LocalExecutor",
        "depends_on_past": True,
        "max_active_tis_per_dag": 1,
    }
    told = Alert("some.module", {})
    task = bash("a", settings=settings, outlets=("s3://b/a",), description="Why.")
    operator = made(task, on_retry=(told,)).get_task("a")
    durations = {
        "retry_delay": timedelta(minutes=5),
        "max_retry_delay": timedelta(hours=1),
        "execution_timeout": timedelta(seconds=90),
    }
    for name, value in {**settings, **durations}.items():
        assert getattr(operator, name) == value, name
    assert operator.outlets == [Asset(uri="s3://b/a", name="s3://b/a")]
    assert operator.doc_md == "Why."
    assert [callback.event for callback in operator.on_retry_callback] == ["retry"]


def test_an_operators_own_callback_stays_beside_the_alerts() -> None:
    task = bash("a")
    task.arguments["on_retry_callback"] = Ref("builtins.print")  # type: ignore[index]
    operator = made(task, on_retry=(Alert("some.module", {}),)).get_task("a")
    own, told = operator.on_retry_callback
    assert own is print
    assert told.event == "retry"


def test_what_an_operator_is_told_wins_over_defaults(root: Path, write: Write) -> None:
    write(
        "spec.yaml",
        f"""\
version: 1
defaults: {{retries: 2, pool: shared, retry_delay: 5m}}
tasks:
  - {{id: own, uses: {BASH}, with: {{bash_command: x, retries: 0, pool: mine}}}}
  - {{id: silent, uses: {BASH}, with: {{bash_command: x}}}}
""",
    )
    dag = rendered(Project(root), "spec")
    own, silent = dag.get_task("own"), dag.get_task("silent")
    assert (own.retries, own.pool, own.retry_delay) == (0, "mine", timedelta(minutes=5))
    assert (silent.retries, silent.pool) == (2, "shared")


def test_edges_groups_setups_and_teardowns() -> None:
    dag = made(
        bash("make", role="setup"),
        bash("g.work", group="g"),
        bash("drop", role="teardown", setups=("make",)),
        edges=(("make", "g.work"), ("g.work", "drop")),
        groups=(Group("g", "A group."),),
    )
    assert dag.get_task("make").is_setup
    assert dag.get_task("drop").is_teardown
    assert dag.get_task("make").downstream_task_ids == {"g.work", "drop"}
    assert dag.get_task("g.work").downstream_task_ids == {"drop"}
    assert dag.task_group.get_task_group_dict()["g"].tooltip == "A group."


def test_the_arrows_into_a_task_say_when_it_runs() -> None:
    dag = made(
        bash("a"),
        bash("b"),
        bash("c", conditions=("{{ params.full }}", "{{ tasks.a.output and ds > '2024-01-01' }}")),
        bash("d"),
        edges=(("a", "c"), ("b", "c"), ("c", "d")),
    )
    said = {"label": "if params.full and tasks.a.output a…"}
    assert dag.get_edge_info("a", "c") == dag.get_edge_info("b", "c") == said
    assert serialized(dag)["edge_info"] == {"a": {"c": said}, "b": {"c": said}}


def test_marks_become_objects() -> None:
    first = bash("a")
    arguments = {
        "bash_command": Output("a"),
        "env": {"kept": ["x", {"y": 1}]},
        "execution_timeout": Call("datetime.timedelta", {"minutes": 5}),
        "pre_execute": Ref("builtins.print"),
    }
    second = Task(id="b", operator=BASH, arguments=arguments)
    operator = made(first, second).get_task("b")
    assert operator.execution_timeout == timedelta(minutes=5)
    assert operator.env == {"kept": ["x", {"y": 1}]}
    assert operator.upstream_task_ids == {"a"}


def test_the_code_tab_and_the_template_folder_are_those_of_the_spec() -> None:
    dag = made()
    dag.fileloc = "/somewhere/dags/pipelines.py"  # as Airflow's importer does
    dag.validate()
    assert dag.fileloc == "/srv/dag_factory_configs/team/p.yaml"
    assert dag.folder == "/srv/dag_factory_configs/team"


@pytest.mark.parametrize(
    ("task", "part", "message"),
    [
        (
            Task(id="g.a", step="g", operator="airflow.providers.nope.X", group=""),
            ("uses",),
            "there is no module",
        ),
        (Task(id="g.a", step="g", operator="datetime.nope"), ("uses",), "has no 'nope'"),
        (Task(id="g.a", step="g", operator="nodots"), ("uses",), "cannot be imported"),
        (
            Task(id="g.a", step="g", operator="builtins.dict"),
            ("uses",),
            "is not an Airflow operator",
        ),
        (Task(id="g.a", step="g", operator="sys.exit"), ("with",), "refuses its arguments"),
        (Task(id="g.a", step="g", operator=BASH, uses=BASH), ("with",), "missing keyword argument"),
        (
            Task(id="g.a", step="g", operator=BASH, uses=BASH, arguments={"bash_comand": "x"}),
            ("with", "bash_comand"),
            "has no argument 'bash_comand'",
        ),
        (
            Task(
                id="g.a",
                step="g",
                operator=BASH,
                uses=BASH,
                arguments={"bash_command": "", "pool": 5},
            ),
            ("with", "pool"),
            "'pool'",
        ),
    ],
)
def test_a_refused_task_names_its_place(task: Task, part: tuple[str, ...], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        made(task)
    assert (caught.value.step, caught.value.part) == ("g", part)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"schedule": Assets(("airflow://x",))}, ("schedule",)),
        (
            {"schedule": "@daily", "params": {"n": {"type": "integer", "default": "x"}}},
            ("params",),
        ),
    ],
)
def test_a_refused_pipeline_names_its_place(more: dict[str, Any], part: tuple[str, ...]) -> None:
    with pytest.raises(BuildError) as caught:
        made(**more)
    assert (caught.value.step, caught.value.part) == ("", part)


SPEC = """version: 1
description: Every kind of value.
owner: data
tags: [c, a, b]
schedule: {{assets: [s3://b/a, s3://b/c]}}
params: {{z: 1, a: {{type: string, default: x}}}}
deadline: 2h
alerts:
  on_deadline: [{{type: slack, conn_id: chat}}]
  on_failure: [{{type: webhook, conn_id: hook}}]
vars: {{z: 1, a: 2}}
tasks:
  - {{id: a, run: "echo {word}", retries: 2, retry_delay: 5m}}
  - id: b
    uses: bash
    needs: [a]
    with: {{command: "true", env: {{Z: "1", A: "2"}}}}
  - id: load
    uses: ingest
    needs: [b]
    with:
      source: {{type: http, url: "https://example.org/x.csv", format: csv}}
      target: {{type: postgres, conn_id: warehouse, table: raw.x}}
      write: {{mode: merge, key: [b, a]}}
"""

HASHES = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import LazyDeserializedDAG
folder = sys.argv[1]
bag = BundleDagBag(dag_folder=f"{folder}/dags/pipelines.py", bundle_path=folder, bundle_name="b")
assert not bag.import_errors, bag.import_errors
hashes = {name: LazyDeserializedDAG.from_dag(dag).hash for name, dag in bag.dags.items()}
print("HASHES" + json.dumps(hashes))
"""


def hashes(project: Path, cwd: Path, seed: str) -> dict[str, str]:
    """What Airflow compares to tell whether a DAG changed, as its Dag processor gets it."""
    command = [sys.executable, "-c", HASHES, str(project)]
    env = {**os.environ, "PYTHONHASHSEED": seed}
    answer = subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(answer.stdout.rpartition("HASHES")[2])
    return found


def project_with(folder: Path, text: str) -> Path:
    shutil.copytree(Path(__file__).parents[2] / "dags", folder / "dags")
    (folder / "dag_factory_configs/team").mkdir(parents=True)
    (folder / "dag_factory_configs/team/p.yaml").write_text(text)
    return folder


def test_the_same_spec_has_the_same_hash_in_any_process_folder_and_place(tmp_path: Path) -> None:
    spec = SPEC.format(word="hello")
    one = project_with(tmp_path / "one", spec)
    two = project_with(tmp_path / "deep/er/two", f"# a comment\n{spec}# and another\n")
    first = hashes(one, one, "1")
    assert list(first) == ["p"]
    assert hashes(two, tmp_path, "2") == first


def test_a_change_of_a_task_changes_the_hash_and_a_comment_does_not(
    root: Path, write: Write
) -> None:
    def current() -> str:
        return str(LazyDeserializedDAG.from_dag(rendered(Project(root), "p")).hash)

    write("p.yaml", SPEC.format(word="hello"))
    before = current()
    write("p.yaml", "# why\n" + SPEC.format(word="hello"))
    assert current() == before
    write("p.yaml", SPEC.format(word="goodbye"))
    assert current() != before


SQL = """
version: 1
schedule: null
vars: {{schema: {schema}}}
tasks: [{{id: report, uses: sql, with: {{conn_id: warehouse, sql: report.sql}}}}]
"""


def test_a_changed_var_changes_a_dag_whose_file_reads_it(root: Path, write: Write) -> None:
    def current(schema: str) -> tuple[str, str]:
        write("p.yaml", SQL.format(schema=schema))
        dag = rendered(Project(root), "p")
        dag.resolve_template_files()  # as Airflow's Dag processor does
        return dag.get_task("report").sql, str(LazyDeserializedDAG.from_dag(dag).hash)

    write("report.sql", "SELECT 1")
    assert current("a") == current("b")
    write("report.sql", "SELECT * FROM ${vars.schema}.orders -- as in old.sql")
    (text, one), (_, other) = current("a"), current("b")
    assert text == "SELECT * FROM a.orders -- as in old.sql "
    assert one != other


def test_an_unknown_var_in_a_file_is_the_pipelines_own_error(root: Path, write: Write) -> None:
    write("p.yaml", SQL.format(schema="a"))
    write("report.sql", "SELECT *\nFROM ${vars.shema}.orders")
    with pytest.raises(BuildError) as caught:
        rendered(Project(root), "p")
    assert caught.value.message == "report.sql:2:6: ${vars.shema} is not known"
    assert caught.value.hint == "did you mean 'schema'?"


def test_nothing_of_the_root_is_in_the_serialized_dag(root: Path, write: Write) -> None:
    write("team/p.yaml", SPEC.format(word="hello"))
    data = serialized(rendered(Project(root), "p"))
    data.pop("fileloc")  # not in the hash
    assert str(root) not in json.dumps(data)
