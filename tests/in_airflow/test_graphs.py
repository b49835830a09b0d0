"""Graphs at random: what lint passes is built by Airflow, and stored."""

import json
from pathlib import Path
from random import Random
from typing import Any

from airflow.serialization.serialized_objects import LazyDeserializedDAG

from factory.in_airflow.loader import build
from factory.lint.lint import lint_project
from factory.project import Project

GRAPHS = 300


def steps(random: Random, most: int, depth: int = 0, copied: bool = False) -> list[Any]:
    """Steps and groups of which some need others, end others, or have copies."""
    found: list[dict[str, Any]] = []
    ended: set[str] = set()
    for number in range(random.randint(2, most)):
        step: dict[str, Any] = {"id": f"s{depth}{number}"}
        needed = {name for other in found for name in other.get("needs", ())}
        names = [other["id"] for other in found]
        if names and random.random() < 0.7:
            step["needs"] = random.sample(names, min(len(names), random.randint(1, 2)))
        is_group = depth < 2 and random.random() < 0.2
        if not copied and random.random() < 0.15:
            step["for_each"] = random.choice([["a", "b"], "{{ params.items }}"])
        elif random.random() < 0.1:
            step["matrix"] = {f"m{depth}{number}": [1, 2]}
        if is_group:
            step["tasks"] = steps(random, 3, depth + 1, copied or "for_each" in step)
        elif (begun := sorted(needed - ended)) and random.random() < 0.5:
            step["teardown_for"] = random.choice(begun)
            step["needs"] = [one for one in step.get("needs", ()) if one != step["teardown_for"]]
            step.pop("for_each", None)
            ended.add(step["teardown_for"])
        step |= {} if is_group else {"run": "ls"}
        found.append(step)
    return found


def test_what_lint_passes_is_built(root: Path) -> None:
    for seed in range(GRAPHS):
        spec = {"version": 1, "params": {"items": [1]}, "tasks": steps(Random(seed), 7)}
        (root / f"graph_{seed:03}.yaml").write_text(json.dumps(spec))
    report = lint_project(Project(root))
    built = {name: dag for name, dag, _ in build(root) if dag is not None}
    assert {*report.fine} == {*built}
    assert len(built) > GRAPHS / 3
    for dag in built.values():
        assert LazyDeserializedDAG.from_dag(dag).hash
