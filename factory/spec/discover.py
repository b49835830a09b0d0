"""Which files below a configuration root are pipelines, and which are layers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from factory.diagnostics import Diagnostic

DEFAULTS = "_defaults.yaml"
ENVIRONMENTS = "environments"
SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_MAX_NAME = 200


class Found(msgspec.Struct, frozen=True):
    """Every pipeline file below a root, and what is wrong with names and folders."""

    files: tuple[Path, ...]
    problems: tuple[Diagnostic, ...]


def discover(root: Path) -> Found:
    """Walk the root; files come sorted by path. Only names are looked at."""
    files: list[Path] = []
    problems: list[Diagnostic] = []
    for path in _walk(root, problems, root):
        problem = _name_problem(path)
        if problem is None:
            files.append(path)
        else:
            code, message, expected, hint = problem
            problems.append(_at(root, path, code, message, expected, hint))
    unique: dict[str, Path] = {}
    for path in sorted(files):
        first = unique.setdefault(path.stem, path)
        if first is not path:
            problems.append(
                _at(
                    root,
                    path,
                    "duplicate-dag-id",
                    f"{display(root, first)} already is the pipeline {path.stem!r}; it stays",
                    "a file name that is unique over all folders",
                    "rename one of the two",
                )
            )
    return Found(tuple(unique.values()), tuple(problems))


def find(root: Path, dag_id: str) -> Path | None:
    """The file of one DAG, by its name alone; no other file is opened."""
    stem = dag_id.partition("__")[0]
    wanted = {stem + suffix for suffix in SUFFIXES}
    found = [path for path in _walk(root, [], root, wanted) if path.name in wanted]
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


def _walk(
    root: Path, problems: list[Diagnostic], top: Path, wanted: set[str] | None = None
) -> Iterator[Path]:
    """Files that end in .yaml or .yml. A link to a folder is followed once, never in a circle."""
    pending: list[tuple[str, tuple[str, ...]]] = [(str(root), (os.path.realpath(root),))]
    while pending:
        folder, above = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            problems.append(
                _at(top, Path(folder), "unreadable", f"the folder cannot be read: {error.strerror}")
            )
            continue
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name == "__pycache__":
                continue
            is_yaml = name.endswith(SUFFIXES)
            is_link = entry.is_symlink()
            if is_link and not os.path.exists(entry.path):
                if is_yaml:
                    problems.append(
                        _at(
                            top,
                            Path(entry.path),
                            "broken-link",
                            "this link leads nowhere, or in a circle",
                            "a link to a file",
                        )
                    )
            elif entry.is_dir():
                if is_yaml:
                    problems.append(
                        _at(top, Path(entry.path), "not-a-file", "this is a folder", "a YAML file")
                    )
                elif folder == str(root) and name == ENVIRONMENTS:
                    continue
                else:
                    real = os.path.realpath(entry.path) if is_link else entry.path
                    if is_link and real in above:
                        problems.append(
                            _at(
                                top,
                                Path(entry.path),
                                "link-circle",
                                "this link leads back to a folder above it",
                                "no links in a circle",
                            )
                        )
                    elif not is_link or _outside(real, above):
                        pending.append((entry.path, (*above, os.path.realpath(entry.path))))
            elif is_yaml and name != DEFAULTS and (wanted is None or name in wanted):
                yield Path(entry.path)


def _outside(real: str, above: tuple[str, ...]) -> bool:
    return not any(folder.startswith(real + os.sep) for folder in above)


def _name_problem(path: Path) -> tuple[str, str, str, str] | None:
    """(code, message, expected, hint) when a file's name cannot be a DAG's."""
    stem = path.stem
    if stem.startswith("_"):
        return (
            "file-name",
            f"{path.name} is neither a pipeline nor {DEFAULTS}",
            f"a name that does not begin with `_`, or {DEFAULTS}",
            "",
        )
    if "__" in stem:
        return (
            "file-name",
            f"the name {stem!r} holds `__`, which separates matrix values",
            "a file name without `__`",
            f"rename it to {re.sub('_+', '_', stem)}.yaml",
        )
    if not _NAME.match(stem) or len(stem) > _MAX_NAME:
        return (
            "file-name",
            f"the name {stem!r} cannot be a dag_id",
            f"letters, digits, `_`, `-` and `.`, at most {_MAX_NAME}",
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
