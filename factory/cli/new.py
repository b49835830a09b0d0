"""`factory new`: a first version of a pipeline, that lints clean and runs."""

from __future__ import annotations

import os.path
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from factory.cli import options
from factory.diagnostics import did_you_mean, one_of
from factory.errors import FactoryError, SpecError, UsageError
from factory.spec import discover

if TYPE_CHECKING:
    from factory.project import Project
    from factory.review.scaffold import Scaffold
    from factory.spec.resolve import Resolved

HELP = """\
Nothing is ever overwritten.

for example:
  factory new --list
  factory new sql orders_report --folder sales
  factory new airflow.providers.standard.operators.bash.BashOperator hello
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.with_completer(
        parser.add_argument(
            "kind", nargs="?", metavar="KIND", help="a kind, or an operator's import path"
        ),
        options.complete_kind,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the pipeline's name, its dag_id")
    parser.add_argument(
        "--folder", metavar="DIR", default="", help="a folder in dag_factory_configs/, by team"
    )
    parser.add_argument("--list", action="store_true", help="list the kinds")
    options.add_root(parser)


def run(args: Namespace) -> int:
    """Write the pipeline."""
    if args.list:
        return _list()
    if not args.kind or not args.name:
        raise UsageError("a KIND and a NAME are needed", "`factory new --list` lists the kinds")
    _require_kind(args.kind)
    project = options.project(args)
    path = _path(project, args.name, args.folder)
    made = _scaffold(project, args.kind, path)
    _write({path: made.text, **{path.parent / name: t for name, t in made.beside.items()}})
    from factory.lint.paths import shown_path

    for file in (path, *(path.parent / name for name in made.beside)):
        print(f"wrote {shown_path(file)}")
    print(f"next: fill it in, `factory lint`, then `factory run {path.stem}`")
    return 0


def _list() -> int:
    from factory.plan import kind as kinds
    from factory.review.scaffold import summary

    names = kinds.names()
    width = max(map(len, names))
    for name in names:
        try:
            print(f"{name:<{width}}  {summary(name)}")
        except FactoryError as error:  # of another package: the others are there all the same
            print(f"{name:<{width}}  ({error.message})")
    print("\nbesides: any Airflow operator by its import path")
    return 0


def _require_kind(kind: str) -> None:
    from factory.plan import kind as kinds

    try:
        kinds.find(kind)
    except KeyError:
        known = kinds.names()
        hint = did_you_mean(kind, known) or one_of(known)
        raise UsageError(f"there is no kind {kind!r}", hint) from None


def _path(project: Project, name: str, folder: str) -> Path:
    """Where the pipeline goes.

    :raises UsageError: a name that cannot be, or that is there already.
    """
    above, _, stem = name.removesuffix(".yaml").rpartition("/")
    path = project.root.joinpath(folder, above, f"{stem}.yaml")
    inside = Path(os.path.normpath(path))
    if project.root not in inside.parents:
        raise UsageError(
            f"{folder or above or name} is not in {project.root.name}/", "name a folder in it"
        )
    if inside.parent == project.root / discover.ENVIRONMENTS:
        raise UsageError(
            f"{discover.ENVIRONMENTS}/ holds environments, no pipelines", "choose another folder"
        )
    if problem := discover.name_problem(inside):
        message, expected, hint = problem
        raise UsageError(message, hint or f"expected {expected}")
    there = discover.find(project.root, stem)
    if there is not None:
        raise UsageError(
            f"{discover.display(project.root, there)} already is the pipeline {stem!r}",
            "a name is unique over all folders",
        )
    return inside


def _scaffold(project: Project, kind: str, path: Path) -> Scaffold:
    from factory.review.scaffold import scaffold

    schemas = project.root.parent / "schemas" / "pipeline.schema.json"
    schema = os.path.relpath(schemas, path.parent).replace(os.sep, "/")
    empty = f"version: 1\ntasks:\n  - id: x\n    uses: {kind}\n"
    given = _resolved(project, path, empty).value["tasks"][0].get("with", {})
    others = sorted(file.stem for file in discover.discover(project.root).files)
    made = scaffold(kind, path.stem, schema, given, others)
    if problems := project.validate(_resolved(project, path, made.text)):
        raise SpecError(problems)
    return made


def _resolved(project: Project, path: Path, text: str) -> Resolved:
    """A text as if it stood at `path`."""
    import msgspec

    from factory.spec.read import read

    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        draft.write_text(text, encoding="utf-8")
        document = read(draft, discover.display(project.root, path))
    return project.resolve(msgspec.structs.replace(document, path=path))[0]


def _write(files: dict[Path, str]) -> None:
    for path in files:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} is there already", "choose another name")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
