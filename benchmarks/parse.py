"""Building DAGs from 1,000 specs: against the same by hand, and against dag-factory.

Processor time, for it is work of one thread on cached files, and other programs do not disturb it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Line, Side, best, seconds
from benchmarks.specs import write_dag_factory, write_ours

COUNT = 1000
PEERS = str(Path(sys.prefix) / "peers")

_SAME = """
import json, sys
from pathlib import Path
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from benchmarks.hand_written import shop
from factory.in_airflow.loader import build
(_, ours, _), *_ = build(Path(sys.argv[1]))
number = int(ours.dag_id.rpartition("_")[2])
hand = shop(number)
hand.timetable = ours.timetable  # theirs gives the same intervals
hashes = {LazyDeserializedDAG.from_dag(dag).hash for dag in (ours, hand)}
assert len(hashes) == 1, "the DAG by hand is not the one of the spec"
"""
_OURS = """
import sys, time
import airflow.providers.standard.operators.bash
from factory.in_airflow.loader import load
namespace = {}
begin = time.process_time()
load(sys.argv[1] + "/dags/pipelines.py", namespace)
took(time.process_time() - begin)
assert len(namespace) == int(sys.argv[2])
"""
_BY_HAND = """
import sys, time
from benchmarks.hand_written import shop
begin = time.process_time()
namespace = {dag.dag_id: dag for dag in map(shop, range(int(sys.argv[2])))}
took(time.process_time() - begin)
"""
_DAG_FACTORY = """
import sys, time
from datetime import timedelta
import airflow.providers.standard.operators.bash
from dagfactory import load_yaml_dags
namespace = {}
begin = time.process_time()
load_yaml_dags(namespace, dags_folder=sys.argv[1], defaults_config_path=sys.argv[1])
took(time.process_time() - begin)
assert len(namespace) == int(sys.argv[2]), len(namespace)
dag = namespace["shop_0"]
assert len(dag.tasks) == 6
assert dag.get_task("clean").execution_timeout == timedelta(hours=1)
assert dag.get_task("clean").retry_delay == timedelta(minutes=5)
assert dag.get_task("tell").upstream_task_ids == {"count", "load"}
"""


def lines(folder: Path) -> Iterator[Line]:
    """Two ratios."""
    root = write_ours(folder / "dag_factory_configs", COUNT)
    theirs = write_dag_factory(folder / "dag_factory", COUNT)
    seconds(Side(code=_SAME, arguments=(str(root),)), folder)
    size = str(COUNT)
    ours, hand, peer = best(
        [
            Side(code=_OURS, arguments=(str(folder), size)),
            Side(code=_BY_HAND, arguments=("", size)),
            Side(code=_DAG_FACTORY, arguments=(str(theirs), size), env={"PYTHONPATH": PEERS}),
        ],
        4,
        folder,
    )
    each = 1000 / COUNT
    yield Line(
        name="build 1,000 six-task pipelines, against by hand",
        value=ours / hand,
        bound=1.6,
        detail=f"{ours * each:.2f} ms a pipeline against {hand * each:.2f}",
    )
    yield Line(
        name="the same, against dag-factory: times faster",
        value=peer / ours,
        bound=3,
        at_least=True,
        detail=f"{ours * each:.2f} ms a pipeline against {peer * each:.2f}",
    )
