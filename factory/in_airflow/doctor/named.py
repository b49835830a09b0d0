"""What pipelines name and Airflow has to know: connections, variables, pools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from factory.errors import words
from factory.in_airflow.doctor.finding import Finding, error, names, ok, warning
from factory.in_airflow.doctor.installation import Installation
from factory.in_airflow.doctor.patiently import patiently
from factory.plan import alerts

Users = dict[str, set[str]]
"""The pipelines that name something, by its name."""


def check_connections(found: Installation) -> Iterator[Finding]:
    """Those that steps and alerts name: where they are, and of which type."""
    users, types = _connections(found)
    good: list[str] = []
    for conn_id in sorted(users):
        connection, wrong = patiently(partial(_first, "get_connection", conn_id))
        if wrong is not None:
            yield _unanswered("connection", conn_id, wrong)
        elif connection is None:
            yield _no_connection(conn_id, users[conn_id], types[conn_id])
        elif not _fits(connection[0], types[conn_id]):
            yield error(
                f"the connection {conn_id!r} is of the type {connection[0].conn_type!r}, and "
                f"{names(users[conn_id])} takes {' or '.join(sorted(types[conn_id]))}",
                "change its type, or name another connection",
            )
        else:
            good.append(f"{conn_id}: {connection[0].conn_type or 'no type'}, {connection[1]}")
            if found.connect:
                yield _tried(connection[0], users[conn_id])
    if good:
        more = "" if found.connect else "; `factory doctor --connect` tries them"
        yield ok(f"connections that are there: {len(good)} of {len(users)}{more}", good)


def _fits(connection: Any, types: set[str]) -> bool:
    # one whose type nobody wrote is taken for PostgreSQL's
    return not types or (connection.conn_type or "postgres") in types


def check_variables(found: Installation) -> Iterator[Finding]:
    """Those that templates and steps read."""
    users = _users(found, lambda step: step.variables)
    there = []
    for key in sorted(users):
        value, wrong = patiently(partial(_first, "get_variable", key))
        if wrong is not None:
            yield _unanswered("Variable", key, wrong)
        elif value is None:
            yield error(
                f"there is no Variable {key!r}, which {names(users[key])} reads",
                f"set it: `airflow variables set {key} VALUE`, or AIRFLOW_VAR_{key.upper()}",
            )
        else:
            there.append(f"{key}: {value[1]}")
    if there:
        yield ok(f"Variables that are there: {len(there)} of {len(users)}", there)


def check_pools(found: Installation) -> Iterator[Finding]:
    """Those in which tasks are to run: in one that is not there they wait without end."""
    users = _users(found, lambda step: step.pools)
    if not users:
        return
    slots, wrong = patiently(_pools)
    if slots is None:
        yield warning(f"Airflow does not tell its pools: {words(wrong or ValueError(), 200)}", "")
        return
    for pool in sorted(set(users) - set(slots)):
        yield error(
            f"there is no pool {pool!r}: tasks of {names(users[pool])} would wait without end",
            f"make it: `airflow pools set {pool} 4 'what it is for'`",
        )
    if there := sorted(set(users) & set(slots)):
        yield ok("pools that are there", [f"{pool}: {slots[pool]} slots" for pool in there])


def _connections(found: Installation) -> tuple[Users, dict[str, set[str]]]:
    """The pipelines that name a connection, and the types that all of them take (none: any)."""
    users: Users = {}
    types: dict[str, set[str]] = {}
    for plan in found.plans:
        of_steps = [one for step in plan.steps for one in step.connections]
        of_alerts = [one for alert in alerts.every(plan) for one in alert.connections]
        for one in (*of_steps, *of_alerts):
            users.setdefault(one.conn_id, set()).add(plan.dag_id)
            known = types.setdefault(one.conn_id, set(one.types))
            if known and one.types:
                known &= set(one.types)
            known |= set() if known else set(one.types)
    return users, types


def _users(found: Installation, of: Callable[[Any], tuple[str, ...]]) -> Users:
    users: Users = {}
    for plan in found.plans:
        for step in plan.steps:
            for name in of(step):
                users.setdefault(name, set()).add(plan.dag_id)
    return users


def _first(method: str, name: str) -> tuple[Any, str] | None:
    """What the first place that Airflow looks in has under a name, and which place that is."""
    from airflow.configuration import ensure_secrets_loaded

    for backend in ensure_secrets_loaded():
        value = getattr(backend, method)(name)
        if value is not None:
            kind = type(backend).__name__
            return value, _PLACES.get(kind, f"in the secrets backend {kind}")
    return None


_PLACES = {
    "EnvironmentVariablesBackend": "in a variable of the environment",
    "MetastoreBackend": "in Airflow's database",
}


def _pools() -> dict[str, int]:
    from airflow.models.pool import Pool

    return {str(pool.pool): int(pool.slots) for pool in Pool.get_pools()}


def _no_connection(conn_id: str, users: set[str], types: set[str]) -> Finding:
    kind = f" (of the type {' or '.join(sorted(types))})" if types else ""
    return error(
        f"there is no connection {conn_id!r}{kind}, which {names(users)} names",
        f"make it in Airflow's UI (Admin, Connections), or set AIRFLOW_CONN_{conn_id.upper()} for "
        "every component of Airflow",
    )


def _unanswered(kind: str, name: str, wrong: BaseException) -> Finding:
    return error(
        f"whether there is a {kind} {name!r} cannot be told: {words(wrong, 200)}",
        "look at Airflow's database and its secrets backend",
    )


def _tried(connection: Any, users: set[str]) -> Finding:
    from factory.in_airflow.doctor.trying import tried

    called = f"the connection {connection.conn_id!r}"
    good, said = tried(connection)
    if good is None:
        return warning(f"{called} cannot be tried: {said}", "a run tells whether it works")
    if good:
        return ok(f"{called} works: {said}")
    return error(
        f"{called} does not work: {said}",
        f"mend it, or look whether the system is up; it is needed by {names(users)}",
    )
