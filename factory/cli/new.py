"""`factory new`: a first version of a pipeline, that lints clean and runs."""

from __future__ import annotations

import os.path
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.cli import options
from factory.diagnostics import did_you_mean, one_of
from factory.errors import FactoryError, SpecError, UsageError
from factory.spec import discover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factory.project import Project
    from factory.review.scaffold import Known, Scaffold
    from factory.spec.resolve import Resolved

HELP = """\
Nothing is ever overwritten.

for example:
  factory new --list
  factory new ingest orders --from orders.csv
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
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        default="",
        help="a file, or an http(s) address, for a kind that reads files: its format and columns "
        "are looked at, as `factory sniff` does",
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
    schema = _schema(project, path)
    known = _known(project, args.source)
    made = _scaffold(project, args.kind, path, schema, known)
    _write({path: made.text, **{path.parent / name: t for name, t in made.beside.items()}})
    from factory.lint.paths import shown_path

    for file in (path, *(path.parent / name for name in made.beside)):
        print(f"wrote {shown_path(file)}")
    if not schema:
        print("note: no schemas/ for your editor yet; `factory schema` writes them")
    print(f"next: {_look(args.source)}, `factory lint`, then `factory run {path.stem}`")
    return 0


def _look(source: str) -> str:
    return "look at its columns" if source else "fill it in"


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


def _schema(project: Project, path: Path) -> str:
    """The path of the schema from the new file's folder, when it is there."""
    schema = project.root.parent / "schemas" / "pipeline.schema.json"
    return os.path.relpath(schema, path.parent).replace(os.sep, "/") if schema.is_file() else ""


def _known(project: Project, source: str) -> Known:
    from factory.review.scaffold import Known

    files = discover.discover(project.root).files
    return Known(
        sorted(file.stem for file in files),
        sorted({table for file in files for table in _tables(project, file)}),
        *(_source(source) if source else ()),
    )


def _tables(project: Project, file: Path) -> Iterator[str]:
    """The tables that a pipeline writes, as far as its file is right."""
    try:
        plans = project.plans(file)
    except FactoryError:
        return
    for plan in plans:
        for address in (address for step in plan.steps for address in step.writes):
            if address.startswith("table://"):
                yield ".".join(address.split("/")[3:])


def _source(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A file with its format, as a source, and the doubts of its columns, which are told."""
    from factory.cli.sniff import address, look
    from factory.definitions import formats

    found, _ = look(name, {})
    for doubt in (*found.notes, *(f"{column}: {why}" for column, why in found.doubts.items())):
        print(f"unsure: {doubt}")
    return {**address(name), "format": formats.plain(found.format)}, found.doubts


def _scaffold(project: Project, kind: str, path: Path, schema: str, known: Known) -> Scaffold:
    from factory.review.scaffold import scaffold

    empty = f"version: 1\ntasks:\n  - id: x\n    uses: {kind}\n"
    given = _resolved(project, path, empty).value["tasks"][0].get("with", {})
    made = scaffold(kind, path.stem, schema, given, known)
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
