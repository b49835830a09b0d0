"""Delete files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from factory import stores
from factory.definitions import paths
from factory.diagnostics import quoted
from factory.fields import Positive, Strict
from factory.literals import is_template
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem

OPERATOR = "factory.in_airflow.operators.delete.Delete"
OUTPUT = "how many `files` and `bytes` are gone, and how many `stayed`"


class Arguments(Strict, frozen=True, kw_only=True):
    """Delete files. None is deleted when there are more than `max_objects`.

    A repeated run finds nothing, and succeeds. A file that changes meanwhile stays.
    """

    path: Annotated[
        str,
        Meta(
            pattern=stores.ADDRESS,
            title="file URI",
            description="One file, a pattern with `*`, or a folder with a `/` at its end: all "
            "below it. Never all of a store. Hidden files stay. Jinja templates are filled in, "
            "and cannot make a folder of what is not written as one.",
            examples=["file:///data/exports/{{ interval.day }}/"],
        ),
    ]
    max_objects: Annotated[
        Positive,
        Meta(
            description="When there are more files, the step fails and deletes none. All that "
            "would go count, `_SUCCESS` and manifests of a target `file`, too.",
            examples=[1000],
        ),
    ]


def compile(step: Step) -> Fragment:
    """One Delete."""
    given: Arguments = step.arguments
    arguments = {
        "path": given.path,
        "most": given.max_objects,
        "folder": given.path.endswith("/"),
    }
    return single(step, OPERATOR, arguments)


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """Addresses of no store, of a whole one, and such as mean different places."""
    given: Arguments = step.arguments
    yield from stores.problems(given.path, ("path",))
    if is_template(given.path):
        return
    if paths.is_whole(paths.inside(given.path)):
        message = f"{quoted(given.path)} is all that is in a store"
        yield Problem(("path",), "whole-store", message, "a folder in it, or a beginning of names")
    elif (part := paths.gap(given.path)) is not None:
        message = f"{quoted(given.path)} has the part {quoted(part)}, which means many a place"
        yield Problem(("path",), "format", message, "a path without `.`, `..` and `//`")
