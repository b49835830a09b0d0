"""Lint, and the loader's passes in it, take time and memory that grow with what they read.

Of sizes that are four times as large, each may take at most 4^1.35 as long: what grows by its
square takes 16. Processor time, the best of several when it is too much, and nothing is said of
what is over in no time at the largest size.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.lint.check import check
from factory.lint.reporters import plain
from factory.lint.reporters.text import report
from factory.project import Project
from tests.growth.inputs import INPUTS, Files

STEP = 4
TIMES = STEP**1.35
MORE_MEMORY = STEP**1.2
NO_TIME = 0.03  # seconds
LITTLE_MEMORY = 2**21
ATTEMPTS = 4


def write(root: Path, files: Files) -> Project:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(root, "dev")


def lint(project: Project) -> int:
    """Everything that `factory lint` does; how many lines it prints."""
    again = Project(project.root, project.environment)
    return sum(1 for _ in report(check(again), project.root.parent, plain))


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Processor time of the fastest round."""
    found = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            start = time.process_time()
            work()
            found.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(found)


def memory(work: Callable[[], object]) -> int:
    """Bytes of Python's own at their most."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("growth")


@pytest.mark.parametrize("name", INPUTS)
def test_lint_grows_with_its_input(name: str, folder: Path) -> None:
    make, largest = INPUTS[name]
    sizes = [max(1, largest // STEP**2), largest // STEP, largest]
    projects = [write(folder / f"{name}_{size}" / "configs", make(size)) for size in sizes]
    assert max(path.stat().st_size for path in projects[-1].root.rglob("*.yaml")) <= 2**20
    used = [memory(lambda p=project: lint(p)) for project in projects[:2]]  # type: ignore[misc]
    assert used[1] < max(used[0], LITTLE_MEMORY) * MORE_MEMORY, used
    for attempt in range(1, ATTEMPTS + 1):
        times = [seconds(lambda p=project: lint(p), attempt) for project in projects]  # type: ignore[misc]
        bounds = [max(each, NO_TIME) * TIMES for each in times]
        if all(later < bound for later, bound in zip(times[1:], bounds, strict=False)):
            return
    pytest.fail(f"{name}: {times} s for {sizes}")
