"""`teardown_for` in a real Airflow: what was begun is ended, and the run still fails."""

from pathlib import Path

import pytest

from .pipelines import Pipelines

SPEC = """version: 1
tasks:
  - {{id: network, run: "{network}"}}
  - {{id: cluster, run: "true", needs: network, matrix: {{size: [small, large]}}}}
  - {{id: work, run: "{work}", needs: cluster}}
  - {{id: more, run: "exit 99", needs: cluster}}
  - {{id: end, run: "{end}", teardown_for: cluster}}
  - {{id: drop, run: "true", teardown_for: network}}
"""
WELL = {"network": "true", "work": "true", "end": "true"}


@pytest.mark.parametrize(
    ("bad", "state", "end", "drop"),
    [
        ("", "success", "success", "success"),
        ("work", "failed", "success", "success"),
        ("end", "failed", "failed", "success"),
        ("network", "failed", "upstream_failed", "upstream_failed"),
    ],
)
def test_what_was_begun_is_ended(
    pipelines: Pipelines, bad: str, state: str, end: str, drop: str
) -> None:
    pipelines.write("daily.yaml", SPEC.format(**{**WELL, **({bad: "exit 1"} if bad else {})}))
    run = pipelines.run("daily")
    assert run.state == state
    assert run.states["end.tear_down"] == end
    assert run.states["drop.tear_down"] == drop


def test_what_a_clean_up_needs_beside_the_work_fails_the_run(pipelines: Pipelines) -> None:
    pipelines.write(
        "daily.yaml",
        """version: 1
tasks:
  - {id: cluster, run: "true"}
  - {id: work, needs: cluster, run: "true"}
  - {id: copy, for_each: ["true", "false"], run: "{{ item }}"}
  - {id: end, needs: copy, teardown_for: cluster, run: "true"}
  - {id: report, needs: end, run: "true"}
""",
    )
    run = pipelines.run("daily")
    assert run.states["copy"] == "failed"
    assert run.states["end.tear_down"] == "success"
    assert run.states["report"] == "upstream_failed"
    assert run.state == "failed"


def test_clearing_the_work_clears_what_it_is_bracketed_by(pipelines: Pipelines) -> None:
    pipelines.write("daily.yaml", SPEC.format(**WELL))
    dag = pipelines.dag("daily")
    part = dag.partial_subset("work", include_upstream=False, include_downstream=False)
    assert {task.task_id for task in part.tasks} == {
        "network",
        "cluster__small",
        "cluster__large",
        "work",
        "end.tear_down",
        "drop.tear_down",
    }


def test_a_setup_of_several_tasks(pipelines: Pipelines, root: Path) -> None:
    (root.parent / "a.csv").write_text("id\n1\n")
    pipelines.write(
        "daily.yaml",
        f"""version: 1
tasks:
  - id: files
    uses: ingest
    with:
      source: {{type: file, path: "{(root.parent / "a.csv").as_uri()}", format: csv}}
      target: {{type: file, path: "{(root.parent / "lake").as_uri()}"}}
      write: {{mode: replace}}
  - {{id: work, run: "exit 1", needs: files}}
  - {{id: end, run: "true", teardown_for: files}}
""",
    )
    run = pipelines.run("daily")
    assert run.state == "failed"
    assert run.states["end.tear_down"] == "success"


@pytest.mark.parametrize(("work", "behind"), [("true", "success"), ("false", "upstream_failed")])
def test_what_needs_a_teardown_does_not_run_when_the_work_failed(
    pipelines: Pipelines, work: str, behind: str
) -> None:
    pipelines.write(
        "daily.yaml",
        f"""version: 1
tasks:
  - {{id: up, run: "true"}}
  - {{id: work, run: "{work}", needs: up}}
  - {{id: down, run: "true", teardown_for: up}}
  - {{id: report, run: "true", needs: down}}
  - {{id: tell, run: "true", needs: down, trigger_rule: all_done}}
""",
    )
    run = pipelines.run("daily")
    assert run.state == ("success" if work == "true" else "failed")
    assert run.states["tell"] == "success"
    assert run.states["down.tear_down"] == "success"
    assert run.states["report"] == behind


def test_two_that_wait_for_the_same_work(pipelines: Pipelines) -> None:
    pipelines.write(
        "daily.yaml",
        """version: 1
tasks:
  - id: region
    matrix: {name: [eu, us]}
    tasks:
      - {id: up, run: "true"}
      - {id: load, needs: up, run: "true"}
      - {id: down, teardown_for: up, run: "true"}
  - {id: compare, needs: region.load, run: "false"}
  - {id: report, needs: region, run: "true"}
""",
    )
    run = pipelines.run("daily")
    assert run.state == "failed"
    assert {name: state for name, state in run.states.items() if state != "success"} == {
        "compare": "failed",
        "region__eu.down.done": "upstream_failed",
        "region__us.down.done": "upstream_failed",
        "report": "upstream_failed",
    }
