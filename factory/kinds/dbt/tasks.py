"""A task for each model of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from factory.kinds.dbt.graph import FRESHNESS, TESTS, Graph
from factory.plan.kind import Fragment, Step, task
from factory.plan.model import Group, Task

OPERATOR = "factory.in_airflow.operators.dbt.RunDbt"
_Edge = tuple[str, str]


def per_model(step: Step, freshness: bool, common: Mapping[str, Any], graph: Graph) -> Fragment:
    """Each model waits for those that it reads; its tests are its own task's.

    Tests that ask several models come behind all of them; how fresh the sources are, before.
    """
    own = {**common, "threads": 1, "exclude": []}
    tasks = [*_models(step, own, graph), *_across(step, own, graph)]
    edges = [*_edges(step, graph)]
    if freshness:
        asked = {**own, "select": [], "command": "source freshness"}
        first = task(step, FRESHNESS, OPERATOR, asked)
        behind = {after for _, after in edges}
        edges += [(first.id, other.id) for other in tasks if other.id not in behind]
        tasks.insert(0, first)
    return _joined(step, tasks, edges)


def _models(step: Step, own: Mapping[str, Any], graph: Graph) -> Iterator[Task]:
    names = graph.names()
    for node in graph.nodes:
        # tests that ask others, too, run where all of these are built
        chosen = {"select": [node.selector], "indirect": "buildable"}
        yield task(step, names[node.id], OPERATOR, {**own, **chosen})


def _across(step: Step, own: Mapping[str, Any], graph: Graph) -> Iterator[Task]:
    if graph.left_over:
        asked = {**own, "command": "test", "select": list(graph.left_over)}
        yield task(step, TESTS, OPERATOR, asked)


def _edges(step: Step, graph: Graph) -> Iterator[_Edge]:
    names = {id: f"{step.id}.{name}" for id, name in graph.names().items()}
    for node in graph.nodes:
        yield from ((names[need], names[node.id]) for need in node.needs)
    if graph.left_over:
        yield from ((names[end], f"{step.id}.{TESTS}") for end in graph.ends())


def _joined(step: Step, tasks: list[Task], edges: list[_Edge]) -> Fragment:
    behind, before = {after for _, after in edges}, {first for first, _ in edges}
    return Fragment(
        tasks=tuple(tasks),
        first=tuple(each.id for each in tasks if each.id not in behind),
        last=tuple(each.id for each in tasks if each.id not in before),
        edges=tuple(edges),
        group=Group(step.id, "one task for each model"),
    )
