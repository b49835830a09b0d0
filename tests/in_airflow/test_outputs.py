"""`{{ tasks.x.output }}` from YAML through a real Airflow."""

from __future__ import annotations

import pytest

from .pipelines import Pipelines

CODE = """
def rows(): return [{"year": 2023}, {"year": 2024}]
def number(n=7): return n
def seen(**given): return {k: v for k, v in given.items() if k.startswith("_")}
"""
OPERATOR = "airflow.providers.standard.operators.python.PythonOperator"
SPEC = """
version: 1
tasks:
  - {id: rows, uses: python, with: {callable: "code.py:rows", output: true}}
  - id: n-umber
    matrix: {n: [1, 2]}
    uses: python
    with: {callable: "code.py:number", args: {n: "${matrix.n}"}, output: true}
  - id: use
    needs: [rows, n-umber]
    uses: OPERATOR
    with:
      python_callable: {$ref: tests.in_airflow.test_outputs.given}
      op_kwargs:
        values:
          whole: "{{ tasks.rows.output }}"
          deep: [{first: "{{ tasks.rows.output[0].year }}"}]
          filtered: "{{ tasks.rows.output | map(attribute='year') | list }}"
          within: "n = {{ tasks['n-umber[1]'].output }}"
          one: "{{ tasks['n-umber__2'].output }}"
          all: "{{ tasks['n-umber'].output }}"
          text: "{{ tasks.rows.output | length }} of {{ tasks.rows.output | length }}"
  - id: shell
    needs: [use]
    uses: bash
    with: {command: "echo $N", env: {N: "{{ tasks.rows.output | length }}"}, output: true}
"""


def given(values: dict[str, object]) -> dict[str, object]:
    """What an operator's own argument was given."""
    return values


def test_alone_it_keeps_its_type_and_within_a_text_it_is_text(pipelines: Pipelines) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("hand.yaml", SPEC.replace("OPERATOR", OPERATOR))
    run = pipelines.run("hand")
    assert run.state == "success", run.log[-4000:]
    rows = [{"year": 2023}, {"year": 2024}]
    assert run.xcom("use") == {
        "whole": rows,
        "deep": [{"first": 2023}],
        "filtered": [2023, 2024],
        "within": "n = 1",
        "one": 2,
        "all": [1, 2],
        "text": "2 of 2",
    }
    assert run.xcom("shell") == "2"  # an environment variable is text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ tasks.rwos.output }}", "there is no task 'rwos': did you mean 'rows'?"),
        ("{{ tasks.quiet.output }}", "the task 'quiet' hands nothing on"),
        ("{{ tasks.rows.output[0].yaer }}", "has no attribute 'yaer'"),
    ],
)
def test_what_is_not_there_fails_the_task(pipelines: Pipelines, template: str, said: str) -> None:
    pipelines.write("code.py", CODE)
    spec = f"""
version: 1
tasks:
  - {{id: rows, uses: python, with: {{callable: "code.py:rows", output: true}}}}
  - {{id: quiet, needs: [rows], run: "true"}}
  - id: use
    needs: [quiet]
    uses: python
    with: {{callable: "code.py:seen", args: {{_x: "{template}"}}}}
"""
    pipelines.write("hand.yaml", spec)
    run = pipelines.run("hand")
    assert run.state == "failed"
    assert said in run.log


ORDERS = "def orders(): return [dict(id=1, keys='k', values=[2, 3])]\n"
METHODS = """
version: 1
params: {update: false, copy: 3}
tasks:
  - {id: rows, uses: python, with: {callable: "code.py:orders", output: true}}
  - {id: never, if: "{{ params.update }}", run: "true"}
  - id: each
    for_each: "{{ tasks.rows.output }}"
    needs: rows
    run: >-
      echo {{ item.keys }} {{ item.values | join('+') }} {{ item.get('id') }} {{ params.copy }}
      {{ item.keys() | join('+') }}
    with: {output: true}
  - id: sizes
    needs: rows
    uses: python
    with:
      callable: "code.py:seen"
      output: true
      args:
        _of: "{{ tasks.rows.output | map(attribute='keys') | list }}"
        _words: "{{ tasks.rows.output[0].values() | length }}"
        _none: "{{ tasks.rows.output[0]['pop'] | default('none') }}"
"""


def test_a_key_comes_before_a_method_of_its_name(pipelines: Pipelines) -> None:
    """An `if` would take the method for true, and a command would have it as text; what is called
    is the method."""
    pipelines.write("code.py", CODE + ORDERS)
    pipelines.write("methods.yaml", METHODS)
    run = pipelines.run("methods")
    assert run.state == "success", run.log[-4000:]
    assert run.states["never"] == "skipped"
    assert [each.xcom for each in run.copies("each")] == ["k 2+3 1 3 id+keys+values"]
    assert run.xcom("sizes") == {"_of": ["k"], "_words": 3, "_none": "none"}
