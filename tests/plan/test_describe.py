"""What the steps of a plan name elsewhere."""

from __future__ import annotations

from pathlib import Path

from factory.plan.model import Connection, Dated, Driven, PlannedStep, Reference
from factory.project import Project


def steps(folder: Path, tasks: str) -> list[PlannedStep]:
    (folder / "spec.yaml").write_text(f"version: 1\ntasks:\n{tasks}")
    plan = Project(folder, "dev").plan("spec")
    assert {task.step for task in plan.tasks} == {step.id for step in plan.steps}
    return list(plan.steps)


def test_an_ingest_names_its_ends(tmp_path: Path) -> None:
    (step,) = steps(
        tmp_path,
        """\
  - id: load
    uses: ingest
    pool: warehouse
    with:
      source: {type: http, conn_id: api, url: "/{{ var.value.path }}.csv", format: csv}
      target: {type: postgres, conn_id: warehouse, table: raw.orders}
      write: {mode: partition, column: day}
""",
    )
    assert step == PlannedStep(
        id="load",
        uses="ingest",
        output="load.load",
        writes=("table://warehouse/raw/orders",),
        connections=(Connection("api", ("http",)), Connection("warehouse", ("postgres",))),
        variables=("path",),
        pools=("warehouse",),
        dates=(Dated("the interval", "`start:` and `end:`", ("write",)),),
    )


def test_a_check_reads_its_table(tmp_path: Path) -> None:
    text = "{conn_id: w, table: raw.orders, checks: [{type: row_count, min: 1}]}"
    (step,) = steps(tmp_path, f"  - {{id: x, uses: check, with: {text}}}\n")
    assert step.reads == ("table://w/raw/orders",)
    assert step.writes == ()


def test_what_is_known_at_run_time_only_is_left_out(tmp_path: Path) -> None:
    text = '{conn_id: "{{ params.db }}", table: raw.x, checks: [{type: row_count, min: 1}]}'
    (step,) = steps(tmp_path, f"  - {{id: x, uses: check, with: {text}}}\n")
    assert step == PlannedStep(id="x", uses="check", output="x")


def test_one_connection_of_many_places_stands_once(tmp_path: Path) -> None:
    text = '{conn_id: api, headers: {X: "{{ conn.api.password }}"}}'
    (step,) = steps(tmp_path, f"  - {{id: x, uses: http, with: {text}}}\n")
    assert step.connections == (Connection("api", ("http",)),)


def test_what_the_list_of_a_group_names_is_its_first_steps(tmp_path: Path) -> None:
    first, second = steps(
        tmp_path,
        """\
  - id: all
    for_each: "{{ var.json.cities + conn.api.extra_dejson.cities }}"
    tasks: [{id: a, run: ls}, {id: b, run: ls}]
""",
    )
    assert first.variables == ("cities",)
    assert [one.conn_id for one in first.connections] == ["api"]
    assert second == PlannedStep(id="all.b", uses="bash")


def test_needs_pipelines_and_dates(tmp_path: Path) -> None:
    first, second = steps(
        tmp_path,
        """\
  - {id: start, uses: trigger, with: {pipeline: other}}
  - {id: wait, uses: wait, needs: [start], with: {for: {type: pipeline, pipeline: other}}}
""",
    )
    assert first.pipelines == (Reference("other", ("pipeline",)),)
    assert second.needs == ("start",)
    assert second.pipelines == (Reference("other", ("for", "pipeline")),)
    assert [dated.place for dated in second.dates] == [("for",)]


def test_a_group_of_nifi_is_driven(tmp_path: Path) -> None:
    one, other = steps(
        tmp_path,
        """\
  - {id: one, uses: nifi, with: {conn_id: nifi, group: /Lake/ Orders /}}
  - {id: other, uses: nifi, with: {conn_id: nifi, group: "{{ params.group }}"}}
""",
    )
    assert one.drives == (Driven("nifi", ("Lake", "Orders"), ("group",)),)
    assert other.drives == ()


def test_what_an_operator_says_of_itself(tmp_path: Path) -> None:
    (step,) = steps(
        tmp_path,
        """\
  - id: x
    uses: some.Operator
    with:
      conn_id: unknown  # an operator's arguments have no types
      pool: few
      trigger_dag_id: other
      inlets: [{$call: airflow.sdk.Asset, with: {uri: "S3://lake/in"}}]
      outlets:
        - {$call: airflow.sdk.Asset, with: {uri: s3://lake/out}}
        - {$call: airflow.sdk.Asset, with: {uri: "{{ x }}"}}
""",
    )
    assert step == PlannedStep(
        id="x",
        uses="some.Operator",
        output="x",
        reads=("s3://lake/in",),
        writes=("s3://lake/out",),
        pools=("few",),
        pipelines=(Reference("other", ("trigger_dag_id",)),),
    )


def test_alerts_name_connections(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "version: 1\nalerts: {on_failure: [{type: email, to: [a@b.c]}]}\n"
        "tasks: [{id: x, run: echo}]\n"
    )
    (alert,) = Project(tmp_path, "dev").plan("spec").on_failure
    assert alert.connections == (Connection("smtp_default", ("smtp",)),)


def test_tasks_tell_which_arguments_take_a_connection(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "version: 1\ntasks: [{id: x, uses: nifi, with: {conn_id: nifi, group: A}}]\n"
    )
    plan = Project(tmp_path, "dev").plan("spec")
    found = {task.id: task.connections for task in plan.tasks}
    assert found["x.wait"] == ("conn_id",)
    assert found["x.done"] == ()
