"""Lint, and the loader's passes in it, take time and memory that grow with what they read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from factory.lint.lint import lint_project
from factory.lint.reporters import plain
from factory.lint.reporters.text import report
from factory.project import Project
from tests.growth import measure
from tests.growth.inputs import INPUTS


def lint(root: Path) -> int:
    """Everything that `factory lint` does; how many lines it prints."""
    return sum(1 for _ in report(lint_project(Project(root, "dev")), root.parent, plain))


@pytest.mark.parametrize("name", INPUTS)
def test_lint_grows_with_its_input(name: str, tmp_path: Path) -> None:
    make, largest = INPUTS[name]
    work = []
    for size in measure.sizes(largest, 4):
        root = tmp_path / str(size) / "configs"
        measure.write(root, make(size))
        work.append(partial(lint, root))
    assert max(path.stat().st_size for path in root.rglob("*.yaml")) <= 2**20
    measure.require_memory(work[:2])  # small ones: to count memory takes several times as long
    measure.require_growth(work[1:])
