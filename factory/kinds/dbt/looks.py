"""What can be told of a project by its files: nothing of it is run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from factory.diagnostics import Path as Place
from factory.diagnostics import shortened
from factory.kinds.dbt import graph
from factory.kinds.dbt.graph import Graph
from factory.kinds.dbt.node import Unfit
from factory.problem import Problem
from factory.spec.beside import missing, text_of

_MODELS = (".sql", ".py")
_MOST = 10_000  # files that are looked at


def folder_with(name: str, file: str, folder: Path, place: Place) -> Iterator[Problem]:
    """A folder beside the spec that does not hold what it must; any other is the worker's."""
    if not PurePosixPath(name).is_absolute():
        problem = missing(str(PurePosixPath(name) / file), folder)
        if problem is not None:
            yield replace(problem, path=place)


def of_manifest(manifest: Path, project: str, folder: Path, place: Place) -> Iterator[Problem]:
    """A manifest that was written before the models became what they are."""
    try:
        found = graph.read(manifest)
    except Unfit:
        return  # the plan's error says it
    if PurePosixPath(project).is_absolute():
        return
    for what in _stale(found, folder / project):
        yield Problem(
            place,
            "stale-manifest",
            f"the manifest is older than the models: {what}",
            hint="run `dbt parse` in the project, and put its target/manifest.json here",
            severity="warning",
        )
        return


def _stale(found: Graph, project: Path) -> Iterator[str]:
    for node in found.nodes:
        if not node.own or node.type != "model" or not node.sha256:
            continue
        file = project / node.path
        if not file.is_file():
            yield f"{shortened(node.path)} is not there any more"
        elif (text := text_of(file)) and _sha256(text) != node.sha256:
            yield f"{shortened(node.path)} is another now"
    for top in sorted({path.partition("/")[0] for path in found.files}):
        for file in sorted(islice((project / top).rglob("*"), _MOST)):
            name = file.relative_to(project).as_posix()
            if file.suffix in _MODELS and name not in found.files:
                yield f"{shortened(name)} is not in it"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()
