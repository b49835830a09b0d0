"""A watcher: the task that fails with those whose failure a skip would hide.

To Airflow a run has failed when a task has failed behind which no other comes. By the usual rule a
task is skipped as soon as one that it needs is, and what it needs beside may fail after that: then
nothing is left that fails with it. Nor does anything that only a teardown waits for fail the run.
Behind such tasks comes one more, which waits for all of them. (That the task itself waited, by
another rule, is no way: Airflow takes none directly behind a setup, and in a group with `for_each`
that is skipped as a whole such a task would fail.)
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from factory.graph import reached
from factory.plan.bracket import FAILING, Behind, Edge, rule
from factory.plan.kind import EMPTY
from factory.plan.model import Group, Output, Task

NAME = "watcher"
"""The task's id; that of another task is left to it."""
WHY = "Fails when a task before it has failed, also where what needs that one was skipped."
_GATE = "ShortCircuit"
_SKIPS = re.compile(rf"Branch|{_GATE}|LatestOnly")
_ALL = "all_success"
_BY_ALL = frozenset({"none_failed_min_one_success", "one_success"})
"""Rules by which a task is skipped when all that it needs are."""
_ONLY_BY_ITSELF = frozenset({"none_failed", "all_done", "always"})
"""Rules by which a task is never skipped for what it needs."""


def put(
    tasks: Sequence[Task], edges: Sequence[Edge], groups: Iterable[Group], skip: Collection[str]
) -> tuple[list[Task], list[Edge]]:
    """The watcher with its edges, and what stands between it and setups; nothing: none is needed.

    :param skip: tasks that may skip themselves, or what needs them, beside those with a condition.
    """
    names = _watched(tasks, edges, groups, skip)
    if not names:
        return [], []
    taken = {*(task.id for task in tasks), *(group.id for group in groups)}
    known = {task.id: task for task in tasks}
    more: list[Task] = []
    found: list[Edge] = []
    for place, watched in enumerate(_by_gates(names, tasks, edges), 1):
        name = _free(NAME if place == 1 else f"{NAME}_{place}", taken)
        own = _task(name, known[watched[0]])
        between = 0
        for one in watched:
            end = one
            # Airflow takes no other rule behind a setup, and who branches skips what is behind
            if known[one].role == "setup" or skips_others(known[one].operator):
                between += 1
                end = _free(f"{name}__{between}", taken)
                more.append(_task(end, known[one]))
                found.append((one, end))
            found.append((end, name))
        more.append(replace(own, settings={"trigger_rule": "none_failed"}))
    return more, found


def skips_others(operator: str) -> bool:
    """Whether an operator skips what is behind it, as its name says."""
    return _SKIPS.search(operator.rpartition(".")[2]) is not None


def _by_gates(
    names: Iterable[str], tasks: Iterable[Task], edges: Sequence[Edge]
) -> Iterable[Sequence[str]]:
    """A closed gate skips all that is behind it, by whatever rule: also a watcher of other tasks.

    So those behind the same gates have one of their own.
    """
    behind = Behind(edges)
    is_gate = {task.id: _GATE in task.operator.rpartition(".")[2] for task in tasks}
    gates = {name: {name, *reached([name], behind)} for name, is_one in is_gate.items() if is_one}
    found: dict[frozenset[str], list[str]] = {}
    for name in names:
        above = frozenset(gate for gate, held in gates.items() if name in held)
        found.setdefault(above, []).append(name)
    return found.values()


def _task(name: str, watched: Task) -> Task:
    return Task(id=name, operator=EMPTY, step=watched.step, uses=watched.uses, description=WHY)


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _watched(
    tasks: Sequence[Task], edges: Sequence[Edge], groups: Iterable[Group], skip: Collection[str]
) -> list[str]:
    """The tasks whose failure may be hidden, in the plan's order."""
    mapped = {group.id: group.for_each for group in groups if group.for_each is not UNSET}
    lists = [*mapped.values(), *(task.for_each for task in tasks)]
    # of an empty list there are no copies: what comes behind the task that gives it is skipped
    skipping = {*skip, *(items.task for items in lists if isinstance(items, Output))}
    skipping.update(task.id for task in tasks if task.conditions)
    if not skipping and not any(task.role == "teardown" for task in tasks):
        return []
    graph = _Graph(tasks, edges)
    scopes = {task.id: _scope(task, mapped) for task in tasks}
    skips = graph.skips(skipping)
    by_scope: dict[str, int] = {}
    for name, scope in scopes.items():
        if scope in mapped or name in skip:  # a condition of one step's copies holds for all
            by_scope[scope] = by_scope.get(scope, 0) | (skips[name].own if scope else 0)
    found = {*graph.behind_which_is_a_teardown_alone()}
    for task in tasks:
        if not (said := skips[task.id].by_needs) or task.id not in graph.tell:
            continue
        for need in graph.needs[task.id]:
            at_once = graph.bit[need] | skips[need].every | graph.after(need)
            among = by_scope.get(scopes[need], 0) if scopes[need] != scopes[task.id] else 0
            if said & (~at_once | among):
                found.add(need)
    # with the one setup that it has, a teardown fails: Airflow counts all directly before it
    found -= {task.setups[0] for task in tasks if graph.has_one_setup(task)}
    return [task.id for task in tasks if task.id in found and _may_be(task)]


