"""Run shell commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from factory.diagnostics import quoted
from factory.fields import Strict
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem

OUTPUT = "with `output: true`, the last line of the output, as text"
SKIPS = 99
"""The exit code that skips a task, unless told: BashOperator's own."""


class Arguments(Strict, frozen=True, kw_only=True):
    """Run shell commands with bash; a non-zero exit code fails the task."""

    command: Annotated[
        str,
        Meta(
            description="The commands. Jinja templates are filled in. `run: |` is short for it.",
            examples=["echo {{ interval.day }}"],
            min_length=1,
        ),
    ]
    env: Annotated[
        dict[str, str], Meta(description="Environment variables, beside the worker's own.")
    ] = msgspec.field(default_factory=dict)
    cwd: Annotated[str | None, Meta(description="Working directory. Default: a temporary one.")] = (
        None
    )
    skip_on_exit_code: Annotated[
        int, Meta(description="This exit code skips the task instead of failing it.", ge=1, le=255)
    ] = SKIPS
    output: Annotated[
        bool, Meta(description="Hand the last line of output to later tasks (XCom).")
    ] = False


def compile(step: Step) -> Fragment:
    """One BashOperator."""
    given: Arguments = step.arguments
    arguments = {
        "bash_command": _as_text(given.command),
        "append_env": True,
        "do_xcom_push": given.output,
        "skip_on_exit_code": given.skip_on_exit_code,
    }
    if given.env:
        arguments["env"] = given.env
    if given.cwd is not None:
        arguments["cwd"] = given.cwd
    fragment = single(step, "airflow.providers.standard.operators.bash.BashOperator", arguments)
    is_meant = given.skip_on_exit_code != SKIPS  # else any command might, and few do
    return msgspec.structs.replace(fragment, skipping=(step.id,)) if is_meant else fragment


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """What no process can be started with."""
    given: Arguments = step.arguments
    if given.cwd is None and (match := _BESIDE.match(given.command)):
        yield Problem(
            ("command",),
            "file",
            f"bash begins in an empty folder, where there is no {quoted(match[1])}",
            expected="the whole path of the script, or `cwd:`, its folder on the worker",
            part=match[1],
            severity="warning",
        )
    for name in given.env:
        if not name or "=" in name or "{{" in name:
            message = f"{quoted(name)} cannot be the name of an environment variable"
            expected = "letters, digits and `_`"
            yield Problem(("env", name), "format", message, expected, at_key=True)
    for place, text in (
        (("command",), given.command),
        *((("env", k), v) for k, v in given.env.items()),
    ):
        if len(text.encode(errors="replace")) >= LONGEST:
            message = "the text is too long for a process to be started with"
            hint = "put it into a script, and run that"
            yield Problem(place, "out-of-bounds", message, f"less than {LONGEST:,} bytes", hint)


_BESIDE = re.compile(r"\s*(\.\.?/[\w./-]+)(?=\s|\Z)")
"""A script that a command begins with, by a path that is not whole."""
LONGEST = 128 * 1024
"""Linux's bound for one argument."""


def _as_text(command: str) -> str:
    # Airflow takes a command that ends in .sh for a template file's name
    return command if not command.rstrip().endswith((".sh", ".bash")) else f"{command} "
