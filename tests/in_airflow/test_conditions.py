"""`if:` from YAML through a real Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pipelines import Pipelines

CODE = """
def rows(): return [2023, 2024]
def none(): return []
"""
BRANCHES = """
version: 1
vars: {is_prod: false}
params: {full: false, n: 0}
tasks:
  - {id: rows, uses: python, with: {callable: "code.py:rows", output: true}}
  - {id: none, uses: python, with: {callable: "code.py:none", output: true}}
  - {id: full, needs: [rows], if: "{{ params.full }}", run: "true"}
  - {id: changed, needs: [rows], if: "{{ not params.full }}", run: "true"}
  - {id: joined, needs: [full, changed], trigger_rule: none_failed_min_one_success, run: "true"}
  - {id: behind, needs: [full], run: "true"}
  - id: some
    needs: [rows, none]
    if: "{{ tasks.rows.output and not tasks.none.output }}"
    run: "true"
  - id: first
    needs: [none]
    if: "{{ tasks.none.output }}"
    run: "echo {{ tasks.none.output[0] }}"
  - {id: zero, if: "{{ params.n }}", run: "true"}
  - {id: unset, if: "{{ var.value.get('no_such_variable') }}", run: "true"}
  - {id: not_unset, if: "{{ not var.json.get('no_such_variable', []) }}", run: "true"}
  - {id: prod, if: "${vars.is_prod}", run: "true"}
  - {id: dev, if: "{{ not ${vars.is_prod} }}", run: "true"}
  - id: by_path
    uses: airflow.providers.standard.operators.bash.BashOperator
    if: "{{ run_id.startswith('nope') }}"
    with: {bash_command: "exit 1"}
  - id: sensor
    uses: wait
    if: "{{ params.full }}"
    with: {for: {type: time, after: 1d}}
"""


def test_what_is_false_is_skipped_and_two_opposite_ones_are_a_branch(pipelines: Pipelines) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("branches.yaml", BRANCHES)
    run = pipelines.run("branches")
    assert run.state == "success", run.log[-4000:]
    assert run.states == {
        "rows": "success",
        "none": "success",
        "full": "skipped",
        "changed": "success",
        "joined": "success",
        "behind": "skipped",
        "some": "success",
        "first": "skipped",  # before its templates are filled in, which would fail
        "zero": "skipped",
        "unset": "skipped",
        "not_unset": "success",
        "prod": "skipped",
        "dev": "success",
        "by_path": "skipped",
        "sensor": "skipped",
    }
    assert "skipped: `if: {{ params.full }}`" in run.log


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("{{ params.text | lower }}", "gives the text 'false', which is neither true nor false"),
        ("{{ params.empty | lower }}", "gives the text '', which is neither true nor false"),
        ("{{ params.text.nope }}", "cannot be told"),
        ("{{ dag_run.conf['nope'] }}", "cannot be told"),
        ("{{ 1 / 0 }}", "cannot be told: division by zero"),
    ],
)
@pytest.mark.parametrize("uses", ["bash", "airflow.providers.standard.operators.bash.BashOperator"])
def test_what_cannot_be_told_fails(
    pipelines: Pipelines, uses: str, condition: str, said: str
) -> None:
    command = "command" if uses == "bash" else "bash_command"
    spec = f"""\
version: 1
params: {{text: "false", empty: {{type: string, default: ""}}}}
tasks:
  - {{id: a, uses: {uses}, if: "{condition}", with: {{{command}: "true"}}}}
"""
    pipelines.write("wrong.yaml", spec)
    run = pipelines.run("wrong")
    assert run.states == {"a": "failed"}
    assert said in run.log
    assert "wrong.yaml:4" in run.log


GROUP = """
version: 1
params: {load: false}
tasks:
  - id: load
    uses: ingest
    if: "{{ params.load }}"
    with:
      source: {type: file, path: "file:///nowhere/*.csv", format: csv}
      target: {type: file, path: "file:///nowhere/out/", format: csv}
      write: {mode: replace}
  - id: many  # its first task is mapped
    uses: ingest
    if: "{{ params.load }}"
    with:
      source: {type: http, url: ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"], format: csv}
      target: {type: file, path: "file:///nowhere/out/", format: csv}
      write: {mode: replace}
  - id: flow
    uses: nifi
    if: false
    with: {conn_id: nifi, group: Lake}
  - {id: behind, needs: [load], run: "true"}
  - {id: also, needs: [flow], run: "true"}
"""


def test_a_kind_of_several_tasks_is_skipped_as_a_whole(pipelines: Pipelines) -> None:
    pipelines.write("group.yaml", GROUP)
    run = pipelines.run("group")
    assert run.state == "success", run.log[-4000:]
    # these end the run as the loads did, which have not failed
    ran = {name for name, state in run.states.items() if state != "skipped"}
    assert ran <= {"load.done", "many.done"}


OF_GROUPS = """
version: 1
params: {full: false}
vars: {is_prod: false}
tasks:
  - {id: none, uses: python, with: {callable: "code.py:none", output: true}}
  - id: all
    if: "{{ params.full }}"
    tasks:
      - {id: cluster, run: "true"}
      - {id: work, needs: cluster, run: "true"}
      - {id: end, teardown_for: cluster, run: "exit 1"}
      - {id: tell, needs: work, trigger_rule: all_done, run: "exit 1"}
      - id: inner
        needs: cluster
        if: true
        tasks: [{id: a, run: "exit 1"}, {id: b, needs: a, trigger_rule: always, run: "exit 1"}]
  - id: changed
    if: "{{ not params.full }}"
    tasks:
      - {id: find, run: "true"}
      - id: old
        needs: find
        if: "{{ tasks.none.output }}"
        tasks: [{id: a, if: "{{ params.nope }}", run: "exit 1"}, {id: b, needs: a, run: "exit 1"}]
  - id: table
    if: "{{ '${matrix.name}' == 'orders' }}"
    matrix: {name: [customers, orders]}
    tasks: [{id: load, uses: airflow.providers.standard.operators.empty.EmptyOperator}]
  - {id: joined, needs: [all, changed.find], trigger_rule: none_failed_min_one_success, run: "true"}
  - {id: neither, needs: [all, changed.old], trigger_rule: none_failed_min_one_success, run: exit 1}
  - {id: behind, needs: changed, run: exit 1}
  - {id: prod, if: "${vars.is_prod}", tasks: [{id: a, run: exit 1}]}
"""


def test_a_group_is_skipped_as_a_whole(pipelines: Pipelines) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("of_groups.yaml", OF_GROUPS.replace("params.nope", "params.nope.nope"))
    run = pipelines.run("of_groups")
    assert run.state == "success", run.log[-4000:]
    assert {name for name, state in run.states.items() if state == "success"} == {
        "none",
        "changed.find",
        "table__orders.load",
        "joined",
    }
    assert {*run.states.values()} == {"success", "skipped"}


def test_the_dag_says_it_and_keeps_its_operators(pipelines: Pipelines, tmp_path: Path) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("branches.yaml", BRANCHES)
    dag = pipelines.dag("branches")
    task = dag.get_task("full")
    assert task.task_type == "BashOperator"
    assert task.__class__.__module__ == "airflow.providers.standard.operators.bash"
    assert task.doc_md == "Runs only if `{{ params.full }}`."
    assert dag.get_task("prod").doc_md == "Runs only if `{{ false }}`."
    assert dag.get_task("rows").doc_md is None
