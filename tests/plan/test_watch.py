"""The watcher: that no order in which tasks end hides a failure, and where there is none."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from factory.plan.model import Pipeline, Task
from factory.plan.watch import NAME, WHY
from factory.project import Project

from .graphs import RULES, graph

_DONE = ("success", "failed", "skipped", "upstream_failed")


def plan_of(root: Path, tasks: str, more: str = "") -> Pipeline:
    (root / "daily.yaml").write_text(f"version: 1\n{more}tasks:\n{tasks}")
    return Project(root).plan("daily")


def watched(plan: Pipeline) -> set[str]:
    return {before for before, after in plan.edges if after == NAME}


@pytest.mark.parametrize(
    ("tasks", "names"),
    [
        ("[{id: a, run: x}, {id: b, if: false, run: x}, {id: c, needs: [a, b], run: x}]", "a"),
        ("[{id: a, run: x}, {id: b, run: x}, {id: c, needs: [a, b], run: x}]", ""),
        ("[{id: a, run: x}, {id: b, if: true, run: x}, {id: c, needs: [a, b], run: x}]", ""),
        # what has ended before the other is skipped
        (
            "[{id: a, run: x}, {id: b, needs: a, if: false, run: x}, "
            "{id: c, needs: [a, b], run: x}]",
            "",
        ),
        # skipped with the other
        (
            "[{id: a, if: false, run: x}, {id: b, needs: a, run: x}, {id: d, needs: a, run: x}, "
            "{id: c, needs: [b, d], run: x}]",
            "",
        ),
        # a rule that waits
        (
            "[{id: a, run: x}, {id: b, if: false, run: x}, "
            "{id: c, needs: [a, b], trigger_rule: none_failed_min_one_success, run: x}]",
            "",
        ),
        # of several first tasks of a group each decides by itself
        (
            "[{id: g, if: false, tasks: [{id: a, run: x}, {id: b, run: x}]}, "
            "{id: c, needs: g, run: x}]",
            "g.a g.b",
        ),
        (
            "[{id: a, matrix: {n: [1, 2]}, if: false, run: x}, {id: c, needs: a, run: x}]",
            "a__1 a__2",
        ),
        ("[{id: a, for_each: [1, 2], if: false, run: x}, {id: c, needs: a, run: x}]", ""),
        (
            "[{id: g, for_each: [1, 2], tasks: [{id: a, if: '{{ item }}', run: x}]}, "
            "{id: c, needs: g, run: x}]",
            "g.a",
        ),
        (
            "[{id: a, run: x}, {id: b, for_each: '{{ params.n }}', run: x}, "
            "{id: c, needs: [a, b], run: x}]",
            "a",
        ),
        (
            "[{id: a, run: x}, {id: w, uses: wait, with: {for: {type: time, after: 1h}, "
            "on_timeout: skip}}, {id: c, needs: [a, w], run: x}]",
            "a",
        ),
        (
            "[{id: a, run: x}, {id: b, uses: bash, with: {command: x, skip_on_exit_code: 3}}, "
            "{id: c, needs: [a, b], run: x}]",
            "a",
        ),
        (
            "[{id: a, run: x}, {id: b, uses: copy, with: {from: 'file:///a', to: 'file:///b', "
            "on_missing: skip}}, {id: c, needs: [a, b], run: x}]",
            "a",
        ),
        (
            "[{id: a, run: x}, {id: b, uses: my.sensors.Sensor, with: {soft_fail: true}}, "
            "{id: c, needs: [a, b], run: x}]",
            "a",
        ),
        (
            "[{id: s, run: x}, {id: w, needs: s, run: x}, {id: e, teardown_for: s, run: x}, "
            "{id: r, needs: e, run: x}]",
            "",
        ),
        # skipped with what it waits for
        (
            "[{id: a, run: x}, {id: w, uses: wait, with: {for: {type: pipeline, pipeline: other, "
            "task: b}}}, {id: c, needs: [a, w], run: x}]",
            "a",
        ),
        # a clean-up that may skip itself
        (
            "[{id: s, run: x}, {id: w, needs: s, run: x}, {id: e, teardown_for: s, uses: bash, "
            "with: {command: x, skip_on_exit_code: 3}}, {id: a, run: x}, "
            "{id: c, needs: [e, a], run: x}]",
            "a e.done",
        ),
        # a failure that does no harm further on, by a rule
        (
            "[{id: a, run: x}, {id: b, if: false, run: x}, {id: c, needs: [a, b], run: x}, "
            "{id: d, run: x}, {id: e, needs: [c, d], trigger_rule: one_success, run: x}]",
            "",
        ),
    ],
)
def test_what_is_watched(tmp_path: Path, tasks: str, names: str) -> None:
    plan = plan_of(tmp_path, f"  {tasks}\n", "params: {n: []}\n")
    assert watched(plan) == {*names.split()}
    assert [task.settings for task in plan.tasks if task.id == NAME] == [
        {"trigger_rule": "none_failed"}
    ] * bool(names)


def test_files_that_are_not_there_or_not_new(tmp_path: Path) -> None:
    for more in ("on_missing: skip", "only_new: true"):
        plan = plan_of(
            tmp_path,
            f"""\
  - {{id: a, run: x}}
  - id: b
    uses: ingest
    with:
      source: {{type: file, path: "file:///data/*.csv", format: csv, {more}}}
      target: {{type: postgres, conn_id: warehouse, table: raw.b}}
      write: {{mode: append}}
  - {{id: c, needs: [a, b], run: x}}
