"""Whatever a file says: plans, or problems at places of that file; never an exception."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.plan.model import Pipeline
from factory.project import Project
from factory.spec.model import SETTINGS
from factory.spec.model import Pipeline as Spec
from tests.spec.yaml_text import KEYS, VALUES

NUMBERS = st.sampled_from([1.0, -0.0, 0, -1, 1e300, 2**63 - 1, -(2**63), 0.5, True, 100.0])
TEXTS = st.sampled_from(
    [
        "a",
        "b",
        "a.b",
        "${vars.a}",
        "${vars.a.b}",
        "${matrix.t}",
        "x ${vars.list} y",
        "@daily",
        "0 6 * * *",
        "5m",
        "0s",
        "2024-01-01",
        "2024-02-30",
        "UTC",
        "Europe/Berlin",
        "bash",
        "email",
        "webhook",
        "all_done",
        "file:///x",
        "airflow.x.Op",
        "${",
        "$${x}",
        "1",
    ]
)
LEAVES = st.one_of(TEXTS, NUMBERS, st.none(), VALUES)
ANY: st.SearchStrategy[Any] = st.one_of(
    LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(TEXTS, LEAVES, max_size=3)
)


GOOD: dict[str, Any] = {
    "version": 1,
    "description": "${vars.b} of ${dag_id}",
    "owner": "me",
    "tags": ["x", "${environment}"],
    "schedule": {"every": "5m"},
    "start_date": "2024-01-01",
    "timezone": "UTC",
    "catchup": True,
    "max_active_runs": 1,
    "dagrun_timeout": "1h",
    "alerts": {
        "on_failure": [{"type": "email", "to": ["a"]}],
        "on_deadline": [{"type": "slack", "conn_id": "c"}],
    },
    "deadline": {"after": "2h", "from": "logical_date"},
    "params": {"p": {"type": "integer", "default": 1}, "q": "x"},
    "vars": {"a": 1, "list": [1], "b": "${vars.a}", "m": {"x": "${matrix.t}"}},
    "matrix": {"t": ["x", "y"]},
    "defaults": {"retries": "${vars.a}", "retry_delay": "5m"},
    "kinds": {"bash": {"env": {"A": "1"}}},
    "tasks": [
        {"id": "a", "run": "echo ${vars.m.x}", "matrix": {"u": [1, 2]}},
        {"id": "b", "uses": "bash", "with": {"command": "echo", "output": True}, "needs": ["a"]},
        {"id": "c", "uses": "airflow.x.Op", "with": {"x": {"$ref": "a.b"}}, "pool": "p"},
        {
            "id": "g",
            "needs": ["a[1]"],
            "matrix": {"v": ["x", "y"]},
            "defaults": {"retries": 1},
            "tasks": [
                {"id": "d", "run": "echo ${matrix.v}"},
                {"id": "e", "run": "echo", "needs": ["d"], "matrix": [{"w": 1}]},
            ],
        },
        {"id": "f", "run": "echo", "needs": ["g[x].e"]},
        {"id": "h", "run": "echo", "teardown_for": ["g[x]"]},
    ],
}
GOOD_LAYER: dict[str, Any] = {
    key: GOOD[key] for key in ("version", "owner", "tags", "schedule", "vars", "defaults", "kinds")
}
GOOD_ENVIRONMENT = {
    "version": 1,
    "vars": {"a": 2},
    "override": {"owner": "you", "tags": ["y"], "defaults": {"retries": 0}},
}
NAMES = st.one_of(st.sampled_from(sorted({*Spec.__struct_encode_fields__, *SETTINGS})), KEYS)


def paths(value: Any) -> list[tuple[str | int, ...]]:
    """Of every value below."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[str | int, ...]] = []
    for key, entry in entries:
        found.append((key,))
        if isinstance(entry, (dict, list)):
            found += [(key, *below) for below in paths(entry)]
    return found


@st.composite
def spoiled(draw: st.DrawFn, good: dict[str, Any], most: int = 3) -> dict[str, Any]:
    """A good file with a few changes: values replaced, left out, added or moved."""
    value = copy.deepcopy(good)
    for _ in range(draw(st.integers(0, most))):
        every = paths(value)
        if not every:
            return value
        *above, key = draw(st.sampled_from(every))
        parent: Any = value
        for part in above:
            parent = parent[part]
        change = draw(st.sampled_from(["replace", "replace", "drop", "add"]))
        if change == "replace":
            parent[key] = draw(ANY)
        elif change == "drop":
            del parent[key]
        elif isinstance(parent, dict):
            parent[draw(NAMES)] = draw(ANY)
        else:
            parent.append(draw(ANY))
    return value


def outcome(folder: Path, spec: Any, layer: Any, environment: Any) -> None:
    for name, value in {
        "spec.yaml": spec,
        "_defaults.yaml": layer,
        "environments/dev.yaml": environment,
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(value), encoding="utf-8")
    (found,) = Project(folder, "dev").outcomes()
    codes = [entry.code for entry in found.diagnostics]
    assert found.plans or codes
    assert "internal" not in codes
    assert "schema" not in codes, found.diagnostics
    for entry in found.diagnostics:
        lines = (folder.parent / entry.file).read_text(encoding="utf-8").split("\n")
        assert 1 <= entry.line <= len(lines)
        assert 1 <= entry.column <= len(lines[entry.line - 1]) + 1
        assert entry.message
    for plan in found.plans:
        assert isinstance(plan, Pipeline)


def test_the_good_files_are_good(tmp_path: Path) -> None:
    outcome(tmp_path, GOOD, GOOD_LAYER, GOOD_ENVIRONMENT)
    (found,) = Project(tmp_path, "dev").outcomes()
    assert [plan.dag_id for plan in found.plans] == ["spec__x", "spec__y"]


@given(spoiled(GOOD), spoiled(GOOD_LAYER, most=1), spoiled(GOOD_ENVIRONMENT, most=1))
@settings(max_examples=300, deadline=None)
def test_any_spec_in_any_layers(
    tmp_path_factory: pytest.TempPathFactory, spec: Any, layer: Any, environment: Any
) -> None:
    outcome(tmp_path_factory.mktemp("any"), spec, layer, environment)


@given(VALUES)
@settings(deadline=None)
def test_any_value_at_all(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    outcome(tmp_path_factory.mktemp("any"), value, {"version": 1}, {"version": 1})