def _may_be(task: Task) -> bool:
    """Whether a task's failure counts, and Airflow takes what would tell of it."""
    if task.role == "setup":
        return task.for_each is UNSET and not task.expand
    return task.role != "teardown" or task.fails_run is True


def _scope(task: Task, mapped: Collection[str]) -> str:
    """What a task has copies with: the group with a `for_each` around it, or itself alone."""
    if task.for_each is not UNSET or task.expand:
        return task.id
    return next((name for name in mapped if f"{task.group}.".startswith(f"{name}.")), "")


class _Skips(NamedTuple):
    """Which tasks, by skipping themselves, have a task skipped at once; `own` is its own bit."""

    own: int
    by_needs: int

    @property
    def every(self) -> int:
        return self.own | self.by_needs


class _Graph:
    """The tasks of a plan; a set of them is a number with their bits."""

    def __init__(self, tasks: Sequence[Task], edges: Sequence[Edge]) -> None:
        self.tasks = {task.id: task for task in tasks}
        self.bit = {task.id: 1 << place for place, task in enumerate(tasks)}
        self.rules = {task.id: str(rule(task)) for task in tasks if task.role != "teardown"}
        self.rules |= dict.fromkeys(self.tasks.keys() - self.rules, "")
        self.behind = Behind(edges)
        self.needs: dict[str, list[str]] = {name: [] for name in self.tasks}
        for before, after in edges:
            self.needs[after].append(before)
        self.order = [*graphlib.TopologicalSorter(self.needs).static_order()]
        self.tell: set[str] = set()
        """Those with whose failure the run fails, as long as nothing is skipped."""
        self._after: dict[str, int] = {}
        self._below: dict[str, int] = {}
        for name in reversed(self.order):
            followers = self.behind.get(name, ())
            self._below[name] = self._union(self._below, followers)
            waiting = [other for other in followers if self.rules[other] in FAILING]
            self._after[name] = self._union(self._after, waiting)
            alone = all(not self.rules[other] for other in followers)
            if self.rules[name] in FAILING and (alone or not self.tell.isdisjoint(waiting)):
                self.tell.add(name)

    def _union(self, found: Mapping[str, int], names: Iterable[str]) -> int:
        every = 0
        for name in names:
            every |= self.bit[name] | found[name]
        return every

    def has_one_setup(self, task: Task) -> bool:
        """Whether a teardown that fails the run waits for no setup but one."""
        before = {need for need in self.needs[task.id] if self.tasks[need].role == "setup"}
        return task.fails_run is True and len({*task.setups, *before}) == 1

    def after(self, name: str) -> int:
        """What runs only when a task is done, and has not failed."""
        return self._after[name]

    def skips(self, skipping: Collection[str]) -> dict[str, _Skips]:
        """Of each task what has it skipped."""
        found: dict[str, _Skips] = {}
        ended = [
            (setup, task.id)
            for task in self.tasks.values()
            for setup in task.setups
            if task.role == "teardown"
        ]
        for name in self.order:
            needed = self.needs[name]
            setups = self.tasks[name].setups
            by_needs = 0
            if self.rules[name] == _ALL:
                needed_now: Iterable[str] = needed
            elif self.rules[name]:  # a setup around it that is skipped skips it by any rule
                needed_now = [setup for setup, end in ended if self._is_between(setup, name, end)]
            else:
                needed_now = ()
            for need in needed_now:
                by_needs |= found[need].every
            is_skipping = name in skipping or self._may_be_skipped(
                name, [found[need] for need in setups or needed]
            )
            found[name] = _Skips(self.bit[name] if is_skipping else 0, by_needs)
        return found

    def _is_between(self, setup: str, name: str, end: str) -> bool:
        return bool(self._below[setup] & self.bit[name] and self._below[name] & self.bit[end])

    def _may_be_skipped(self, name: str, needs: Sequence[_Skips]) -> bool:
        """Whether a task may be skipped by a rule that is not the usual one."""
        said = self.rules[name]
        if said == _ALL or said in _ONLY_BY_ITSELF:
            return False
        if said in _BY_ALL or not said:
            return bool(needs) and all(need.every for need in needs)
        return True

    def behind_which_is_a_teardown_alone(self) -> Iterator[str]:
        """Tasks that only teardowns wait for, which run whatever became of them."""
        for name, followers in self.behind.items():
            if all(not self.rules[other] for other in followers):
                yield name


__all__ = ["NAME", "WHY", "put"]
