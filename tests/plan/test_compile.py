from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from factory import registry
from factory.errors import FactoryError
from factory.plan import kind as kinds
from factory.plan.kind import Fragment, Step
from factory.plan.model import Group, Pipeline, Task
from factory.project import Project
from factory.review import origins


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


Offering = Callable[..., None]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offering]:
    """Make kinds of other packages known: names with modules."""

    def make(**modules: Any) -> None:
        offers: dict[str, tuple[str, ...]] = {}
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, f"other_{name}", module)
            offers[name] = (f"other_{name}",)
        monkeypatch.setattr(registry, "outside", lambda group: offers)
        kinds.find.cache_clear()

    yield make
    kinds.find.cache_clear()


def module(compile: Callable[[Step], Any], arguments: Any = Nothing) -> ModuleType:
    made = ModuleType("other")
    made.Arguments = arguments  # type: ignore[attr-defined]
    made.compile = compile  # type: ignore[attr-defined]
    return made


def compiled(folder: Path, text: str) -> Pipeline:
    (folder / "spec.yaml").write_text(text)
    return Project(folder, "dev").plan("spec")


def three(step: Step) -> Fragment:
    """Two tasks and the teardown of the first."""
    first, last, end = (f"{step.id}.{name}" for name in ("first", "last", "end"))
    tasks = (
        Task(id=first, operator="x.First", group=step.id, role="setup"),
        Task(id=last, operator="x.Last", group=step.id, settings={"retries": 9}),
        Task(id=end, operator="x.End", group=step.id, role="teardown", setups=(first,)),
    )
    return Fragment(
        tasks=tasks,
        first=(first,),
        last=(last,),
        edges=((first, last), (last, end)),
        group=Group(step.id),
    )


def test_a_step_of_several_tasks(tmp_path: Path, offer: Offering) -> None:
    offer(three=module(three))
    plan = compiled(
        tmp_path,
        """\
version: 1
tasks:
  - {id: before, run: echo}
  - {id: mid, uses: three, needs: [before, before], retries: 2, trigger_rule: all_done}
  - {id: after, run: echo, needs: [mid]}
""",
    )
    assert plan.groups == (Group("mid"),)
    assert plan.edges == (
        ("mid.first", "mid.last"),
        ("mid.last", "mid.end"),
        ("before", "mid.first"),
        ("mid.last", "after"),
    )
    settings = {task.id: task.settings for task in plan.tasks}
    assert settings["mid.first"] == {"retries": 2, "trigger_rule": "all_done"}
    # the rule is about the needs of the step; its own tasks still need one another
    assert settings["mid.last"] == {"retries": 9}
    assert settings["mid.end"] == {"retries": 2}
    assert {task.uses for task in plan.tasks} == {"bash", "three"}


def one(step: Step) -> Fragment:
    """A task that says two settings, each in another place."""
    task = Task(
        id=step.id, operator="x.One", settings={"retries": 9}, arguments={"pool": "kind", "x": 1}
    )
    return Fragment(tasks=(task,), first=(step.id,), last=(step.id,))


def test_a_task_wins_over_its_kind_and_the_kind_over_defaults(
    tmp_path: Path, offer: Offering
) -> None:
    offer(one=module(one))
    plan = compiled(
        tmp_path,
        """\
version: 1
defaults: {retries: 2, pool: shared, queue: slow}
tasks:
  - {id: silent, uses: one}
  - {id: loud, uses: one, retries: 0, pool: mine}
""",
    )
    settings = {task.id: {**task.arguments, **task.settings} for task in plan.tasks}
    assert settings["silent"] == {"retries": 9, "pool": "kind", "queue": "slow", "x": 1}
    assert settings["loud"] == {"retries": 0, "pool": "mine", "queue": "slow", "x": 1}
    # and `factory explain` says so
    (resolved,) = Project(tmp_path, "dev").resolved(tmp_path / "spec.yaml")
    told = {value.path: (value.value, value.line) for value in origins.values(resolved)}
    assert told["tasks.silent.retries"] == (9, 0)
    assert told["tasks.silent.pool"] == ("kind", 0)
    assert told["tasks.silent.queue"] == ("slow", 2)
    assert told["tasks.loud.retries"] == (0, 5)
    assert told["tasks.loud.pool"] == ("mine", 5)


