"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import os.path
from argparse import Action, ArgumentParser, Namespace, _ActionsContainer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from factory.diagnostics import did_you_mean, nearest, one_of
from factory.errors import FactoryError, UsageError
from factory.spec import discover

if TYPE_CHECKING:
    from factory.plan.model import Pipeline
    from factory.project import Project
    from factory.spec.resolve import Resolved


class Generator(Protocol):
    """A module that makes files from the code."""

    def write(self, root: Path) -> list[Path]:
        """Write them."""

    def stale(self, root: Path) -> list[str]:
        """Names of those that `write` would change."""


def add_root(parser: ArgumentParser) -> None:
    """`--configs DIR`."""
    parser.add_argument(
        "--configs",
        type=Path,
        metavar="DIR",
        help="the configuration folder (default: FACTORY_CONFIGS, else dag_factory_configs/ "
        "here or above)",
    )


def add_environment(parser: _ActionsContainer) -> None:
    """`--env NAME`."""
    with_completer(
        parser.add_argument(
            "--env",
            metavar="NAME",
            help="the environment, a file in environments/ (default: FACTORY_ENV, else dev)",
        ),
        complete_environment,
    )


def add_dag(parser: ArgumentParser) -> None:
    """`DAG`: a DAG's id or the path of its file."""
    with_completer(
        parser.add_argument("dag", metavar="DAG", help="a pipeline: its name, or its file"),
        complete_dag,
    )


def add_format(parser: ArgumentParser, for_people: str) -> None:
    """`--format`: one for people, which is the default, or JSON."""
    parser.add_argument(
        "--format",
        choices=(for_people, "json"),
        default=for_people,
        help="for people, or for programs",
    )


def with_completer(action: Action, completer: object) -> None:
    """Tell argcomplete how to complete an argument."""
    action.completer = completer  # type: ignore[attr-defined]


def root(args: Namespace) -> Path:
    """The configuration root: `--configs`, else that of a file that is named, else by default.

    :raises FactoryError: there is none.
    """
    from factory.project import FOLDER, find_root

    chosen: Path | None = getattr(args, "configs", None)
    if chosen is not None:
        folder = chosen.absolute()
        inside = folder / FOLDER
        return inside if inside.is_dir() else folder
    dag = getattr(args, "dag", None) or ""  # None while a shell completes it
    named = [str(path) for path in getattr(args, "paths", None) or ()]
    named += [dag] if is_file_name(dag) else []
    for name in named:
        if os.path.exists(name):
            try:
                return find_root(absolute(name))
            except FactoryError:
                break
    return find_root()


def project(args: Namespace, environment: str | None = None) -> Project:
    """The project that the arguments choose.

    :raises FactoryError: there is none; UsageError when the environment has no file.
    """
    from factory.project import Project

    folder = root(args)
    name = environment or getattr(args, "env", None)
    known = discover.environments(folder)
    if name and name not in known:
        hint = did_you_mean(name, known) or f"there is {', '.join(known)}"
        raise UsageError(f"there is no environment {name!r} in {folder.name}/environments/", hint)
    return Project(folder, name)


def is_file_name(text: str) -> bool:
    """Whether an argument names a file rather than a DAG."""
    return text.endswith(discover.SUFFIXES) or "/" in text


def plans(project: Project, text: str) -> list[Pipeline]:
    """The plan of the DAG that `text` names, or all of its file's.

    :raises UsageError: there is none; SpecError when its file has problems.
    """
    path = find(project, text)
    made = project.plans(path)
    if is_file_name(text) or text == path.stem:
        return made
    found = [plan for plan in made if plan.dag_id == text]
    return found or _no_dag(text, [plan.dag_id for plan in made])


def plan(project: Project, text: str) -> Pipeline:
    """The plan of the one DAG that `text` names.

    :raises UsageError: there is none, or more than one; SpecError when its file has problems.
    """
    made = plans(project, text)
    if len(made) > 1:
        raise UsageError(
            f"{text!r} is {len(made)} pipelines, one for each combination of its matrix",
            f"name {one_of([plan.dag_id for plan in made])}",
        )
    return made[0]


def spec(project: Project, text: str) -> Resolved:
    """The valid, resolved spec of the one DAG that `text` names.

    :raises UsageError: there is none, or more than one; SpecError when its file has problems.
    """
    wanted = plan(project, text).dag_id
    return next(r for r in project.resolved(find(project, text)) if r.dag_id == wanted)


def find(project: Project, text: str) -> Path:
    """The file that a DAG's id or a path names.

    :raises UsageError: there is none.
    """
    found = discover.discover(project.root)
    if is_file_name(text):
        path = absolute(text)
        if path in found.files:
            return path
        raise _no_file(project.root, text, path, found)
    path_of = {path.stem: path for path in found.files}
    file = path_of.get(text) or path_of.get(discover.file_of(text))
    if file is None:
        near = nearest(text, path_of)
        hint = f"did you mean {near!r}?" if near else ""
        if text in discover.kinds(project.root):
            hint = f"{text!r} is a kind: name a pipeline that calls it"
        elif not hint and path_of:
            hint = f"there is {one_of(sorted(path_of), limit=8).removeprefix('one of ')}"
        raise UsageError(
            f"there is no pipeline {text!r} in {project.root.name}/",
            hint or "`factory new bash hello` writes a first one",
        )
    return file


def _no_file(root: Path, text: str, path: Path, found: discover.Found) -> UsageError:
    from factory.lint.paths import shown_path

    if os.path.isdir(path):
        inside = [file.stem for file in found.files if path in file.parents]
        hint = f"name a pipeline in it: {', '.join(inside[:8])}" if inside else ""
        return UsageError(f"{text} is a folder", hint)
    if not os.path.lexists(path):
        near = did_you_mean(path.stem, [file.stem for file in found.files])
        return UsageError(f"there is no file {text}", near)
    for problem in found.problems:
        if root.parent / problem.file == path:
            return UsageError(f"{text} is not a pipeline: {problem.message}", problem.hint)
    if root not in path.parents:
        return UsageError(
            f"{text} is not in {shown_path(root)}", "choose its own folder with --configs"
        )
    return UsageError(f"{text} is not a pipeline", "layers have no DAG of their own")


def _no_dag(text: str, known: list[str]) -> Any:
    raise UsageError(
        f"there is no pipeline {text!r}", did_you_mean(text, known) or f"there is {one_of(known)}"
    )


def absolute(name: str | Path) -> Path:
    """A path from the current folder, without `..`; links stay as they are."""
    return Path(os.path.abspath(name))


def complete_dag(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Names of pipelines, from the names of files alone."""
    return sorted(path.stem for path in discover.discover(root(parsed_args)).files)


def complete_environment(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Names of environments."""
    return discover.environments(root(parsed_args))


def complete_kind(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Names of kinds."""
    from factory.plan import kind

    return kind.names()


def write_or_check(args: Namespace, folder: Path, maker: Generator, noun: str, command: str) -> int:
    """Write generated files and name them, or with `--check` only say whether they are current."""
    from factory.amounts import counted
    from factory.lint.paths import shown_path

    if args.check:
        if stale := maker.stale(folder):
            raise FactoryError(f"out of date: {', '.join(stale)}", f"write them again: `{command}`")
        print(f"the {noun}s are up to date")
        return 0
    written = maker.write(folder)
    for path in written:
        print(shown_path(path))
    print(f"{counted(len(written), noun)} written")
    return 0
