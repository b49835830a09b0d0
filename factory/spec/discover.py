"""Which files below a configuration root are pipelines, and which are layers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import msgspec

from factory.diagnostics import Diagnostic, is_one_line, quoted
from factory.spec import links

DEFAULTS = "_defaults.yaml"
ENVIRONMENTS = "environments"
KINDS = "_kinds"
OTHERS = frozenset({"dbt_project.yml", "dbt_project.yaml"})
"""What tells a folder whose YAML, also below it, is another program's."""
DEFAULT_ENVIRONMENT = "dev"
SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(@[1-9][0-9]{0,3})?\Z")
_MAX_NAME = 200


class Found(msgspec.Struct, frozen=True):
    """Every pipeline file and every layer below a root, and what is wrong with names and folders.

    `layers` are the `_defaults.yaml` and the files of the environments; `parts` are files whose
    values a pipeline or layer may name by `$file`.
    """

    files: tuple[Path, ...]
    problems: tuple[Diagnostic, ...]
    layers: tuple[Path, ...] = ()
    parts: tuple[Path, ...] = ()


def discover(root: Path) -> Found:
    """Walk the root; files come sorted by path. Only names are looked at."""
    problems: list[Diagnostic] = []
    files, layers, parts = [], [], []
    for path in _walk(root, problems):
        name = path.name
        if name == DEFAULTS:
            layers.append(path)
            continue
        if name.startswith("_") and path.suffix in SUFFIXES and not _is_nearly_defaults(path):
            parts.append(path)
            continue
        problem = name_problem(path)
        if problem is None:
            files.append(path)
        else:
            problems.append(_at(root, path, "file-name", *problem))
    unique: dict[str, Path] = {}
    for path in sorted(files, key=attrgetter("parts")):  # to compare paths is slower
        first = unique.setdefault(path.stem.lower(), path)
        if first is not path:
            problems.append(_duplicate(root, path, first))
    problems += _environment_names(root)
    problems += _kind_names(root)
    layers = [*sorted(layers), *_environments(root)]
    return Found(
        tuple(unique.values()), tuple(sorted(problems)), tuple(layers), tuple(sorted(parts))
    )


def _duplicate(root: Path, path: Path, first: Path) -> Diagnostic:
    message = f"{display(root, first)} already is the pipeline {path.stem!r}; it stays"
    if path.stem != first.stem:
        message = f"{display(root, first)} has the same name but for upper and lower case; it stays"
    return _at(
        root,
        path,
        "duplicate-dag-id",
        message,
        "a file name that is unique over all folders",
        "rename one of the two",
    )


def _environment_names(root: Path) -> Iterator[Diagnostic]:
    """Files that look like environments and are none."""
    problems: list[Diagnostic] = []
    for path in _below_environments(root, problems):
        if path.suffix == ".yaml" and not is_environment_name(path.stem):
            message = f"the name {quoted(path.stem)} cannot be an environment's"
            expected = "letters (a to z), digits, `_`, `-` and `.`"
            yield _at(root, path, "file-name", message, expected)
        elif path.suffix.lower() in SUFFIXES and path.suffix != ".yaml":
            message = f"an environment's file ends in .yaml, not in {path.suffix}"
            hint = f"rename it to {path.stem}.yaml"
            yield _at(root, path, "file-name", message, f"{path.stem}.yaml", hint)

    yield from problems


def _below_environments(root: Path, problems: list[Diagnostic]) -> list[Path]:
    folder = root / ENVIRONMENTS
    entries = _entries(root, str(folder), problems) if os.path.isdir(folder) else []
    return sorted(Path(entry.path) for entry in entries)


def _environments(root: Path) -> list[Path]:
    """The files of the environments."""
    return [
        path
        for path in _below_environments(root, [])
        if path.suffix == ".yaml" and is_environment_name(path.stem)
    ]


def environments(root: Path) -> list[str]:
    """Names of the environments: those that have a file, and the one that is always there."""
    return sorted({DEFAULT_ENVIRONMENT, *(path.stem for path in _environments(root))})


def kinds(root: Path) -> dict[str, Path]:
    """The files of the kinds of the project's own, by name; a version is a part of that."""
    entries = _entries(root, str(root / KINDS), []) if os.path.isdir(root / KINDS) else []
    found = (Path(entry.path) for entry in entries if entry.name.endswith(SUFFIXES))
    return {path.stem: path for path in sorted(found, reverse=True) if _KIND.match(path.stem)}


