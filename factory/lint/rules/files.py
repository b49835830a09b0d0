"""`${…}` in files beside the specs, such as `.sql`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from factory.diagnostics import Diagnostic
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
