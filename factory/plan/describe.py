"""What a step needs and names, told once for all that ask the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from factory.plan import names
from factory.plan.kind import Fragment, Step
from factory.plan.model import Connection, PlannedStep, Reference, Task
from factory.spec import assets


def describe(
    step: Step,
    written: Mapping[str, Any],
    fragment: Fragment,
    tasks: Sequence[Task],
    copy_of: str,
    lists: Sequence[Any] = (),
) -> PlannedStep:
    """A step of the plan.

    :param written: the step as the spec resolves to, with `needs` and `with`.
    :param tasks: those of the fragment, with Airflow's settings.
    :param copy_of: the step whose `matrix` made this one.
    :param lists: the `for_each` of the groups that this is the first step of.
    """
    conditions = [one for task in tasks for one in task.conditions or ()]
    templates = [written[key] for key in ("with", "for_each") if key in written]
    templates += [*conditions, *lists]
    found = [
        *names.in_fields(step.arguments),
        *names.in_templates([*templates, *conditions, *lists]),
    ]
    outlets = [uri for task in tasks for uri in task.outlets]
    return PlannedStep(
        id=step.id,
        uses=step.uses,
        copy_of=copy_of,
        output=fragment.output,
        needs=_once(written.get("needs", ())),
        teardown_for=_once(written.get("teardown_for", ())),
        reads=_addresses(fragment.reads),
        writes=_addresses([*outlets, *fragment.writes]),
        connections=connections(found),
        variables=_once([name.name for name in found if name.what == "variable"]),
        pools=_once([pool for task in tasks if (pool := _pool(task))]),
        pipelines=_references(found, fragment),
        drives=fragment.drives,
        dates=fragment.dates,
        alone=fragment.alone,
        awaits=fragment.awaits,
    )


def connections(found: Sequence[names.Name]) -> tuple[Connection, ...]:
    """Each connection once, but for one that is named as of several types."""
    if not found:
        return ()
    each = dict.fromkeys(
        Connection(name.name, name.conn_types) for name in found if name.what == "connection"
    )
    typed = {connection.conn_id for connection in each if connection.types}
    return tuple(found for found in each if found.types or found.conn_id not in typed)


def _references(found: Sequence[names.Name], fragment: Fragment) -> tuple[Reference, ...]:
    if not found:
        return fragment.pipelines
    named = [Reference(name.name, name.place) for name in found if name.what == "pipeline"]
    return (*named, *fragment.pipelines)


def _pool(task: Task) -> str:
    """Its pool: an operator takes it among its arguments, too."""
    pool = task.settings.get("pool") or task.arguments.get("pool")
    return pool if isinstance(pool, str) else ""


def _addresses(written: Sequence[str]) -> tuple[str, ...]:
    return _once([*_spelled(written)]) if written else ()


def _spelled(written: Iterable[str]) -> Iterator[str]:
    for uri in written:
        try:
            yield assets.normalized(uri)
        except assets.Refused:
            continue


def _once(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found)) if found else ()
