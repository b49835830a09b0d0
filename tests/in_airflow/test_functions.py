"""`{$ref: file.py:function}` in the arguments of an operator."""

import json

from airflow.serialization.serialized_objects import LazyDeserializedDAG

from factory.in_airflow.render import render
from factory.project import Project

from .pipelines import Pipelines

SPEC = """
version: 1
tasks:
  - id: rows
    uses: airflow.providers.standard.operators.python.PythonOperator
    with:
      python_callable: {$ref: clean.py:rows}
      op_kwargs: {each: {$ref: lib/more.py:double}}
  - id: enough
    needs: rows
    uses: airflow.providers.standard.operators.python.ShortCircuitOperator
    with: {python_callable: {$ref: clean.py:enough}}
  - {id: last, needs: enough, run: "true"}
"""
CLEAN = """
from helper import start

def rows(ds, each):
    return [ds, each(start())]

def enough(ti):
    import helper
    return helper.start() > 21
"""


def test_a_function_of_a_file_is_loaded_when_it_is_called(pipelines: Pipelines) -> None:
    pipelines.write("team/clean.py", CLEAN)
    pipelines.write("team/helper.py", "def start(): return 21\n")
    pipelines.write("team/lib/more.py", "def double(x): return 2 * x\n")
    pipelines.write("team/cleaning.yaml", SPEC)
    run = pipelines.run("cleaning")
    assert run.states == {"rows": "success", "enough": "success", "last": "skipped"}
    assert run.xcom("rows") == ["2024-01-02", 42]
    pipelines.write("team/helper.py", "def start(): return 22\n")
    assert pipelines.run("cleaning").states["last"] == "success"


def test_building_the_dag_runs_nothing_of_the_file(pipelines: Pipelines) -> None:
    pipelines.write("team/clean.py", "raise RuntimeError('run')\n")
    path = pipelines.write("team/cleaning.yaml", SPEC)
    root = path.parents[1]
    stored = [
        json.dumps(LazyDeserializedDAG.from_dag(render(Project(root).plan("cleaning"), root)).data)
        for _ in range(2)
    ]
    assert stored[0] == stored[1]
    assert " at 0x" not in stored[0]
