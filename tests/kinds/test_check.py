from pathlib import Path
from typing import Any

import msgspec
import pytest

from factory.kinds import check
from factory.plan.kind import Step


def problems(*checks: dict[str, Any]) -> list[tuple[Any, ...]]:
    given = {"conn_id": "w", "table": "t", "checks": checks}
    step = Step(
        id="x",
        uses="check",
        arguments=msgspec.convert(given, check.Arguments),
        dag_id="d",
    )
    return [problem.path[2:] for problem in check.inspect(step, Path())]


@pytest.mark.parametrize(
    ("bounds", "wrong"),
    [
        ({"min": 1, "max": 1}, False),
        ({"min": 2, "max": 1}, True),
        ({"min": "{{ ds }}", "max": 1}, False),
        ({"min": "2024-01-02", "max": "2024-01-01"}, True),
        ({"min": "2024-01-01", "max": "2024-01-01T00:00:01"}, False),
        ({"min": "2024-01-02T00:00:00+02:00", "max": "2024-01-01"}, False),
        ({"min": "b", "max": "a"}, False),
        ({"min": 5, "max": "4"}, False),
    ],
)
def test_bounds_that_cross(bounds: dict[str, Any], wrong: bool) -> None:
    found = problems({"type": "range", "column": "c", **bounds})
    assert found == ([("min",)] if wrong else [])
