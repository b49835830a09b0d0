"""Hostile files: each told once, in bounded time and memory, and the good ones load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from factory.diagnostics import MAX_TOLD, MORE
from tests.patience import seconds
from tests.spec import hostile

# Limits of the operating system, far above what is needed: they end what would not end itself.
CHILD = """
import json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
from factory.project import Project
for outcome in Project(Path(sys.argv[1]), "dev").outcomes():
    print(json.dumps({
        "name": outcome.path.stem,
        "plans": [plan.dag_id for plan in outcome.plans],
        "codes": [entry.code for entry in outcome.diagnostics],
        "longest": max([len(e.message + e.expected + e.hint) for e in outcome.diagnostics] or [0]),
        "path": max([len(e.path) for e in outcome.diagnostics] or [0]),
    }), flush=True)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    root = tmp_path_factory.mktemp("hostile") / "dag_factory_configs"
    hostile.make(root)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(root)],
        capture_output=True,
        text=True,
        timeout=seconds(300),
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    found = [json.loads(line) for line in child.stdout.splitlines()]
    return {outcome["name"]: outcome for outcome in found}


@pytest.mark.parametrize("name", [*hostile.TEXTS, *hostile.OTHERS])
def test_one_clear_problem(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    _, code = {**hostile.TEXTS, **hostile.OTHERS}[name]
    outcome = outcomes[name]
    assert outcome["plans"] == []
    codes = [found for found in outcome["codes"] if found != MORE]
    assert set(codes) == {code}, Counter(outcome["codes"])
    assert len(codes) <= MAX_TOLD
    assert outcome["codes"].count(MORE) == (len(codes) == MAX_TOLD)
    assert outcome["longest"] < 1000


def test_the_others_load(outcomes: dict[str, dict[str, Any]]) -> None:
    assert outcomes["a_good_one"]["plans"] == ["a_good_one"]
    assert outcomes["zz_good_one"]["plans"] == ["zz_good_one"]


def test_links_to_folders_are_followed_once(outcomes: dict[str, dict[str, Any]]) -> None:
    assert outcomes["back"]["codes"] == ["folder-twice"]
    assert outcomes["up"]["codes"] == ["folder-twice"]
    assert "itself" not in outcomes
