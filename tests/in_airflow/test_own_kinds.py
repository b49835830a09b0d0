"""Kinds of a project's own from YAML through a real Airflow."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from factory.in_airflow.loader import build

from .pipelines import Pipelines

CODE = """
def rows(n): return list(range(n))
def seen(**given): return {k: v for k, v in given.items() if k.startswith("_")}
def boom(): raise ValueError("no rows")
"""
COUNT = """
version: 1
description: So many rows, counted.
params:
  rows: {type: integer}
  table: {type: string, default: t}
tasks:
  - id: rows
    uses: python
    with: {callable: "code.py:rows", args: {n: "${params.rows}"}, output: true}
  - {id: count, needs: rows, uses: sql, with: {conn_id: db, sql: count.sql, output: true}}
outputs:
  rows: "{{ tasks.rows.output }}"
  counted: "{{ tasks.count.output }}"
"""
OUTER = """
version: 1
tasks:
  - {id: inner, uses: count, with: {rows: 3}}
outputs: {rows: "{{ tasks.inner.outputs.rows }}"}
"""
SPEC = """
version: 1
vars: {sign: "+"}
tasks:
  - {id: one, uses: count, with: {rows: 2}}
  - {id: many, uses: count, matrix: {n: [1, 3]}, with: {rows: "${matrix.n}", table: "t${matrix.n}"}}
  - {id: outer, uses: outer, needs: one}
  - {id: never, uses: outer, if: false}
  - {id: each, uses: tell, for_each: [a, b], with: {what: "{{ item }}"}}
  - id: use
    needs: [one, many, outer, each]
    uses: python
    with:
      callable: code.py:seen
      output: true
      args:
        _one: "{{ tasks.one.outputs.rows }}"
        _counted: "{{ tasks.one.outputs.counted }}"
        _many: "{{ tasks.many.outputs.rows }}"
        _third: "{{ tasks['many[3]'].outputs.counted }}"
        _outer: "{{ tasks.outer.outputs.rows }}"
        _each: "{{ tasks.each.outputs.said }}"
"""
TELL = """
version: 1
params: {what: {type: string}}
tasks: [{id: say, uses: bash, with: {command: "echo it is ${params.what}", output: true}}]
outputs: {said: "{{ tasks.say.output }}"}
"""


def test_calls_run_with_their_parameters_files_and_outputs(
    pipelines: Pipelines, tmp_path: Path
) -> None:
    database = tmp_path / "db.sqlite"
    sqlite3.connect(database).close()
    pipelines.connect("db", conn_type="sqlite", host=str(database))
    pipelines.write("_kinds/code.py", CODE)
    pipelines.write("_kinds/count.sql", "SELECT '${params.table}${vars.sign}', {{ 1 + 1 }}")
    pipelines.write("_kinds/count.yaml", COUNT)
    pipelines.write("_kinds/outer.yaml", OUTER)
    pipelines.write("_kinds/tell.yaml", TELL)
    pipelines.write("team/code.py", CODE)
    pipelines.write("team/calls.yaml", SPEC)
    run = pipelines.run("calls")
    assert run.state == "success", run.log[-4000:]
    assert run.xcom("use") == {
        "_one": [0, 1],
        "_counted": [("t+", 2)],
        "_many": [[0], [0, 1, 2]],
        "_third": [("t3+", 2)],
        "_outer": [0, 1, 2],
        "_each": ["it is a", "it is b"],
    }
    assert run.states["never.inner.rows"] == "skipped"


def test_a_failed_task_tells_its_line_in_the_kind_and_the_call(pipelines: Pipelines) -> None:
    pipelines.write("_kinds/code.py", CODE)
    pipelines.write(
        "_kinds/fails.yaml",
        "version: 1\ntasks:\n  - {id: boom, uses: python, with: {callable: 'code.py:boom'}}\n",
    )
    pipelines.write("hand.yaml", "version: 1\ntasks:\n  - {id: a, uses: fails}\n")
    run = pipelines.run("hand")
    assert run.state == "failed"
    assert "_kinds/fails.yaml:3, called from " in run.log
    assert "hand.yaml:3" in run.log


def test_an_output_that_is_not_there_fails_the_task(pipelines: Pipelines) -> None:
    pipelines.write("_kinds/tell.yaml", TELL)
    pipelines.write("code.py", CODE)
    pipelines.write(
        "hand.yaml",
        "version: 1\ntasks:\n  - {id: a, uses: tell, with: {what: b}}\n"
        "  - {id: use, needs: a, uses: python, with: {callable: 'code.py:seen', "
        'args: {_x: "{{ tasks.a.outputs.siad }}"}}}\n',
    )
    run = pipelines.run("hand")
    assert run.state == "failed"
    assert "the task 'a' has no output 'siad': did you mean 'said'?" in run.log


@pytest.mark.parametrize("kind", ["tasks: [{", "version: 1\ntasks: [{id: a, rnu: ls}]\n", "\0"])
def test_a_broken_kind_takes_down_only_who_calls_it(root: Path, kind: str) -> None:
    (root / "_kinds").mkdir()
    (root / "_kinds/mine.yaml").write_text(kind)
    (root / "calls.yaml").write_text("version: 1\ntasks: [{id: a, uses: mine}]\n")
    (root / "good.yaml").write_text("version: 1\ntasks: [{id: a, run: ls}]\n")
    found = {name: (dag, told) for name, dag, told in build(root)}
    assert found["good"][0] is not None
    dag, told = found["calls"]
    assert dag is None
    assert told[0].code == "broken-kind"
    assert "_kinds/mine.yaml:" in told[0].hint
