"""Lint: every file through every pass, then files beside the specs, then the rules.

Reads files only: nothing that a spec names is imported or run, and nothing goes over a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from factory.diagnostics import Diagnostic, limited, printable, shortened
from factory.errors import SpecError, UsageError
from factory.lint.paths import shown_path
from factory.lint.report import Report, collect
from factory.lint.rules import RULES, Rule, Scope
from factory.project import Outcome, Project
from factory.spec import discover
from factory.spec.parts import read_whole
from factory.spec.read import Document
from factory.spec.validate import validate_layer


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at: pipelines, layers, kinds of the project's own by name, and names that cannot
    be pipelines."""

    files: tuple[Path, ...]
    layers: tuple[Path, ...]
    problems: tuple[Diagnostic, ...]
    names: Mapping[str, Path]
    whole: bool
    parts: tuple[Path, ...] = ()
    kinds: tuple[str, ...] = ()


Build = Callable[[Project, Sequence[Outcome]], Iterable[tuple[Path, Diagnostic]]]
"""What of a project's files cannot be built, each with its file: a room above this one knows."""


def lint_project(
    project: Project, paths: Sequence[Path] = (), build: Build | None = None
) -> Report:
    """Lint the whole root, or only `paths` with the layers under them.

    :param build: builds what has a plan, too.
    :raises UsageError: a path is not in the root, or nothing there can be linted.
    """
    selected = select(project, paths)
    found: list[tuple[str, Diagnostic]] = [(_stem(entry), entry) for entry in selected.problems]
    layers: list[Document] = []
    for path in selected.layers:
        try:
            layers.append(_layer(project.root, path))
        except SpecError as error:
            found += [("", entry) for entry in error.diagnostics]
        except Exception as error:
            name = discover.display(project.root, path)
            found.append(("", _defect(name, "lint fails on this layer", error)))
    library = project.library
    if library is not None:
        found += [("", entry) for name in selected.kinds for entry in library.diagnostics(name)]
    outcomes = [project.outcome(path) for path in selected.files]
    broken: set[Path] = set()
    for outcome in outcomes:
        entries = [*outcome.diagnostics, *_beside(project, outcome)]
        found += [(outcome.path.stem, entry) for entry in entries]
        if any(entry.severity == "error" for entry in entries):
            broken.add(outcome.path)
    scope = Scope(
        project=project,
        outcomes=tuple(outcomes),
        layers=tuple(layers),
        kinds=tuple(library.documents()) if library else (),
        files=(*selected.layers, *_files_of_kinds(project, selected.kinds), *selected.files),
        names=selected.names,
        whole=selected.whole,
        parts=selected.parts,
    )
    ruled = [entry for rule in RULES for entry in _ruled(rule, scope)]
    concerned = _concerned(scope)
    found += [(path.stem, entry) for entry in ruled for path in concerned.get(entry, ())]
    found += [("", entry) for entry in ruled if entry not in concerned]
    if build is not None:
        told = {_spot(entry) for _, entry in found if entry.severity == "error"}
        for path, entry in build(project, outcomes):
            broken.add(path)
            found += [] if _spot(entry) in told else [(path.stem, entry)]
    shown_as = {path: discover.display(project.root, path) for path in scope.files}
    errors = [entry for entry in ruled if entry.severity == "error"]
    broken.update(path for entry in errors for path in concerned.get(entry, ()))
    wrong = {entry.file for entry in errors}
    broken |= {path for path in selected.files if shown_as[path] in wrong}
    fine = [
        plan.dag_id for outcome in outcomes for plan in outcome.plans if outcome.path not in broken
    ]
    shown = project.without_secrets(entry for _, entry in found)
    names = [name for name, _ in found]
    read = [*shown_as.values()]
    return collect(zip(names, shown, strict=True), fine, project.environment, read)


def _concerned(scope: Scope) -> dict[Diagnostic, dict[Path, None]]:
    """The pipelines of which the rules found something, wherever that stands."""
    found: dict[Diagnostic, dict[Path, None]] = {}
    for linted in scope.linted():
        for entry in linted.told:
            found.setdefault(entry, {})[linted.resolved.document.path] = None
    return found


def _files_of_kinds(project: Project, names: Sequence[str]) -> list[Path]:
    files = _kinds(project)
    return [files[name] for name in names]


def _kinds(project: Project) -> Mapping[str, Path]:
    """The files of kinds of the project's own, also of those whose names are taken."""
    return {} if project.library is None else project.library.files


def _ruled(rule: Rule, scope: Scope) -> list[Diagnostic]:
    """What a rule finds. A defect of it hides none of the other findings, and is an error."""
    found: list[Diagnostic] = []
    try:
        found += rule(scope)
    except Exception as error:
        name = f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"
        found.append(_defect(scope.project.root.name, f"the rule {name} fails", error))
    return found


