"""Events that Airflow is to watch, from YAML."""

from __future__ import annotations

from typing import Any

import pytest

from factory.errors import BuildError
from factory.in_airflow.fit import require_fit
from factory.project import Project

from .pipelines import Pipelines

TRIGGER = "airflow.providers.standard.triggers.file.FileDeleteTrigger"
SPEC = """version: 1
schedule: {{MORE event: {{uses: {uses}, with: {given}}}}}
tasks: [{{id: a, run: "true"}}]
"""


def write(pipelines: Pipelines, uses: str, given: str = "{}", more: str = "") -> None:
    pipelines.write("p.yaml", SPEC.replace("MORE", more).format(uses=uses, given=given))


@pytest.mark.parametrize(
    ("more", "others"),
    [
        ("", []),
        ("covers: previous_day,", []),
        ('cron: "0 6 * * *",', []),
        ('cron: "0 6 * * *", covers: none,', []),
        ("every: 6h, assets: [s3://lake/x],", ["s3://lake/x"]),
    ],
)
def test_it_is_an_asset_of_the_pipeline_with_the_trigger(
    pipelines: Pipelines, more: str, others: list[str]
) -> None:
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    write(pipelines, TRIGGER, "{filepath: /data/go}", more)
    dag = pipelines.dag("p")
    require_fit(dag, Project(pipelines.root).plan("p"))
    condition: Any = LazyDeserializedDAG.from_dag(dag).timetable.asset_condition
    (event, *rest) = [asset for _, asset in condition.iter_assets()]
    assert event.uri == event.name == "event://p/"
    assert [asset.uri for asset in rest] == others
    (watcher,) = event.watchers
    assert watcher.trigger == {
        "classpath": TRIGGER,
        "kwargs": {"filepath": "/data/go", "poke_interval": 5.0},
    }


def test_a_task_does_not_make_the_trigger(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "p")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "a")
    write(pipelines, "acme.not_installed_where_tasks_run.Trigger")
    dag = pipelines.dag("p")
    require_fit(dag, Project(pipelines.root).plan("p"))
    assert [asset.uri for asset in dag.schedule] == ["event://p/"]


@pytest.mark.parametrize(
    ("uses", "given", "part", "said"),
    [
        (TRIGGER, "{}", "with", "FileDeleteTrigger refuses its arguments: .*filepath"),
        ("acme.nope.Trigger", "{}", "uses", "there is no module acme"),
        (f"{TRIGGER}s", "{}", "uses", "has no 'FileDeleteTriggers'"),
        (
            "airflow.providers.standard.triggers.file.FileTrigger",
            "{filepath: x}",
            "uses",
            "FileTrigger is no trigger that Airflow can watch for",
        ),
        ("os.path.join", "{}", "uses", "join is no trigger"),
    ],
)
def test_what_is_no_event(
    pipelines: Pipelines, uses: str, given: str, part: str, said: str
) -> None:
    write(pipelines, uses, given)
    with pytest.raises(BuildError, match=said) as found:
        pipelines.dag("p")
    assert found.value.part == ("schedule", "event", part)


def test_a_run_of_something_else_knows_no_events(pipelines: Pipelines) -> None:
    pipelines.write("p.yaml", 'version: 1\ntasks: [{id: a, run: "echo [{{ events | length }}]"}]\n')
    run = pipelines.run("p")
    assert run.state == "success"
    assert "[0]" in run.log
