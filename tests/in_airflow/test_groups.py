"""Groups in a real Airflow."""

from .pipelines import Pipelines

SPEC = """version: 1
tasks:
  - {id: start, run: "true"}
  - id: table
    description: A table of the shop.
    needs: start
    matrix: {name: [customers, orders]}
    tasks:
      - {id: load, uses: bash, with: {command: "echo ${matrix.name}", output: true}}
      - id: checks
        needs: load
        tasks:
          - {id: count, run: "echo counted {{ tasks.load.output }}"}
          - {id: fail, run: "test ${matrix.name} = customers"}
  - id: one
    needs: table.load
    run: "echo all of {{ tasks['table.load'].output | join(' and ') }}"
  - {id: all, needs: table, run: "true"}
"""


def test_groups_and_what_needs_them(pipelines: Pipelines) -> None:
    pipelines.write("shop.yaml", SPEC)
    run = pipelines.run("shop")
    assert run.state == "failed"
    assert {name: state for name, state in run.states.items() if state != "success"} == {
        "table__orders.checks.fail": "failed",
        "all": "upstream_failed",
    }
    assert "counted orders" in run.log
    assert "all of customers and orders" in run.log


def test_they_are_task_groups_in_each_other(pipelines: Pipelines) -> None:
    pipelines.write("shop.yaml", SPEC)
    groups = pipelines.dag("shop").task_group.children
    assert {*groups} == {"start", "table__customers", "table__orders", "one", "all"}
    assert groups["table__orders"].tooltip == "A table of the shop."
    assert {*groups["table__orders"].children} == {
        "table__orders.load",
        "table__orders.checks",
    }
    inner = groups["table__orders"].children["table__orders.checks"]
    assert [*inner.children] == ["table__orders.checks.count", "table__orders.checks.fail"]


def test_kinds_of_several_tasks_in_a_group(pipelines: Pipelines) -> None:
    folder = pipelines.root.parent
    (folder / "a.csv").write_text("id\n1\n")
    pipelines.write(
        "daily.yaml",
        f"""version: 1
tasks:
  - id: files
    matrix: {{name: [a, b]}}
    tasks:
      - {{id: up, run: "true"}}
      - id: copy
        needs: up
        uses: ingest
        with:
          source: {{type: file, path: "{(folder / "a.csv").as_uri()}", format: csv}}
          target: {{type: file, path: "{folder.as_uri()}/lake/${{matrix.name}}"}}
          write: {{mode: replace}}
      - {{id: down, run: "true", teardown_for: up}}
""",
    )
    run = pipelines.run("daily")
    assert set(run.states.values()) == {"success"}
    assert {"files__a.copy.load", "files__b.copy.load", "files__b.down.tear_down"} <= {*run.states}
    assert (folder / "lake" / "b").is_dir()