def _kind_names(root: Path) -> Iterator[Diagnostic]:
    """Files that look like kinds and are none; what begins with `_` is read by `$file`."""
    problems: list[Diagnostic] = []
    folder = str(root / KINDS)
    entries = _entries(root, folder, problems) if os.path.isdir(folder) else []
    named: dict[str, str] = {}
    for entry in sorted(entries, key=lambda entry: entry.name):
        path = Path(entry.path)
        if _what(entry)[1] and path.suffix not in SUFFIXES and _has_yaml(path):
            message = f"a folder in {KINDS}: what is in it is no kind"
            expected = f"each kind in {root.name}/{KINDS} itself"
            hint = "move its kinds there; what a kind names by `$file` begins with `_`"
            found = _at(root, path, "file-name", message, expected, hint)
            yield msgspec.structs.replace(found, severity="warning")
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("_"):
            continue
        if path.suffix not in SUFFIXES or not _KIND.match(path.stem):
            message = f"the name {quoted(path.name)} cannot be a kind's"
            expected = "letters (a to z), digits, `_` and `-`, such as load.yaml or load@2.yaml"
            yield _at(root, path, "file-name", message, expected)
        elif path.stem in named:
            message = f"{named[path.stem]} already is the kind {path.stem!r}; it stays"
            yield _at(root, path, "file-name", message, "each kind once", "rename one of the two")
        named.setdefault(path.stem, path.name)
    yield from problems


def _has_yaml(folder: Path) -> bool:
    """Whether files stand in it that may be meant for kinds; others are what kinds name."""
    names = (entry.name for entry in _entries(folder.parent, str(folder), []))
    return any(name.endswith(SUFFIXES) and not name.startswith("_") for name in names)


def is_environment_name(name: str) -> bool:
    """Whether an environment may be called so."""
    return bool(_NAME.match(name))


def file_of(dag_id: str) -> str:
    """The name, without its ending, of the file that a DAG stands in; a matrix adds `__value`."""
    return dag_id.partition("__")[0]


def find(root: Path, dag_id: str) -> Path | None:
    """The file of one DAG, by its name alone; no other file is opened."""
    wanted = {file_of(dag_id) + suffix for suffix in SUFFIXES}
    found = [path for path in _walk(root, [], wanted) if name_problem(path) is None]
    return min(found, default=None)


def display(root: Path, path: Path) -> str:
    """What diagnostics call a file: its path from the folder that holds the root."""
    return f"{root.name}/{path.relative_to(root).as_posix()}"


def folders(root: Path, path: Path) -> list[Path]:
    """The folders from the root down to a file, whose `_defaults.yaml` are its layers."""
    parts = path.relative_to(root).parts[:-1]
    found = [root]
    for part in parts:
        found.append(found[-1] / part)
    return found


def _walk(root: Path, problems: list[Diagnostic], wanted: set[str] | None = None) -> Iterator[Path]:
    """Files that end in .yaml or .yml; each folder once, by whatever links it is reached.

    With `wanted`, only files of these names.
    """
    seen: set[str] = set()
    later: list[str] = []
    pending = [(str(root), os.path.realpath(root))]
    while pending or later:
        if not pending:  # real folders come first: a link adds only what they do not hold
            link = min(later)
            later.remove(link)
            if problem := _link_problem(root, link, seen):
                problems.append(problem)
                continue
            pending.append((link, os.path.realpath(link)))
        folder, real = pending.pop()
        seen.add(real)
        for entry in _entries(root, folder, problems):
            name = entry.name
            is_yaml = name.endswith(SUFFIXES)
            is_link, is_folder = _what(entry)
            if is_link and not os.path.exists(entry.path):
                if is_yaml:
                    problems.append(_broken_link(root, entry.path))
            elif (is_yaml or is_folder) and not is_one_line(name):
                problems.append(_unprintable(root, entry.path, is_folder))
            elif is_folder:
                if is_yaml:
                    problems.append(_not_a_file(root, entry.path))
                elif folder == str(root) and name in (ENVIRONMENTS, KINDS):
                    continue
                elif name == KINDS:
                    problems.append(_kinds_elsewhere(root, entry.path))
                elif is_link:
                    later.append(entry.path)
                else:
                    pending.append((entry.path, os.path.join(real, name)))
            elif wanted is not None:
                if name in wanted:
                    yield Path(entry.path)
            elif is_yaml or name.lower().endswith(SUFFIXES):
                yield Path(entry.path)