""",
        )
        assert watched(plan) == {"a"}


def test_a_setup_is_watched_by_way_of_a_task_of_the_usual_rule(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """\
  - {id: a, run: x}
  - {id: a2, run: x}
  - {id: w, needs: a2, run: x}
  - {id: b, if: false, run: x}
  - {id: c, needs: [a, b], run: x}
  - {id: e, teardown_for: [a, a2], run: x}
""",
    )
    (between,) = watched(plan)
    assert (between, {before for before, after in plan.edges if after == between}) == (
        "watcher__1",
        {"a"},
    )
    assert {task.id: task.description for task in plan.tasks}[between] == WHY


def edges_to(plan: Pipeline, name: str) -> set[str]:
    return {before for before, after in plan.edges if after == name}


def test_a_setup_that_a_teardown_needs_beside_its_own(tmp_path: Path) -> None:
    """Airflow runs a teardown when one of the setups directly before it has succeeded."""
    plan = plan_of(
        tmp_path,
        """\
  - {id: net, run: x}
  - {id: cluster, needs: net, run: x}
  - {id: extra, if: false, run: x}
  - {id: work, needs: [cluster, extra], run: x}
  - {id: end_cluster, teardown_for: cluster, needs: net, run: x}
  - {id: end_net, teardown_for: net, run: x}
""",
    )
    assert "cluster" in {name for one in watched(plan) for name in edges_to(plan, one)}


def test_who_branches_skips_no_watcher_directly_behind(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """\
  - {id: pick, uses: airflow.providers.standard.operators.latest_only.LatestOnlyOperator}
  - {id: opt, if: false, run: x}
  - {id: left, needs: [pick, opt], run: x}
""",
    )
    assert watched(plan) == {"watcher__1", "opt"}
    assert edges_to(plan, "watcher__1") == {"pick"}


def test_a_closed_gate_takes_no_watcher_from_what_is_not_behind_it(tmp_path: Path) -> None:
    gate = "airflow.providers.standard.operators.python.ShortCircuitOperator"
    plan = plan_of(
        tmp_path,
        f"""\
  - {{id: gate, uses: {gate}, with: {{python_callable: {{$ref: "code.py:is_open"}}}}}}
  - {{id: opt, if: false, run: x}}
  - {{id: a, needs: gate, run: x}}
  - {{id: r, needs: [a, opt], run: x}}
  - {{id: prices, run: x}}
  - {{id: report, needs: [prices, opt], run: x}}
