"""The graph of a dbt project, from the `manifest.json` that `dbt parse` wrote."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from factory.diagnostics import shortened
from factory.kinds.dbt.node import Node, Unfit
from factory.kinds.dbt.select import selected
from factory.spec import beside, links

FRESHNESS = "freshness"
TESTS = "tests_across"
"""The task of the tests that ask several models, none of which stands above all others."""
MAX_BYTES = 64 * 1024 * 1024
_BUILT: Mapping[str, tuple[str, ...]] = {
    "build": ("model", "seed", "snapshot"),
    "run": ("model",),
    "test": ("model", "seed", "snapshot"),
    "seed": ("seed",),
    "snapshot": ("snapshot",),
}


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    checksum: str = ""


class _Nodes(msgspec.Struct, frozen=True):
    nodes: list[str] = []


class _Config(msgspec.Struct, frozen=True):
    materialized: str = ""


class _Raw(msgspec.Struct, frozen=True):
    name: str
    resource_type: str
    package_name: str = ""
    fqn: list[str] = []
    original_file_path: str = ""
    tags: list[str] = []
    version: Any = None
    depends_on: _Nodes = _Nodes()
    config: _Config = _Config()
    checksum: _Named = _Named()


class _Metadata(msgspec.Struct, frozen=True):
    project_name: str = ""


class _Manifest(msgspec.Struct, frozen=True):
    metadata: _Metadata
    nodes: dict[str, _Raw]
    disabled: dict[str, list[_Raw]] = {}


class Test(msgspec.Struct, frozen=True):
    """A test of several models, by their ids."""

    name: str
    of: frozenset[str]


class Graph(msgspec.Struct, frozen=True):
    """Nodes, in an order in which each stands behind those that it needs.

    `left_over` are names of tests that no node's own task runs; `files` are all models' files.
    """

    nodes: tuple[Node, ...]
    tests: tuple[Test, ...] = ()
    left_over: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()

    def chosen(self, select: Sequence[str], exclude: Sequence[str], command: str) -> Graph:
        """What a command does of a selection. Raises `Unfit`."""
        if command not in _BUILT:
            raise Unfit(f"`{command}` is one task", "leave `tasks` out", "tasks")
        known = [node for node in self.nodes if node.type in _BUILT[command]]
        ids = selected(known, select, "select") if select else {node.id for node in known}
        ids -= selected(known, exclude, "exclude") if exclude else set()
        if not ids:
            raise Unfit("nothing is selected of the manifest", "look at `select` and `exclude`")
        tests = self._left_over(ids) if command in ("build", "test") else ()
        return Graph(tuple(self._joined(ids)), (), tests)

    def _joined(self, ids: set[str]) -> Iterator[Node]:
        """The nodes of these ids; what lies between two of them joins them."""
        reached: dict[str, dict[str, None]] = {}
        for node in self.nodes:
            above: dict[str, None] = {}
            for need in node.needs:
                above |= {need: None} if need in ids else reached.get(need, {})
            reached[node.id] = above
            if node.id in ids:
                yield msgspec.structs.replace(node, needs=tuple(above))

    def _left_over(self, ids: set[str]) -> tuple[str, ...]:
        above: dict[str, set[str]] = {}
        for node in self.nodes:
            above[node.id] = {node.id}.union(*(above[need] for need in node.needs))
        return tuple(
            test.name
            for test in self.tests
            if test.of <= ids and not any(test.of <= above[one] for one in test.of)
        )

    def names(self) -> dict[str, str]:
        """The name of each node's task by its id: its own, with its package where two have it."""
        usual = {node.id: _safe(node.name) for node in self.nodes}
        times = Counter([*usual.values(), FRESHNESS, TESTS])
        return {
            node.id: usual[node.id]
            if times[usual[node.id]] == 1
            else _safe(f"{node.package}__{node.type}__{node.name}")
            for node in self.nodes
        }

    def ends(self) -> list[str]:
        """The ids of those that no other needs."""
        needed = {need for node in self.nodes for need in node.needs}
        return [node.id for node in self.nodes if node.id not in needed]


def read(path: Path) -> Graph:
    """The graph of a manifest. Raises `Unfit`."""
    try:
        with links.reading(path, beside.root()) as file:
            stat = os.fstat(file.fileno())
    except links.Outside:
        raise Unfit(links.MESSAGE, "put the file itself here") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Unfit(f"{shortened(path.name)} cannot be read: {why}", _HINT) from None
    return _read(str(path), stat.st_mtime_ns, stat.st_size)


_HINT = "run `dbt parse` in the project, and put its target/manifest.json there"


@lru_cache(maxsize=8)
def _read(path: str, changed: int, size: int) -> Graph:
    if size > MAX_BYTES:
        raise Unfit(f"the manifest has {size / 2**20:.0f} MiB, and 64 MiB is the most")
    try:
        found = msgspec.json.decode(Path(path).read_bytes(), type=_Manifest)
    except (OSError, ValueError) as error:
        raise Unfit(f"the manifest cannot be read: {error}", _HINT) from None
    own = found.metadata.project_name
    nodes = {id: _node(id, raw, found.nodes, own) for id, raw in found.nodes.items() if _runs(raw)}
    return Graph(tuple(_ordered(nodes)), tuple(_tests(found, nodes)), (), _files(found))


def _runs(raw: _Raw) -> bool:
    built = raw.resource_type in _BUILT["build"]
    return built and raw.config.materialized != "ephemeral"


def _node(id: str, raw: _Raw, known: Mapping[str, _Raw], own: str) -> Node:
    version = "" if raw.version is None else f".v{raw.version}"
    return Node(
        id=id,
        name=f"{raw.name}{version}",
        type=raw.resource_type,
        package=raw.package_name,
        own=raw.package_name == own,
        fqn=tuple(raw.fqn),
        path=raw.original_file_path,
        tags=tuple(raw.tags),
        needs=tuple(dict.fromkeys(_needs(raw, known, 0))),
        sha256=raw.checksum.checksum if raw.checksum.name == "sha256" else "",
    )


def _needs(raw: _Raw, known: Mapping[str, _Raw], depth: int) -> Iterator[str]:
    """What it reads; of an ephemeral model, what that reads."""
    for need in raw.depends_on.nodes:
        other = known.get(need)
        if other is None or depth > 50:
            continue
        if _runs(other):
            yield need
        elif other.resource_type == "model":
            yield from _needs(other, known, depth + 1)


def _ordered(nodes: Mapping[str, Node]) -> Iterator[Node]:
    import graphlib

    needs = {id: [need for need in node.needs if need in nodes] for id, node in nodes.items()}
    try:
        order = [*graphlib.TopologicalSorter(needs).static_order()]
    except graphlib.CycleError:
        raise Unfit("the manifest's models wait for each other in a circle", _HINT) from None
    yield from (nodes[id] for id in order)


def _tests(found: _Manifest, nodes: Mapping[str, Node]) -> Iterator[Test]:
    for raw in found.nodes.values():
        of = frozenset(need for need in raw.depends_on.nodes if need in nodes)
        if raw.resource_type == "test" and len(of) > 1:
            yield Test(raw.name, of)


def _files(found: _Manifest) -> frozenset[str]:
    """The files of the project's own models, also of those that are switched off."""
    every: Iterable[_Raw] = (
        *found.nodes.values(),
        *(raw for raws in found.disabled.values() for raw in raws),
    )
    own = found.metadata.project_name
    models = (raw for raw in every if raw.resource_type == "model" and raw.package_name == own)
    return frozenset(raw.original_file_path for raw in models)


def _safe(name: str) -> str:
    return name.replace(".", "_")
