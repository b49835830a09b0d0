"""What `tasks.x.output` stands for, and which texts keep their type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.plan.model import Pipeline, Template
from factory.plan.outputs import Handed, Outputs
from factory.project import Project


def plan(folder: Path, tasks: str) -> Pipeline:
    (folder / "spec.yaml").write_text(f"version: 1\ntasks:\n{tasks}")
    return Project(folder, "dev").plan("spec")


@pytest.mark.parametrize(
    ("name", "handed"),
    [
        ("table.load", Handed(("table__a_x.load", "table__b.load"), True)),
        ("table[a x].load", Handed(("table__a_x.load",), False)),
        ("table__b.load", Handed(("table__b.load",), False)),
        ("table[b]", None),
        ("table[c].load", None),
        ("one", Handed(("one",), False)),
        ("many", Handed(("many__a_x", "many__b"), True)),
        ("many[a x]", Handed(("many__a_x",), False)),
        ("many__b", Handed(("many__b",), False)),
        ("quiet", None),
        ("nope", None),
        ("many[c]", None),
        ("one[c]", None),
    ],
)
def test_names(tmp_path: Path, name: str, handed: Handed | None) -> None:
    found = plan(
        tmp_path,
        """\
  - {id: one, uses: bash, with: {command: echo, output: true}}
  - {id: many, matrix: {n: [a x, b]}, uses: bash, with: {command: echo, output: true}}
  - {id: quiet, run: echo}
  - id: table
    matrix: {n: [a x, b]}
    tasks: [{id: load, uses: bash, with: {command: echo, output: true}}]
""",
    )
    outputs = Outputs(found)
    assert outputs.of(name) == handed
    assert bool(outputs.steps(name)) == (handed is not None or name == "quiet")


ALONE = "{{ tasks.one.output }}"


@pytest.mark.parametrize(
    ("uses", "given", "place", "found"),
    [
        ("http", {"params": {"a": ALONE}}, ("request", "params", "a"), Template(ALONE)),
        ("http", {"body": ALONE}, ("request", "body"), Template(ALONE)),
        ("http", {"endpoint": ALONE}, ("request", "endpoint"), ALONE),
        ("http", {"headers": {"X-A": ALONE}}, ("request", "headers", "X-A"), ALONE),
        ("http", {"params": {"a": f"{ALONE}!"}}, ("request", "params", "a"), f"{ALONE}!"),
        ("http", {"params": {"a": "{{ ds }}"}}, ("request", "params", "a"), "{{ ds }}"),
        (
            "http",
            {"params": {"a": "{{ params.tasks }}"}},
            ("request", "params", "a"),
            "{{ params.tasks }}",
        ),
        ("acme.Operator", {"a": [{"b": ALONE}]}, ("a", 0, "b"), Template(ALONE)),
        # what a callable does with a text, only it knows
        ("acme.Operator", {"a": {"$call": "x.Y", "with": {"b": ALONE}}}, ("a", "b"), ALONE),
    ],
)
def test_a_text_keeps_its_type_where_any_value_is_taken(
    tmp_path: Path, uses: str, given: dict[str, Any], place: tuple[Any, ...], found: Any
) -> None:
    given = {"conn_id": "x", **given} if uses == "http" else given
    (task,) = plan(tmp_path, f"  - {{id: a, uses: {uses}, with: {given}}}\n").tasks
    value: Any = task.arguments
    for part in place:
        value = getattr(value, "arguments", value)[part]
    assert value == found


@pytest.mark.parametrize(
    ("name", "reader", "handed"),
    [
        ("alone", "", Handed(("alone",), True, copied=True)),
        ("city.fetch", "", Handed(("city.fetch",), True, copied=True)),
        ("fetch", "city.use", Handed(("city.fetch",), False, own=True)),
        ("many", "city.use", Handed(("city.many__1", "city.many__2"), True, own=True)),
        ("load", "", Handed(("load.load",), True, copied=True)),
    ],
)
def test_names_of_copies(tmp_path: Path, name: str, reader: str, handed: Handed) -> None:
    found = plan(
        tmp_path,
        """\
  - {id: alone, for_each: [1, 2], uses: bash, with: {command: "echo {{ item }}", output: true}}
  - id: city
    for_each: "{{ var.json.cities }}"
    tasks:
      - {id: fetch, uses: bash, with: {command: "echo {{ item }}", output: true}}
      - {id: many, matrix: {n: [1, 2]}, uses: bash, with: {command: echo, output: true}}
      - {id: use, needs: [fetch], run: echo}
  - id: load
    for_each: [1, 2]
    uses: ingest
    with:
      source: {type: file, path: "file:///x/{{ item }}.csv", format: csv}
      target: {type: postgres, conn_id: it, table: raw.x}
      write: {mode: append}
""",
    )
    assert Outputs(found).of(name, reader) == handed
