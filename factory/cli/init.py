"""`factory init`: an empty folder becomes a project; `--update` brings what is ours up to date."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from factory.cli import options
from factory.errors import FactoryError, UsageError

if TYPE_CHECKING:
    from factory.review.starter import File, State

HELP = """\
What is there already is never overwritten. `--update` is for a newer version of this package: it
writes the schemas anew, and those loaders and workflows that nobody has edited.

for example:
  factory init                    in this folder
  factory init pipelines          in a folder of that name
  factory init --update --check   in CI: 1 when something is out of date, and nothing is written
"""
_SCHEMAS = "schemas"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where (default: here)"
    )
    parser.add_argument(
        "--update", action="store_true", help="bring loaders, schemas and workflows up to date"
    )
    parser.add_argument(
        "--check", action="store_true", help="with --update: write nothing, fail when out of date"
    )


def run(args: Namespace) -> int:
    """Make the project, or update it."""
    folder = options.absolute(args.folder)
    _require_a_place(folder)
    if args.update:
        return _check(folder) if args.check else _update(folder)
    if args.check:
        raise UsageError("--check goes with --update")
    return _begin(folder)


def _begin(folder: Path) -> int:
    for file, state in _states(folder):
        if state == "missing":
            _write(folder, file)
        else:
            print(f"kept  {_shown(folder, file)}, which was there")
    if not (folder / _SCHEMAS / "pipeline.schema.json").exists():
        _write_schemas(folder)
    _tell_own(folder)
    _tell_next(folder)
    return 0


def _update(folder: Path) -> int:
    _require_a_project(folder)
    stale = _stale(folder)
    for file in stale:
        _write(folder, file)
    schemas = _stale_schemas(folder)
    if schemas:
        _write_schemas(folder)
    _tell_own(folder)
    if not (stale or schemas):
        print("everything is up to date")
    return 0


def _check(folder: Path) -> int:
    _require_a_project(folder)
    stale = [file.path for file in _stale(folder)]
    stale += [f"{_SCHEMAS}/{name}" for name in _stale_schemas(folder)]
    if stale:
        raise FactoryError(
            f"out of date: {', '.join(stale)}", "write them: `factory init --update`"
        )
    print("everything is up to date")
    return 0


def _states(folder: Path) -> Iterator[tuple[File, State]]:
    """Each file that belongs there, and how it stands."""
    from factory.review import starter

    is_top = _is_top(folder)
    for file in starter.files():
        if is_top or not file.path.startswith(starter.WORKFLOWS):
            yield file, starter.state(file, folder)


def _stale(folder: Path) -> list[File]:
    """What an update writes: a workflow that was taken away stays away."""
    from factory.review.starter import LOADERS

    return [
        file
        for file, state in _states(folder)
        if file.is_kept
        and (state == "old" or (state == "missing" and file.path.startswith(LOADERS)))
    ]


def _is_top(folder: Path) -> bool:
    """Whether no Git repository begins above it."""
    return (folder / ".git").exists() or not any((one / ".git").exists() for one in folder.parents)


def _write(folder: Path, file: File) -> None:
    from factory.review import generated

    path = folder / file.path
    try:
        generated.put(path, file.written)
    except OSError as error:
        raise FactoryError(f"{path} cannot be written: {error.strerror}") from None
    print(f"wrote {_shown(folder, file)}")


def _write_schemas(folder: Path) -> None:
    from factory.project import FOLDER
    from factory.review.own_kinds import OfProject

    written = OfProject(folder / FOLDER).write(folder / _SCHEMAS)
    print(f"wrote {_shown(folder / _SCHEMAS)}/: {len(written)} files that editors complete from")


def _stale_schemas(folder: Path) -> list[str]:
    from factory.project import FOLDER
    from factory.review.own_kinds import OfProject

    return OfProject(folder / FOLDER).stale(folder / _SCHEMAS)


def _tell_own(folder: Path) -> None:
    """What somebody changed and an update would have written."""
    from factory.review import starter

    for file, state in _states(folder):
        if state != "own" or not file.is_kept:
            continue
        shown = _shown(folder, file)
        print(f"note: {shown} is your own, and stays as it is; to compare it with ours:")
        print(f"  diff {shown} {starter.FOLDER / file.path}")
    if not _is_top(folder):
        print("note: no workflow for CI: those stand at the top of a Git repository (docs/ci.md)")


def _tell_next(folder: Path) -> None:
    steps = [] if folder == Path.cwd() else [(f"cd {_shown(folder)}", "")]
    steps += [
        ("factory new ingest orders", "a first pipeline: a file into a table"),
        ("factory lint", "every mistake, with its line and what to do"),
        ("factory run orders", "a real run, on this machine"),
    ]
    print("\nnext:")
    for command, about in steps:
        print(f"  {command:<27}# {about}" if about else f"  {command}")


def _require_a_place(folder: Path) -> None:
    from factory.project import FOLDER

    if FOLDER in folder.parts:
        raise UsageError(f"{folder} is inside a {FOLDER}/", "name the folder that holds it")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name a folder, which may be a new one")


def _require_a_project(folder: Path) -> None:
    from factory.project import FOLDER

    if not (folder / FOLDER).is_dir():
        raise UsageError(
            f"there is no {FOLDER}/ in {folder}",
            "`factory init`, without --update, makes a project",
        )


def _shown(folder: Path, file: File | None = None) -> str:
    from factory.lint.paths import shown_path

    return shown_path(folder / file.path if file else folder)
