"""Copy files, or move them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from factory import stores
from factory.definitions import paths
from factory.fields import Strict
from factory.literals import is_template
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem

OPERATOR = "factory.in_airflow.operators.copy.Copy"
OUTPUT = "how many `files` and `bytes` were copied, and how many others were there"


class Arguments(Strict, frozen=True, kw_only=True):
    """Copy or move files, within a store or from one to another.

    Each copy is verified before it counts. Files that are there already with the same bytes count,
    too, so a repeated run goes on where the one before ended.
    """

    from_: Annotated[
        str,
        Meta(
            pattern=stores.ADDRESS,
            title="file URI",
            description="One file, a pattern with `*`, or a folder with a `/` at its end: all "
            "below it. Hidden files are left where they are. Jinja templates are filled in.",
            examples=["file:///data/in/*.csv"],
        ),
    ] = msgspec.field(name="from")
    to: Annotated[
        str,
        Meta(
            pattern=stores.ADDRESS,
            title="file URI",
            description="A folder with a `/` at its end, in which files keep their names below the "
            "folder that `from` begins in; or the new name of one file. Jinja templates are filled "
            "in.",
            examples=["file:///archive/{{ interval.day }}/"],
        ),
    ]
    move: Annotated[
        bool,
        Meta(
            description="Remove a source file when all copies are verified, and it is still the "
            "one that was copied."
        ),
    ] = False
    if_exists: Annotated[
        Literal["fail", "skip", "replace"],
        Meta(
            description="When another file has a copy's name: fail before anything is copied, "
            "leave both as they are, or replace it."
        ),
    ] = "fail"
    on_missing: Annotated[
        Literal["fail", "skip"],
        Meta(description="When no file is there: fail, or skip this step and what needs it."),
    ] = "fail"


def compile(step: Step) -> Fragment:
    """One Copy."""
    given: Arguments = step.arguments
    arguments = {
        "source": given.from_,
        "target": given.to,
        "move": given.move,
        "if_exists": given.if_exists,
        "on_missing": given.on_missing,
    }
    read = () if is_template(given.from_) or paths.is_pattern(given.from_) else (given.from_,)
    written = () if is_template(given.to) else (given.to,)
    fragment = single(step, OPERATOR, arguments, outlets=written)
    skipping = (step.id,) if given.on_missing == "skip" else ()
    return msgspec.structs.replace(fragment, reads=read, skipping=skipping)


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """Addresses of no store, a folder for a file's name, copies among what is copied."""
    given: Arguments = step.arguments
    yield from stores.problems(given.from_, ("from",))
    yield from stores.problems(given.to, ("to",))
    if is_template(given.from_) or is_template(given.to):
        return
    if paths.is_folder(given.from_) and not paths.is_folder(given.to):
        message = f"a folder is copied, and {given.to!r} is the name of a file"
        yield Problem(("to",), "format", message, f"{given.to}/")
    yield from paths.own_copies(given.from_, given.to, ("to",))
