"""What every task start pays: importing the loader, and finding one DAG among many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Line, Side, typical
from benchmarks.specs import write_ours

MANY, FEW = 5000, 5

_AIRFLOW = """
import time
begin = time.perf_counter()
import airflow.sdk
took(time.perf_counter() - begin)
"""
_LOADER = """
import time
import airflow.sdk
begin = time.perf_counter()
import factory.in_airflow.loader
took(time.perf_counter() - begin)
"""
_WORKER = """
import sys, time
import airflow.providers.standard.operators.bash
from factory.in_airflow.loader import load
namespace = {}
begin = time.perf_counter()
load(sys.argv[1] + "/dags/pipelines.py", namespace)
took(time.perf_counter() - begin)
assert list(namespace) == ["shop_3"]
"""


def lines(folder: Path) -> Iterator[Line]:
    """Two ratios."""
    sdk, loader = typical([Side(code=_AIRFLOW), Side(code=_LOADER)], 3, folder)
    yield Line(
        name="import the loader, on top of `import airflow.sdk`",
        value=100 * loader / sdk,
        unit="%",
        bound=6,
        detail=f"{1000 * loader:.0f} ms on top of {1000 * sdk:.0f}",
    )
    sides = []
    for count in (MANY, FEW):
        project = folder / str(count)
        write_ours(project / "dag_factory_configs", count)
        asked = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "shop_3"}
        sides.append(Side(code=_WORKER, arguments=(str(project),), env=asked))
    many, few = typical(sides, 5, folder)
    yield Line(
        name=f"a worker builds its one DAG among {MANY:,} specs, against among {FEW}",
        value=many / few,
        bound=1.5,
        detail=f"{1000 * many:.0f} ms against {1000 * few:.0f}",
    )