def test_where_an_operators_settings_come_from(tmp_path: Path) -> None:
    (tmp_path / "_defaults.yaml").write_text(
        "defaults: {queue: slow}\nkinds: {a.B: {retries: 3, queue: fast}}\n"
    )
    (tmp_path / "spec.yaml").write_text(
        """\
version: 1
vars: {given: {retries: 1}}
defaults: {retries: 2, pool: shared}
tasks:
  - {id: own, uses: a.B, with: {retries: 0, pool: mine}}
  - {id: beside, uses: a.B, retries: 0}
  - {id: silent, uses: a.B}
  - {id: filled, uses: a.B, with: "${vars.given}"}
"""
    )
    (resolved,) = Project(tmp_path, "dev").resolved(tmp_path / "spec.yaml")
    told = {
        value.path.removeprefix("tasks."): (value.value, value.file.rpartition("/")[2], value.line)
        for value in origins.values(resolved)
    }
    spec, layer = "spec.yaml", "_defaults.yaml"
    assert {path: said for path, said in told.items() if said[1] and not path.endswith(".id")} == {
        "version": (1, spec, 1),
        "vars.given.retries": (1, spec, 2),
        **{f"{name}.uses": ("a.B", spec, line) for line, name in enumerate(NAMES, 5)},
        "own.with.retries": (0, spec, 5),
        "own.with.pool": ("mine", spec, 5),
        "own.with.queue": ("fast", layer, 2),
        "beside.retries": (0, spec, 6),
        "beside.pool": ("shared", spec, 3),
        "beside.with.queue": ("fast", layer, 2),
        "silent.retries": (2, spec, 3),  # the file is stronger than a layer below it
        "silent.pool": ("shared", spec, 3),
        "silent.with.queue": ("fast", layer, 2),
        "filled.with.retries": (1, spec, 8),
        "filled.pool": ("shared", spec, 3),
        "filled.queue": ("slow", layer, 1),
    }


NAMES = ("own", "beside", "silent", "filled")


def refuse(step: Step) -> Fragment:
    raise ValueError("no")


def leave(step: Step) -> Fragment:
    raise SystemExit(3)


def forget(step: Step) -> None:
    return None


@pytest.mark.parametrize("function", [refuse, leave, forget])
def test_a_kind_that_fails_hides_no_other_pipeline(
    tmp_path: Path, offer: Offering, function: Callable[[Step], Any]
) -> None:
    offer(other=module(function))
    (tmp_path / "bad.yaml").write_text("version: 1\ntasks:\n  - {id: a, uses: other}\n")
    (tmp_path / "good.yaml").write_text("version: 1\ntasks:\n  - {id: a, run: echo}\n")
    bad, good = Project(tmp_path, "dev").outcomes()
    assert good.plans
    (entry,) = bad.diagnostics
    assert (entry.line, entry.column, entry.code) == (3, 19, "not-built")
    assert "the kind 'other' fails" in entry.message


def test_a_kind_that_is_none(tmp_path: Path, offer: Offering) -> None:
    offer(other=ModuleType("other"))
    with pytest.raises(FactoryError) as caught:
        kinds.find("other")
    assert "is not a kind: it has no `Arguments`" in caught.value.message


def test_a_plan_is_the_same_every_time(tmp_path: Path) -> None:
    text = """\
version: 1
tags: [b, a, c]
vars: {x: {b: 1, a: 2}}
params: {all: "${vars.x}"}
tasks:
  - {id: b, run: echo, needs: [a]}
  - {id: a, run: echo}
"""
    once = msgspec.json.encode(compiled(tmp_path, text))
    assert msgspec.json.encode(compiled(tmp_path, text)) == once


def test_the_rule_of_an_operators_arguments_decides_about_its_items(tmp_path: Path) -> None:
    plan = compiled(
        tmp_path,
        """
version: 1
params: {years: [2023]}
tasks:
  - {id: load, run: ls}
  - id: one
    needs: load
    for_each: "{{ params.years }}"
    uses: x.Operator
    with: {trigger_rule: all_done}
  - id: more
    needs: load
    for_each: "{{ params.years }}"
    tasks: [{id: all, uses: x.Operator, with: {trigger_rule: all_done}}]
""",
    )
    found = {task.id: task for task in plan.tasks}
    for name in ("one__items", "more__items"):
        assert found[name].settings == {"trigger_rule": "all_done"}
    assert found["one"].arguments == {}
