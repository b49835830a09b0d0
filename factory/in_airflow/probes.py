"""One look at what a task waits for. Called by the worker once, then by the triggerer."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.hiding import hide_connection_of, redacted
from factory.in_airflow.storage import place
from factory.transfer.dbapi.troubles import is_away
from factory.transfer.files import found_below

# Airflow fills its table of hooks at the first use, and not for several threads at once
_HOOKS = threading.Lock()
_LOOK_SECONDS = 60
_FAILED = ("failed", "upstream_failed", "removed")


class Seen(NamedTuple):
    """What one look found: it is there, not yet, or will never be."""

    state: Literal["met", "not_yet", "failed", "skipped"]
    detail: str


def look(what: Mapping[str, Any]) -> Seen:
    """Look once. A server that cannot be reached is `not_yet`.

    :raises Exception: the look itself is wrong and will stay so, such as SQL with an error.
    """
    arguments = {name: value for name, value in what.items() if name != "type"}
    return _LOOKS[what["type"]](**arguments)


def _file(*, path: str, at_least: int = 1) -> Seen:
    store, wanted = place(path)
    try:
        names = [file.path for file in itertools.islice(found_below(store, wanted), at_least)]
    except OSError as error:
        return Seen("not_yet", redacted(f"{path} cannot be looked for: {error}"))
    if not names:
        return Seen("not_yet", f"there is no file {path}")
    if len(names) < at_least:
        return Seen("not_yet", f"of {at_least} files {path} there are {len(names)}")
    return Seen("met", f"there is {names[0]}" if at_least == 1 else f"there are {at_least} {path}")


def _http(**request: Any) -> Seen:
    from factory.in_airflow.http import NoAnswer, send, unmet

    try:
        answer = send(**request)
    except NoAnswer as error:
        return Seen("not_yet", str(error))
    problem = unmet(answer, request["expect"])
    return Seen("not_yet", problem) if problem else Seen("met", str(answer))


def _sql(*, conn_id: str, sql: str, parameters: Any = None) -> Seen:
    from factory.in_airflow.hooks import databases

    with _HOOKS:
        hide_connection_of(conn_id)
        hook = databases.hook(conn_id)
    if not hasattr(hook, "get_first"):
        raise AirflowException(f"the connection {conn_id!r} is no database's")
    try:
        row: Sequence[Any] | None = hook.get_first(sql, parameters=parameters)
    except Exception as error:
        if is_away(error):
            return Seen("not_yet", redacted(f"{conn_id} cannot be asked: {error}".strip()))
        raise
    if not row:
        return Seen("not_yet", "the query gives no row")
    met = str(row[0]).lower() not in ("none", "0", "false", "")
    return Seen("met" if met else "not_yet", f"the query gives {row[0]!r}")


def _table(
    *,
    conn_id: str,
    table: str,
    at_least: int = 1,
    column: str = "",
    where: str = "",
    interval: Sequence[str] = (),
) -> Seen:
    from factory.transfer.errors import Missing, Unavailable

    bounds = tuple(map(datetime.fromisoformat, interval))
    asked = {"column": column, "interval": bounds or None, "where": where, "most": at_least}
    try:
        rows = _rows(conn_id, table, asked)
    except (Missing, Unavailable) as error:
        return Seen("not_yet", redacted(str(error)))
    except Exception as error:
        if is_away(error):
            return Seen("not_yet", redacted(f"{conn_id} cannot be asked: {error}".strip()))
        raise
    which = f"{table}, {column} in {' … '.join(interval)}" if interval else table
    if rows >= at_least:
        return Seen("met", f"{table} is there" if not at_least else f"rows are in {which}")
    said = f"of {at_least:,} rows there are {rows:,}" if rows else "there is no row"
    return Seen("not_yet", f"{said} in {which}")


def _rows(conn_id: str, table: str, asked: Mapping[str, Any]) -> int:
    """How many there are, up to `most`."""
    from airflow.sdk import Connection

    from factory.in_airflow.connections import sql_database, warehouse_of
    from factory.transfer.dbapi.arrived import rows_in as of_any
    from factory.transfer.warehouse.arrived import rows_in
    from factory.transfer.warehouse.warehouse import is_known

    with _HOOKS:
        hide_connection_of(conn_id)
        known = is_known(Connection.get(conn_id).conn_type or "")
        database = None if known else sql_database(conn_id)
    if database is not None:
        return of_any(database, table, seconds=_LOOK_SECONDS, **asked)
    warehouse, address = warehouse_of(conn_id, application="wait")
    return rows_in(warehouse, address, table, seconds=_LOOK_SECONDS, **asked)


def _pipeline(*, pipeline: str, logical_dates: Sequence[str], task: str | None = None) -> Seen:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    moments = [datetime.fromisoformat(date) for date in logical_dates]
    name = f"{pipeline} for {' or '.join(logical_dates)}"
    if task is None:
        count = RuntimeTaskInstance.get_dr_count
        for state in ("success", "failed"):
            if count(dag_id=pipeline, logical_dates=moments, states=[state]):
                return _ended(f"the run of {name}", state)
        there = count(dag_id=pipeline, logical_dates=moments)
        return Seen("not_yet", f"the run of {name} has not ended" if there else _no_run(name))
    runs = RuntimeTaskInstance.get_task_states(
        dag_id=pipeline, task_ids=[task], logical_dates=moments
    )
    states = [state for tasks in runs.values() for state in tasks.values()]
    if not states:
        return Seen("not_yet", f"there is no task {task} in a run of {name} yet")
    return _ended(f"the task {task} of {name}", states[0])


def _ended(name: str, state: str | None) -> Seen:
    if state == "success":
        return Seen("met", f"{name} succeeded")
    if state in _FAILED:
        return Seen("failed", f"{name} failed")
    if state == "skipped":
        return Seen("skipped", f"{name} was skipped")
    return Seen("not_yet", f"{name} has not ended")


def _no_run(name: str) -> str:
    return f"there is no run of {name} yet"


_LOOKS: Mapping[str, Callable[..., Seen]] = {
    "file": _file,
    "http": _http,
    "sql": _sql,
    "table": _table,
    "pipeline": _pipeline,
}
