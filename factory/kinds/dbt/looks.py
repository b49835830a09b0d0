"""What can be told of a project by its files: nothing of it is run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from factory.diagnostics import shortened
from factory.kinds.dbt import graph
from factory.kinds.dbt.graph import Graph
from factory.plan.beside import missing, text_of
from factory.problem import Problem

if TYPE_CHECKING:
    from factory.kinds.dbt import Arguments

_MODELS = (".sql", ".py")


def manifest_of(given: Arguments) -> str:
    """Where the manifest is, as a file is named beside the spec."""
    return given.manifest or str(PurePosixPath(given.project) / "manifest.json")


def of_folders(given: Arguments, folder: Path) -> Iterator[Problem]:
    """Folders beside the spec that do not hold what they must; others are the worker's."""
    named = {"project": (given.project, "dbt_project.yml")}
    if given.profiles_dir is not None:
        named["profiles_dir"] = (given.profiles_dir, "profiles.yml")
    for part, (name, file) in named.items():
        if not PurePosixPath(name).is_absolute():
            problem = missing(str(PurePosixPath(name) / file), folder)
            if problem is not None:
                yield replace(problem, path=(part,))


def of_manifest(given: Arguments, folder: Path) -> Iterator[Problem]:
    """A manifest that was written before the models became what they are."""
    try:
        found = graph.read(folder / manifest_of(given))
    except graph.Unfit:
        return  # the plan's error says it
    if PurePosixPath(given.project).is_absolute():
        return
    for what in _stale(found, folder / given.project):
        yield Problem(
            ("manifest",) if given.manifest else ("project",),
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
        elif _sha256(text_of(file)) != node.sha256:
            yield f"{shortened(node.path)} is another now"
    for top in sorted({path.partition("/")[0] for path in found.files}):
        for file in sorted((project / top).rglob("*")):
            name = file.relative_to(project).as_posix()
            if file.suffix in _MODELS and name not in found.files:
                yield f"{shortened(name)} is not in it"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()
