"""Groups: what names mean in them, and what comes before what."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.spec import positions
from factory.spec.groups import Level, Unknown, meant
from factory.spec.origins import origin
from factory.spec.resolve import Resolved
from tests.spec.yaml_text import resolved


def one(folder: Path, tasks: Any, **more: Any) -> Resolved:
    (found,) = resolved(folder, yaml.safe_dump({"version": 1, "tasks": tasks, **more}))
    return found


def needs(spec: Resolved) -> dict[str, set[str]]:
    """Everything that comes before each task."""
    direct = {task["id"]: set(task.get("needs", ())) for task in spec.value["tasks"]}
    found = {name: set(before) for name, before in direct.items()}
    for _ in direct:
        for before in found.values():
            before |= {far for near in before for far in found[near]}
    return found


@st.composite
def entries(draw: st.DrawFn, prefix: str = "t", depth: int = 0) -> list[dict[str, Any]]:
    """Tasks and groups that need some of those before them."""
    found: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 3))):
        name = f"{prefix}{index}"
        before = [entry["id"] for entry in found]
        entry: dict[str, Any] = {"id": name}
        if before:
            entry["needs"] = draw(st.lists(st.sampled_from(before), unique=True, max_size=2))
        if draw(st.booleans()):
            entry["matrix"] = {f"m{name}": ["a", "b"]}
        if depth < 2 and draw(st.booleans()):
            entry["tasks"] = draw(entries(f"{name}x", depth + 1))
        else:
            entry["run"] = "true"
        found.append(entry)
    return found


def below(spec: Resolved, names: list[str]) -> set[str]:
    """The tasks of what stands in the file under these names, one in the other."""
    found = set()
    for index, task in enumerate(spec.value["tasks"]):
        above: Any = spec.document.value
        ids = []
        place = spec.task_place[index].path
        for key, position in zip(place[::2], place[1::2], strict=True):
            above = above[key][position]
            ids.append(above["id"])
        if ids[: len(names)] == names:
            found.add(task["id"])
    return found


@settings(max_examples=60, deadline=None)
@given(entries())
def test_all_of_what_is_needed_comes_before_all_of_what_needs_it(
    written: list[dict[str, Any]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = one(Path(folder), written)
    assert spec.problems == ()
    before = needs(spec)
    for entry in written:  # those at the top: a name inside is of one copy
        for need in entry.get("needs", ()):
            for task in below(spec, [entry["id"]]):
                assert below(spec, [need]) <= before[task]


def test_a_group_s_default_is_above_the_pipeline_s_and_below_a_task_s(tmp_path: Path) -> None:
    inner = [{"id": "a", "run": "x"}, {"id": "b", "run": "x", "retries": 3}]
    groups = [{"id": "g", "defaults": {"retries": 2}, "tasks": inner}, {"id": "c", "run": "x"}]
    spec = one(tmp_path, groups, defaults={"retries": 1})
    assert [task["retries"] for task in spec.value["tasks"]] == [2, 3, 1]
    document, place = origin(spec, ("tasks", 0, "retries"))
    assert place == ("tasks", 0, "defaults", "retries")
    assert positions.locate(positions.build(document.text), place)[1] == place


def level(names: dict[str, dict[str, Any]], above: Level | None = None) -> Level:
    found = Level(filler=None, defaults={}, matrix={}, above=above, value={"id": "g"})
    for number, (name, copies) in enumerate(names.items()):
        for copy, what in copies.items():
            found.add(name, copy, what, (), (number,))
    return found


TOP = level({"start": {"start": "start"}, "load": {"load__a": "load__a", "load__b": "load__b"}})
A, B = (level({"load1": {"load1": f"t__{n}.load1"}}, TOP) for n in "ab")
TOP.add("t", "t__a", A, (), ("t",))
TOP.add("t", "t__b", B, (), ("t",))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("start", ["start"]),
        ("load", ["load__a", "load__b"]),
        ("load[b]", ["load__b"]),
        ("load__b", ["load__b"]),
        ("load1", ["t__a.load1"]),
        ("t.load1", ["t__a.load1", "t__b.load1"]),
        ("t[b].load1", ["t__b.load1"]),
        ("t[b]", [B]),
        ("t", [A, B]),
        ("t.start", None),
        ("start.t", None),
        ("t[c]", None),
        ("start[a]", None),
        ("t[b].", None),
        ("t..load1", None),
        ("[b]", None),
        ("", None),
    ],
)
def test_what_a_name_means_inside_the_first_copy(name: str, found: list[Any] | None) -> None:
    assert isinstance(meant(name, A), Unknown) if found is None else meant(name, A) == found
