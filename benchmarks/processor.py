"""A loader with 5,000 specs in the real Dag processor: time, memory, and where the time goes."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.measure import Line, environment
from benchmarks.specs import write_ours

COUNT = 5000
DAGS = Path(__file__).parents[1] / "dags"
MEGABYTE = 1024 * 1024

_STAGES = """
import gc, resource, sys, time
from pathlib import Path
import airflow.providers.standard.operators.bash
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from factory.in_airflow.fit import require_fit
from factory.in_airflow.render import render
from factory.plan.compile import compile
from factory.project import Project
from factory.spec.discover import discover
from factory.spec.read import read

root = Path(sys.argv[1])
project = Project(root)

def stage(name, function):
    begin = time.perf_counter()
    made = function()
    print("STAGE", time.perf_counter() - begin, name)
    return made

gc.disable()
files = stage("discover: list the folders", lambda: discover(root).files)
stage("read: YAML to values", lambda: [read(file, file.name) for file in files])
specs = stage(
    "read and resolve: layers, vars, matrix",
    lambda: [spec for file in files for spec in project.resolved(file)],
)
stage("validate", lambda: [project.validate(spec) for spec in specs])
plans = stage("compile: the plan", lambda: [compile(spec, spec.document.name) for spec in specs])
dags = stage("render: Airflow's DAG objects", lambda: [render(plan, root) for plan in plans])
stage("check what Airflow will check", lambda: [require_fit(*pair) for pair in zip(dags, plans)])
gc.enable()
stage("serialize, by Airflow", lambda: [LazyDeserializedDAG.from_dag(dag) for dag in dags])
"""


def lines(folder: Path) -> Iterator[Line]:
    """Figures without bounds."""
    project = folder / "project"
    root = write_ours(project / "dag_factory_configs", COUNT)
    (project / "dags").mkdir()
    shutil.copy(DAGS / "pipelines.py", project / "dags")
    whole, parse, memory = _process(folder, project / "dags")
    yield Line(name=f"the Dag processor parses {COUNT:,} specs", value=parse, unit="s")
    yield Line(name="  and writes them to an empty database (SQLite)", value=whole, unit="s")
    yield Line(name="  peak memory of the parsing process", value=memory, unit="MB")
    code = [sys.executable, "-c", _STAGES, str(root)]
    answer = subprocess.run(
        code, env=environment(folder), check=True, stdout=subprocess.PIPE, text=True
    )
    for line in answer.stdout.splitlines():
        if line.startswith("STAGE"):
            _, took, name = line.split(maxsplit=2)
            yield Line(name=f"  of it: {name}", value=float(took), unit="s")


def _process(home: Path, dags: Path) -> tuple[float, float, float]:
    """Seconds until all is written, seconds and peak megabytes of the parsing process."""
    env = environment(home) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
    }
    airflow = str(Path(sys.executable).with_name("airflow"))
    subprocess.run([airflow, "db", "migrate"], env=env, check=True, capture_output=True)
    command = [airflow, "dag-processor", "--num-runs", "1"]
    with (home / "log").open("wb") as log:
        processor = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        parse, memory, first = _watch(processor)
    whole = time.time() - first
    if processor.returncode or _dags(home) != COUNT:
        raise RuntimeError(f"not all was parsed:\n{(home / 'log').read_text()[-4000:]}")
    return whole, parse, memory


def _watch(processor: subprocess.Popen[bytes]) -> tuple[float, float, float]:
    """The longest life and the most memory of its children, and when the first began."""
    life: dict[int, float] = {}
    memory, first = 0.0, time.time()
    us = psutil.Process(processor.pid)
    while processor.poll() is None:
        for child in us.children():
            try:
                began = child.create_time()
                memory = max(memory, child.memory_info().rss / MEGABYTE)
                if child.status() != psutil.STATUS_ZOMBIE:
                    life[child.pid] = time.time() - began
                    first = min(first, began)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)
    return max(life.values()), memory, first


def _dags(home: Path) -> int:
    with sqlite3.connect(home / "airflow/airflow.db") as database:
        (count,) = database.execute("SELECT count(*) FROM serialized_dag").fetchone()
    return int(count)
