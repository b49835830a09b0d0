"""Call a Python function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factory.diagnostics import Severity, did_you_mean, nearest, one_of, quoted, shortened
from factory.fields import Strict
from factory.kinds.python import source
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem
from factory.spec.beside import missing

OPERATOR = "factory.in_airflow.operators.python.CallPython"
OUTPUT = "with `output: true`, what the function returns"


class Arguments(Strict, frozen=True, kw_only=True):
    """Call a Python function, imported only when the task runs.

    An argument of the function that is named like a value of Airflow's context (`params`, `run_id`,
    …), or `interval`, is given that value.
    """

    callable: Annotated[
        str,
        Meta(
            title="function",
            description="`file.py:function`, in a file beside this one or below its folder, or "
            "`package.module.function` of an installed package.",
            examples=["clean.py:run", "acme.orders.clean"],
            pattern=r"^(?:[^:]+\.py:[A-Za-z_]\w*|(?!.*\.py$)[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)$",
        ),
    ]
    args: Annotated[
        dict[str, Any],
        Meta(
            description="The function's arguments by name. Jinja templates in texts are filled in. "
            "A text that is nothing but one `{{ … }}` becomes what that gives, with its type: the "
            "list that another task returned, a number of `params`, a time.",
            examples=[{"day": "{{ interval.day }}", "limit": 100}],
        ),
    ] = msgspec.field(default_factory=dict)
    output: Annotated[
        bool, Meta(description="Hand what the function returns to later tasks (XCom).")
    ] = False


def compile(step: Step) -> Fragment:
    """One CallPython."""
    given: Arguments = step.arguments
    beside = f"{step.beside}/" if step.beside and ":" in given.callable else ""
    arguments = {
        "callable": beside + given.callable,
        "args": given.args,
        "do_xcom_push": given.output,
    }
    return single(step, OPERATOR, arguments)


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """Whether the function exists and takes the arguments, by reading its source."""
    given: Arguments = step.arguments
    file, _, name = given.callable.rpartition(":")
    if file:
        problem = missing(file, folder)
        if problem is not None:
            yield msgspec.structs.replace(problem, path=("callable",))
            return
        path: Path | None = folder / file
    else:
        module, _, name = given.callable.rpartition(".")
        path = source.find(module)
        if path is None and (written := _beside(module, name, folder)):
            yield Problem(
                ("callable",),
                "callable",
                f"no package {quoted(module)} is installed here, and a file beside this one has it",
                expected="`file.py:function` for a file beside this one",
                hint=f"write {written}",
                severity="warning",
            )
    if path is not None:
        yield from _of_function(given, path, name)


def _beside(module: str, name: str, folder: Path) -> str:
    """The function of a file beside a spec that was meant by `module.name`; or nothing."""
    file = f"{module.replace('.', '/')}.py"
    if missing(file, folder) is not None:
        return ""
    try:
        return f"{file}:{name}" if name in source.names(folder / file) else ""
    except source.Unfit:
        return ""


def _of_function(given: Arguments, path: Path, name: str) -> Iterator[Problem]:
    found = defined(path, name, beside=":" in given.callable)
    if isinstance(found, Problem):
        yield msgspec.structs.replace(found, path=("callable",))
    elif found is not None:
        yield from _of_arguments(given, found, name)


def defined(path: Path, name: str, *, beside: bool) -> source.Signature | Problem | None:
    """What a function of a Python file takes, or why there is none; None: nothing is known.

    :param beside: the file stands beside the spec; a package's module may be fine and only too
        large, so that nothing can be told of it.
    """
    try:
        names = source.names(path)
    except source.Unfit as error:
        severity: Severity = "error" if beside or not error.python else "warning"
        return Problem(
            (),
            "callable",
            f"{shortened(path.name)} {error}",
            expected="a file that Python can read",
            severity=severity,
        )
    if name in names or names.open:
        return names.get(name)
    functions = [key for key, value in names.items() if value is not None]
    return Problem(
        (),
        "callable",
        f"there is no function {quoted(name)} in {shortened(path.name)}",
        expected=one_of(functions) if functions else "",
        hint=did_you_mean(name, functions),
    )


def _of_arguments(given: Arguments, takes: source.Signature, function: str) -> Iterator[Problem]:
    meant = set()
    for name in given.args:
        if takes.refuses(name):
            meant.add(nearest(name, takes.named))
            yield Problem(
                ("args", name),
                "callable",
                f"{function} has no argument {name!r}",
                expected=one_of(takes.named) if takes.named else "no argument",
                hint=did_you_mean(name, takes.named),
                at_key=True,
            )
    for name in takes.lacking({*given.args, *meant}):
        yield Problem(
            ("args",) if given.args else ("callable",),
            "callable",
            f"{function} needs the argument {name!r}",
            expected=f"`args: {{{name}: …}}`",
            at_key=bool(given.args),
        )
    for name in takes.positional:
        message = f"{function} takes {name!r} by position only, and arguments are given by name"
        yield Problem(("callable",), "callable", message)