def _entries(root: Path, folder: str, problems: list[Diagnostic]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = [e for e in entries if not e.name.startswith(".") and e.name != "__pycache__"]
        is_other = folder != str(root) and not OTHERS.isdisjoint(e.name for e in found)
        return [] if is_other else found
    except OSError as error:
        message = f"the folder cannot be read: {error.strerror or error}"
        problems.append(_at(root, Path(folder), "unreadable", message))
        return []


def _what(entry: os.DirEntry[str]) -> tuple[bool, bool]:
    """Whether it is a link, and whether a folder; what is gone meanwhile is neither."""
    try:
        return entry.is_symlink(), entry.is_dir()
    except OSError:
        return False, False  # a file of this name cannot be read, and says why


def _unprintable(root: Path, path: str, is_folder: bool) -> Diagnostic:
    """A name that is not UTF-8, or that steers a terminal: Airflow's database takes no such path.

    Nothing below such a folder is read.
    """
    noun = "folder" if is_folder else "file"
    message = f"the {noun}'s name is not UTF-8, or holds control characters"
    return _at(root, Path(path), "file-name", message, "a name of letters that people can read")


def _link_problem(root: Path, link: str, seen: set[str]) -> Diagnostic | None:
    """Why a link to a folder is not followed."""
    real = os.path.realpath(link)
    if real in seen:
        message = "this link leads to a folder that is read already"
    elif any(folder.startswith(real.rstrip(os.sep) + os.sep) for folder in seen):
        message = "this link leads to a folder above"
    elif links.leads_outside(Path(link), root):
        expected, hint = "a link to a folder of this project", "put the folder itself here"
        return _at(root, Path(link), links.CODE, links.MESSAGE, expected, hint)
    else:
        return None
    return _at(root, Path(link), "folder-twice", message, "each folder once")


def _broken_link(root: Path, path: str) -> Diagnostic:
    message = "this link leads nowhere, or in a circle"
    return _at(root, Path(path), "broken-link", message, "a link to a file")


def _not_a_file(root: Path, path: str) -> Diagnostic:
    return _at(root, Path(path), "not-a-file", "this is a folder", "a YAML file")


def _kinds_elsewhere(root: Path, path: str) -> Diagnostic:
    message = f"{KINDS} stands in a folder of pipelines: its kinds are not read"
    expected = f"{root.name}/{KINDS}, one for the whole project"
    return _at(root, Path(path), "file-name", message, expected, "move its files there")


def _is_nearly_defaults(path: Path) -> bool:
    return path.stem.lower().rstrip("s") + "s" == "_defaults"


def name_problem(path: Path) -> tuple[str, str, str] | None:
    """(message, expected, hint) when a file's name cannot be a DAG's."""
    stem, suffix = path.stem, path.suffix
    if suffix not in SUFFIXES:
        return (
            f"the name ends in {suffix}",
            " or ".join(SUFFIXES),
            f"rename it to {stem}{suffix.lower()}",
        )
    if stem.startswith("_"):
        near = _is_nearly_defaults(path)
        return (
            f"{path.name} is neither a pipeline nor {DEFAULTS}",
            f"a name that does not begin with `_`, or {DEFAULTS}",
            f"rename it to {DEFAULTS}" if near else "",
        )
    if "__" in stem or stem.endswith("_"):
        return (
            f"the name {quoted(stem)} cannot be told from a matrix name such as `name__value`",
            "a file name without `__` in it and without `_` at its end",
            f"rename it to {re.sub('_+', '_', stem).rstrip('_')}{suffix}",
        )
    if not _NAME.match(stem) or len(stem) > _MAX_NAME:
        return (
            f"the name {quoted(stem)} cannot be a dag_id",
            f"letters (a to z), digits, `_`, `-` and `.`, at most {_MAX_NAME} characters",
            "",
        )
    return None


def _at(
    root: Path, path: Path, code: str, message: str, expected: str = "", hint: str = ""
) -> Diagnostic:
    return Diagnostic(
        file=display(root, path),
        line=1,
        column=1,
        width=0,
        code=code,
        message=message,
        expected=expected,
        hint=hint,
    )
