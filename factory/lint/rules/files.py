"""Files beside the specs, such as `.sql`: those that are not there, and the `${…}` in others."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from factory.diagnostics import Diagnostic, Path, quoted
from factory.lint.rules.scope import Linted, Scope
from factory.plan import files
from factory.problem import Problem
from factory.spec import beside, discover, filled


def unfilled(scope: Scope) -> Iterator[Diagnostic]:
    """What cannot be filled in, at its place in the file beside the spec."""
    with beside.below(scope.project.root):
        for linted in scope.linted():
            yield from linted.tell(_diagnostic(*each) for each in _problems(linted))


def _problems(linted: Linted) -> Iterator[tuple[str, Problem]]:
    """Each with the name of its file, from the folder above the root."""
    for task in linted.plan.tasks:
        for file in files.named(task):
            written = linted.document(task.step)
            for problem in files.problems(task, file.name, written.path.parent):
                yield posixpath.join(posixpath.dirname(written.name), file.name), problem


def _diagnostic(name: str, problem: Problem) -> Diagnostic:
    line, column = problem.path
    return Diagnostic(
        file=posixpath.normpath(name),
        line=int(line),
        column=int(column),
        width=len(problem.part),
        code=problem.code,
        message=problem.message,
        expected=problem.expected,
        hint=problem.hint,
        severity=problem.severity,
    )


def taken_for_names(scope: Scope) -> Iterator[Diagnostic]:
    """Texts of an operator that Airflow takes for a template's file, where there is none.

    Only where the operator's source is found here.
    """
    with beside.below(scope.project.root):
        for linted in scope.linted():
            yield from linted.diagnose(_not_there(linted))


_ENDING = re.compile(r"\.[A-Za-z]\w{0,9}\Z")
_MADE = ("$call", "$ref")


def _not_there(linted: Linted) -> Iterator[Problem]:
    folder = linted.resolved.document.path.parent
    for task in linted.plan.tasks:
        if task.uses != task.operator or task.folder:  # one in a kind of one's own takes none
            continue
        for argument, value in linted.arguments(task.step).items():
            for place, text in _names(value, (argument,)):
                ending = _taken(task.operator, argument, text)
                # Jinja looks for `/run.sh` beside the spec, too
                if ending and (problem := beside.missing(text.lstrip("/"), folder)):
                    yield _no_file(problem, linted.place(task.step, place), text, ending)


def _names(value: Any, place: Path) -> Iterator[tuple[Path, str]]:
    """The texts of an argument that may be names, with their places."""
    if isinstance(value, str) and _ENDING.search(value):
        yield place, value
    elif isinstance(value, Mapping) and not any(word in value for word in _MADE):
        for key, entry in value.items():
            yield from _names(entry, (*place, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _names(entry, (*place, index))


def _taken(operator: str, argument: str, text: str) -> str:
    """The ending by which Airflow takes a text for a file's name; empty where it does not."""
    from factory.lint.rendered import endings, rendered  # only a text that ends so pays for it

    if argument not in rendered(operator):
        return ""
    return next((ending for ending in endings(operator) if text.endswith(ending)), "")


def _no_file(problem: Problem, place: Path, text: str, ending: str) -> Problem:
    if problem.code != "file":
        return msgspec.structs.replace(problem, path=place)
    return Problem(
        place,
        "file",
        f"there is no file {quoted(text)} beside this one: Airflow takes what ends with {ending} "
        "for the name of one",
        expected=problem.expected,
        hint=problem.hint or f"a text that names none ends with `{{{{ '{ending}' }}}}`",
    )


def unnamed(scope: Scope) -> Iterator[Diagnostic]:
    """A file of values that nothing names; a broken pipeline may be the one that does."""
    if not all(outcome.specs for outcome in scope.outcomes):
        return
    named = {part.path for each in scope.documents() for part in each.parts.values()}
    for path in scope.parts:
        if path not in named:
            yield Diagnostic(
                file=discover.display(scope.project.root, path),
                line=1,
                column=1,
                width=0,
                code="unused-file",
                message="nothing names this file",
                expected=f"a pipeline beside it that does: `{{$file: {path.name}}}`",
                hint="a pipeline's name does not begin with `_`",
                severity="warning",
            )


def used_names(linted: Linted) -> Iterator[str]:
    """The names that the `${…}` in a pipeline's files ask for."""
    for task in linted.plan.tasks:
        folder = linted.folder(task.step)
        for file in files.named(task):
            if beside.missing(file.name, folder) is None:
                yield from filled.names(beside.text_of(folder / file.name))
