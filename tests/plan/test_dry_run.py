from pathlib import Path

from factory.plan.dry_run import dry_run
from factory.project import Project

SPEC = """
version: 1
start_date: 2024-01-01
alerts: {on_failure: [{type: slack, conn_id: hook}]}
tasks:
  - {id: first, uses: sql, with: {conn_id: db, sql: first.sql}, retries: 3}
  - {id: second, uses: sql, with: {conn_id: db, sql: SELECT 2}, needs: [first]}
  - id: load
    uses: ingest
    with:
      source: {type: file, path: "gs://lake/a.csv", format: csv}
      target: {type: bigquery, conn_id: google, table: shop.trips, via: "gs://lake/"}
      write: {mode: append}
  - {id: shell, run: echo}
"""


def test_what_asks_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("SELECT 1")
    (tmp_path / "it.yaml").write_text(SPEC)
    plan = Project(tmp_path).plan("it")
    asking = dry_run(plan)
    assert {task.id: task.operator.rpartition(".")[2] for task in asking.tasks} == {
        "first": "DrySql",
        "second": "DrySql",
        "load.load": "Unasked",
    }
    assert (asking.edges, asking.on_failure) == ((), ())
    first, _, load = asking.tasks
    assert first.files == (("sql",),)
    assert (first.settings, first.outlets, load.outlets) == ({}, (), ())
    assert load.arguments["conn_id"] == "google"


def test_one_task_or_group(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("SELECT 1")
    (tmp_path / "it.yaml").write_text(SPEC)
    plan = Project(tmp_path).plan("it")
    assert [task.id for task in dry_run(plan, "load").tasks] == ["load.load"]
    assert [task.id for task in dry_run(plan, "second").tasks] == ["second"]