""",
    )
    by_watcher = {
        task.id: edges_to(plan, task.id) for task in plan.tasks if task.id.startswith(NAME)
    }
    assert by_watcher == {"watcher": {"opt", "prices"}, "watcher_2": {"a"}}


def test_a_task_of_that_name_keeps_it(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "  [{id: watcher, run: x}, {id: b, if: false, run: x}, "
        "{id: c, needs: [watcher, b], run: x}]\n",
    )
    assert [task.id for task in plan.tasks] == ["watcher", "b", "c", "watcher_"]


def test_with_fail_fast_airflow_takes_no_other_rule(tmp_path: Path) -> None:
    tasks = "  [{id: a, run: x}, {id: b, if: false, run: x}, {id: c, needs: [a, b], run: x}]\n"
    assert watched(plan_of(tmp_path, tasks, "fail_fast: true\n")) == set()


def test_no_order_of_ends_hides_a_failure(tmp_path: Path) -> None:
    hidden = 0
    for seed in range(1000):
        chance = random.Random(seed)
        plan = plan_of(tmp_path, "\n".join(graph(chance)))
        unwatched = [task for task in plan.tasks if not task.id.startswith(NAME)]
        for _ in range(6):
            run = _Run(plan, chance)
            run.to_end()
            leaves = run.ends(plan.tasks)
            if "failed" in run.states.values():
                assert "failed" in leaves or "upstream_failed" in leaves, (seed, run.states)
                hidden += not {"failed", "upstream_failed"} & run.ends(unwatched)
    assert hidden > 30  # without a watcher


class _Run:
    """A scheduler that knows Airflow's rules, beside tasks that end in any order."""

    def __init__(self, plan: Pipeline, chance: random.Random) -> None:
        self.tasks = {task.id: task for task in plan.tasks}
        self.chance = chance
        self.states = dict.fromkeys(self.tasks, "")
        self.edges = [*plan.edges]
        self.edges += [(setup, task.id) for task in plan.tasks for setup in task.setups]
        self.needs = {name: [b for b, a in self.edges if a == name] for name in self.tasks}
        above = {name: self._above(name) for name in self.tasks}
        self.around = {
            name: {
                setup
                for end in self.tasks.values()
                for setup in end.setups
                if setup in above[name] and name in above[end.id] and name != end.id
            }
            for name in self.tasks
        }
        self.between = {
            end.id: {name for setup in end.setups for name in above[end.id] if setup in above[name]}
            for end in self.tasks.values()
        }

    def _above(self, name: str) -> set[str]:
        found: set[str] = set()
        left = [name]
        while left:
            new = {*self.needs[left.pop()]} - found
            found |= new
            left += new
        return found

    def to_end(self) -> None:
        while not all(state in _DONE for state in self.states.values()):
            self._schedule()
            for name in [*self.states]:
                if self.states[name] == "running" and self.chance.random() < 0.4:
                    self.states[name] = self._end(self.tasks[name])

    def _end(self, task: Task) -> str:
        if task.conditions and self.chance.random() < 0.6:
            return "skipped"
        is_empty = task.operator.endswith("EmptyOperator")
        return "failed" if not is_empty and self.chance.random() < 0.2 else "success"

    def _schedule(self) -> None:
        before = dict(self.states)
        names = [*self.tasks]
        self.chance.shuffle(names)
        for name in names:
            if not before[name]:
                self.states[name] = self._next(self.tasks[name], before)

    def _next(self, task: Task, states: Mapping[str, str]) -> str:
        found = [states[need] for need in self.needs[task.id]]
        if task.role == "teardown":
            setups = {states[setup] for setup in task.setups}
            between = [states[name] for name in self.between[task.id]]
            if not all(state in _DONE for state in (*found, *between)):
                return ""
            if setups == {"skipped"}:
                return "skipped"
            return "running" if "success" in setups else "upstream_failed"
        setups = {states[setup] for setup in self.around[task.id]}
        if setups & {"failed", "upstream_failed"}:
            return "upstream_failed"
        if "skipped" in setups:
            return "skipped"
        if setups - {"success"} or not found:
            return "" if found else "running"
        rule = task.settings.get("trigger_rule", "all_success")
        if {*found} & {"failed", "upstream_failed"}:
            return "upstream_failed"
        if "skipped" in found and rule == "all_success":
            return "skipped"
        if {*found} == {"skipped"} and rule == RULES[0]:
            return "skipped"
        return "running" if all(state in _DONE for state in found) else ""

    def ends(self, tasks: Iterable[Task]) -> set[str]:
        """The states of what nothing comes behind, among these tasks."""
        names = {task.id for task in tasks}
        return {
            self.states[name]
            for name in names
            if not any(b == name and a in names for b, a in self.edges)
        }
