"""No failure is hidden: what a skip would hide fails the run by a watcher, in a real Airflow."""

from __future__ import annotations

import random

import pytest

from ..plan.graphs import graph
from .pipelines import Pipelines

HIDDEN = {
    "by an if": """
  - {id: late, run: "true"}
  - {id: a, needs: late, run: exit 1}
  - {id: b, if: false, run: "true"}
  - {id: c, needs: [a, b], run: "true"}
""",
    "behind an if": """
  - {id: late, matrix: {n: [1, 2]}, run: "true"}
  - {id: late2, needs: late, run: "true"}
  - {id: late3, needs: late2, run: "true"}
  - {id: a, needs: late3, run: exit 1}
  - {id: b, if: false, run: "true"}
  - {id: b2, needs: b, run: "true"}
  - {id: c, needs: [a, b2], run: "true"}
""",
    "by the if of a group": """
  - {id: late, run: "true"}
  - {id: late2, needs: late, run: "true"}
  - {id: a, needs: late2, matrix: {n: [1, 2]}, run: "exit ${matrix.n}"}
  - {id: g, if: false, tasks: [{id: x, run: "true"}, {id: y, needs: x, run: "true"}]}
  - {id: c, needs: [a, g], uses: airflow.providers.standard.operators.empty.EmptyOperator}
""",
    "by an empty list": """
  - {id: none, uses: python, with: {callable: "code.py:none", output: true}}
  - {id: late, needs: none, run: "true"}
  - {id: late2, needs: late, run: "true"}
  - {id: a, needs: late2, run: exit 1}
  - {id: b, needs: none, for_each: "{{ tasks.none.output }}", run: "true"}
  - {id: c, needs: [a, b], run: "true"}
""",
    "by the if of one copy": """
  - id: g
    for_each: [1, 0]
    tasks:
      - {id: late, run: "true"}
      - {id: late2, needs: late, run: "true"}
      - {id: late3, needs: late2, run: "true"}
      - {id: a, needs: late3, run: "true"}
      - {id: b, if: "{{ item }}", run: "true"}
      - {id: d, needs: [a, b], run: "exit 1"}
  - {id: c, needs: g.d, run: "true"}
""",
    "in a copy": """
  - {id: list, uses: python, with: {callable: "code.py:some", output: true}}
  - id: g
    needs: list
    for_each: "{{ tasks.list.output }}"
    tasks:
      - {id: late, run: "true"}
      - {id: a, needs: late, run: "exit {{ item }}"}
      - {id: b, if: "{{ item == 0 }}", run: "true"}
      - {id: c, needs: [a, b], run: "true"}
""",
    "by a skipped setup": """
  - {id: late, run: "true"}
  - {id: a, needs: late, run: exit 1}
  - {id: b, if: false, run: "true"}
  - {id: c, needs: [a, b], run: "true"}
  - {id: d, needs: [a, c], trigger_rule: none_failed, run: "true"}
  - {id: end, teardown_for: b, run: "true"}
""",
    "of a setup": """
  - {id: late, run: "true"}
  - {id: a, needs: late, run: exit 1}
  - {id: a2, run: "true"}
  - {id: b, if: false, run: "true"}
  - {id: c, needs: [a, a2, b], run: "true"}
  - {id: end, teardown_for: [a, a2], run: "true"}
""",
    "by a teardown that waits for it": """
  - {id: a, run: exit 1}
  - {id: s, run: "true"}
  - {id: w, needs: s, run: "true"}
  - {id: end, needs: a, teardown_for: s, run: "true"}
""",
    "by a teardown that waits for another": """
  - {id: s, run: "true"}
  - {id: w, needs: s, run: exit 1}
  - {id: end, teardown_for: s, run: "true"}
  - {id: s2, run: "true"}
  - {id: w2, needs: s2, run: "true"}
  - {id: end2, needs: end, teardown_for: s2, run: "true"}
""",
    "of a teardown": """
  - {id: s, run: "true"}
  - {id: w, needs: s, run: "true"}
  - {id: end, teardown_for: s, run: exit 1}
  - {id: b, if: false, run: "true"}
  - {id: c, needs: [b, end], run: "true"}
""",
    "by an operator that skips": """
  - {id: late, run: "true"}
  - {id: a, needs: late, run: exit 1}
  - id: b
    uses: airflow.providers.standard.operators.python.ShortCircuitOperator
    with: {python_callable: {$ref: "code.py:none"}}
  - {id: b2, needs: b, run: "true"}
  - {id: c, needs: [a, b2], run: "true"}
""",
    "beside an operator that branches": """
  - id: pick
    uses: airflow.providers.standard.operators.python.BranchPythonOperator
    with: {python_callable: {$ref: "code.py:right"}}
  - {id: opt, if: false, run: "true"}
  - {id: left, needs: [pick, opt], run: "true"}
  - {id: right, needs: pick, run: "true"}
  - {id: late, run: "true"}
  - {id: a, needs: late, run: exit 1}
  - {id: c, needs: [a, opt], run: "true"}
""",
    "beside a closed gate": """
  - id: gate
    uses: airflow.providers.standard.operators.python.ShortCircuitOperator
    with: {python_callable: {$ref: "code.py:none"}}
  - {id: opt, if: false, run: "true"}
  - {id: behind, needs: gate, run: "true"}
  - {id: both, needs: [behind, opt], run: "true"}
  - {id: late, run: "true"}
  - {id: a, needs: late, run: exit 1}
  - {id: c, needs: [a, opt], run: "true"}
""",
}
CODE = """
def right(): return "right"
def none(): return []
def some(): return [1, 0]
"""


@pytest.mark.parametrize("how", HIDDEN)
def test_a_failure_that_a_skip_would_hide(pipelines: Pipelines, how: str) -> None:
    pipelines.write("code.py", CODE)
    pipelines.write("daily.yaml", f"version: 1\ntasks:{HIDDEN[how]}")
    run = pipelines.run("daily")
    assert run.state == "failed"


SEEDS = (257, 631, 833, 850, 1058, 1079, 1116, 1230, 1565, 1814)
"""Those of pipelines by chance of which nothing but the watcher fails with what fails."""


def test_no_run_with_a_failed_task_succeeds(pipelines: Pipelines) -> None:
    for seed in SEEDS:
        chance, runs = random.Random(seed), ["exit 1", *['"true"'] * 3]
        tasks = graph(chance, runs, ["{{ false }}", "{{ 1 }}"])
        pipelines.write(f"daily_{seed}.yaml", "\n".join(["version: 1", "tasks:", *tasks]))
        run = pipelines.run(f"daily_{seed}")
        assert "failed" in run.states.values()
        assert (seed, run.state) == (seed, "failed")
