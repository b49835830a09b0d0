"""The loader takes time that grows with what it builds; its other passes are lint's."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.in_airflow.loader import build
from tests.growth import measure
from tests.growth.inputs import INPUTS

BUILT = ["tasks", "needs", "matrix", "matrix_of_a_task", "params", "patterns", "files"]
MOST = {"params": 500, "patterns": 500}  # more are an error, which lint's growth is measured with


@pytest.mark.parametrize("name", BUILT)
def test_the_loader_grows_with_its_input(name: str, tmp_path: Path) -> None:
    make, largest = INPUTS[name]
    roots = []
    for size in measure.sizes(min(largest, MOST.get(name, largest))):
        roots.append(tmp_path / str(size) / "configs")
        measure.write(roots[-1], make(size))
        assert all(dag is not None for _, dag, _ in build(roots[-1]))
    measure.require_growth([lambda root=root: list(build(root)) for root in roots])  # type: ignore[misc]