def _defect(file: str, what: str, error: Exception) -> Diagnostic:
    reason = shortened(" ".join(f"{type(error).__name__}: {error}".split()), 200)
    return Diagnostic(
        file=file,
        line=1,
        column=1,
        width=0,
        code="internal",
        message=f"{what}: {reason}",
        hint="please report it; everything else was looked at",
    )


def select(project: Project, paths: Sequence[Path]) -> Selection:
    """The files that `paths` name: a folder all below it, a layer all that it applies to, and a
    kind of the project's own all that may call it.

    :raises UsageError: a path is not in the root, or nothing there can be linted.
    """
    root = project.root
    found = discover.discover(root)
    names = {path.stem: path for path in found.files}
    if not paths or any(path == root or path in root.parents for path in paths):
        return Selection(
            files=found.files,
            layers=found.layers,
            problems=found.problems,
            names=names,
            whole=True,
            parts=found.parts,
            kinds=tuple(_kinds(project)),
        )
    files: dict[Path, None] = {}
    problems: dict[Diagnostic, None] = {}
    layers: dict[Path, None] = {}
    kinds: list[str] = []
    for path in paths:
        of_path = _kinds_at(project, path)
        kinds += of_path
        chosen = _chooser(project, path)
        inside = [file for file in found.files if chosen(str(file))]
        shown = _chooser(project, Path(printable(str(path))))
        wrong = [entry for entry in found.problems if shown(str(root.parent / entry.file))]
        is_layer = path.name == discover.DEFAULTS or path.parent == root / discover.ENVIRONMENTS
        if not inside and not wrong and not is_layer and not of_path:
            raise _nothing(root, path)
        files.update(dict.fromkeys(inside))
        problems.update(dict.fromkeys(wrong))
        if is_layer:
            layers[path] = None
    for file in files:
        for folder in discover.folders(root, file):
            layers[folder / discover.DEFAULTS] = None
    return Selection(
        files=tuple(files),
        layers=tuple(path for path in layers if os.path.isfile(path)),
        problems=tuple(problems),
        names=names,
        whole=False,
        kinds=tuple(dict.fromkeys(kinds)),
    )


def _kinds_at(project: Project, path: Path) -> list[str]:
    """The kinds of the project's own that a path names: one, or all of the folder."""
    return [name for name, file in _kinds(project).items() if path in (file, file.parent)]


def _chooser(project: Project, path: Path) -> Callable[[str], bool]:
    """Whether a file, as text, is one of those that a path names."""
    everywhere = project.root / discover.ENVIRONMENTS / f"{project.environment}.yaml"
    if path == everywhere or _kinds_at(project, path):
        return lambda file: True
    whole = str(path)
    folder = f"{path.parent if path.name == discover.DEFAULTS else path}{os.sep}"
    return lambda file: file == whole or file.startswith(folder)


def _nothing(root: Path, path: Path) -> UsageError:
    name = shown_path(path)
    if not os.path.lexists(path):
        return UsageError(f"there is no file or folder {name}")
    if root not in path.parents:
        return UsageError(
            f"{name} is not in the configuration folder {shown_path(root)}",
            "name a file in it, or choose its own folder with --configs",
        )
    if os.path.isdir(path):
        return UsageError(f"there is no pipeline in {name}")
    return UsageError(f"{name} is not a pipeline", "a pipeline is a .yaml file")


def _layer(root: Path, path: Path) -> Document:
    document = read_whole(path, discover.display(root, path), root)
    environment = path.parent == root / discover.ENVIRONMENTS
    if found := validate_layer(document, environment=environment):
        raise SpecError(found)
    return document


def _beside(project: Project, outcome: Outcome) -> Iterable[Diagnostic]:
    """What the kinds find in files beside a spec: lint's own, the loader does not look."""
    try:
        specs = (*outcome.specs, *outcome.refused)
        found = [entry for resolved in specs for entry in project.files_of(resolved)]
    except Exception as error:
        name = discover.display(project.root, outcome.path)
        return [_defect(name, "lint fails on the files beside this one", error)]
    told = {_place(entry) for entry in outcome.diagnostics if entry.code == "not-built"}
    return limited(entry for entry in found if _place(entry) not in told)


def _place(entry: Diagnostic) -> tuple[str, int, int, str]:
    """What fails when a plan is made fails here, too, perhaps in other words."""
    return *_spot(entry), entry.code


def _spot(entry: Diagnostic) -> tuple[str, int, int]:
    return entry.file, entry.line, entry.column


def _stem(problem: Diagnostic) -> str:
    return Path(problem.file).stem
