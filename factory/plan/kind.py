"""What a kind is: one module with `Arguments` and `compile`, looked up by name.

A kind compiles its typed arguments into a fragment of the plan. It may also offer `inspect`, which
reads files beside the spec (never runs them) and yields what is wrong.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from factory import choices, registry
from factory.diagnostics import Path as Place
from factory.errors import FactoryError
from factory.fields import seconds
from factory.plan.model import Awaited, Dated, Driven, Group, Reference, Task
from factory.problem import Problem
from factory.spec.model import STAGE_RETENTION

GROUP = "kinds"
OPERATOR = "operator"
DRY_RUNS = "factory.in_airflow.operators.dry_run"
"""Where operators are that ask what others would read."""
UNASKED = f"{DRY_RUNS}.Unasked"
"""The one of a task whose statements take what a task before it gives."""
EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a spec, given to its kind. `arguments` is the kind's own Struct.

    `stage_retention`: seconds that files of a failed run stay on the stage. `folder`: that of the
    spec, for a kind whose tasks stand in a file beside it; None: there is no file. `beside`: the
    same below the root, where the step stands in a kind of the project's own."""

    id: str
    uses: str
    arguments: Any
    dag_id: str
    stage: str | None = None
    stage_retention: float = seconds(STAGE_RETENTION)
    folder: Path | None = None
    beside: str = ""


class Fragment(msgspec.Struct, frozen=True, kw_only=True):
    """What a step becomes. `first` wait for the step's needs; `last` are what others wait for.

    `output` is the task whose result is the step's, `{{ tasks.<id>.output }}`; none: no task's.
    What that is, the kind says in a constant `OUTPUT`, for people. `skipping` are tasks that may
    skip themselves, or what is behind them: a failure beside them must not be hidden by that.
    `updating` is the task that tells of the assets which the step `updates`, if that is none of
    `last`.

    The rest is what only the kind can tell of the step, beside what its fields' types and the
    `outlets` of its tasks say: `factory.plan.model.PlannedStep` tells what each is. An address
    that Airflow would not take for an asset, or a template in one, is left out of the plan.
    """

    tasks: tuple[Task, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    edges: tuple[tuple[str, str], ...] = ()
    group: Group | None = None
    output: str = ""
    skipping: tuple[str, ...] = ()
    updating: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    pipelines: tuple[Reference, ...] = ()
    drives: tuple[Driven, ...] = ()
    dates: tuple[Dated, ...] = ()
    awaits: tuple[Awaited, ...] = ()
    alone: tuple[Place, ...] = ()


class Kind(Protocol):
    """A module under `factory.kinds`, or one behind an entry point."""

    Arguments: type[msgspec.Struct]

    @property
    def compile(self) -> Callable[[Step], Fragment]:
        """The step as a fragment of the plan."""


Inspect = Callable[[Step, Path], Iterable[Problem]]


def task(step: Step, name: str, operator: str, arguments: Mapping[str, Any], **more: Any) -> Task:
    """One of the several tasks of a step, in its group."""
    return Task(
        id=f"{step.id}.{name}", operator=operator, arguments=arguments, group=step.id, **more
    )


def done(step: Step, **more: Any) -> Task:
    """An empty task, which ends a run as the tasks before it did: a teardown does not."""
    return task(step, "done", EMPTY, {}, **more)


def single(step: Step, operator: str, arguments: dict[str, Any], **more: Any) -> Fragment:
    """A fragment of one task, named like its step. Its result is the step's, if it leaves one."""
    task = Task(id=step.id, operator=operator, arguments=arguments, **more)
    output = "" if arguments.get("do_xcom_push") is False else step.id
    return Fragment(tasks=(task,), first=(step.id,), last=(step.id,), output=output)


@cache
def builtin_names() -> tuple[str, ...]:
    """Names of the kinds that come with the product."""
    package = importlib.import_module("factory.kinds")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if name != OPERATOR))


def outside() -> dict[str, tuple[str, ...]]:
    """The kinds of other packages. Read only when no built-in kind has the name."""
    return registry.outside(GROUP)


def names() -> list[str]:
    """Every kind that `uses` may name by a short name."""
    return sorted({*builtin_names(), *outside()})


@cache
def find(uses: str) -> Kind:
    """The kind that `uses` names.

    :raises KeyError: there is none.
    :raises FactoryError: two packages offer it, or its module does not load.
    """
    if "." in uses:
        return _load("factory.kinds.operator")
    if uses in builtin_names():
        return _load(f"factory.kinds.{uses}")
    kind = _required(registry.load(GROUP, uses))
    _require_arguments(kind, uses)
    return kind


def is_builtin(kind: Kind) -> bool:
    """Whether the kind comes with the product."""
    return getattr(kind, "__name__", "").startswith("factory.kinds.")


def arguments(kind: Kind, given: Any) -> type[msgspec.Struct]:
    """The type of a kind's arguments, with what they name of other packages.

    :raises choices.Unusable: that cannot be used.
    """
    return choices.widened(kind.Arguments, given)


def called(step: Step) -> str:
    """A step's kind and what it uses of other packages, for messages."""
    added = " and ".join(choices.added(type(step.arguments)))
    return f"the kind {step.uses!r} with {added}" if added else f"the kind {step.uses!r}"


def _load(module: str) -> Kind:
    return _required(registry.module_of(module, "kind"))


def _required(kind: Any) -> Kind:
    for name in ("Arguments", "compile"):
        if not hasattr(kind, name):
            module = getattr(kind, "__name__", kind)
            raise FactoryError(f"the module {module} is not a kind: it has no `{name}`")
    return cast("Kind", kind)


def _require_arguments(kind: Kind, uses: str) -> None:
    what = f"the kind {uses!r}"
    if not isinstance(kind.Arguments, type) or not issubclass(kind.Arguments, msgspec.Struct):
        raise FactoryError(f"{what} has `Arguments` that are not a Struct")
    choices.require_speakable(kind.Arguments, what)


def inspect(kind: Kind, step: Step, folder: Path) -> Iterator[Problem]:
    """What the kind finds wrong in files beside the spec, with paths below `with`."""
    function = cast("Inspect | None", getattr(kind, "inspect", None))
    if function is not None:
        yield from function(step, folder)
