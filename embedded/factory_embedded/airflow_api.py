"""A small client of Airflow's REST API (`/api/v2`), for the demo and the end-to-end tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from graphlib import TopologicalSorter
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import requests

Record = TypeVar("Record", bound=msgspec.Struct)

_PAGE = 100


class ApiError(Exception):
    """Airflow refused a request or did not answer."""


class Dag(msgspec.Struct, frozen=True):
    """A Dag as Airflow knows it."""

    dag_id: str
    is_paused: bool
    is_stale: bool
    has_import_errors: bool
    fileloc: str
    relative_fileloc: str | None
    bundle_name: str | None
    bundle_version: str | None
    description: str | None
    timetable_summary: str | None
    last_parsed_time: datetime | None


class Task(msgspec.Struct, frozen=True):
    """A task of a Dag."""

    task_id: str
    downstream_task_ids: list[str]


class DagVersion(msgspec.Struct, frozen=True):
    """One version of a Dag."""

    dag_id: str
    version_number: int
    bundle_name: str | None
    bundle_version: str | None
    created_at: datetime


class DagRun(msgspec.Struct, frozen=True):
    """One run of a Dag."""

    dag_id: str
    dag_run_id: str
    run_type: str
    state: str
    run_after: datetime
    logical_date: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    bundle_version: str | None
    dag_versions: list[DagVersion]

    @property
    def ended(self) -> bool:
        """Whether it succeeded or failed."""
        return self.state in ("success", "failed")


class TaskInstance(msgspec.Struct, frozen=True):
    """One task of one run; its state is None before it is scheduled.

    `rendered_map_index` is what a copy of a mapped task is called.
    """

    dag_id: str
    dag_run_id: str
    task_id: str
    map_index: int
    state: str | None
    try_number: int
    max_tries: int
    operator: str | None
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None
    run_after: datetime
    rendered_map_index: str | None = None


class BrokenFile(msgspec.Struct, frozen=True):
    """A Dag file that could not be imported, one of the UI's import errors."""

    import_error_id: int
    filename: str
    stack_trace: str
    bundle_name: str | None
    timestamp: datetime


class AirflowApi:
    """The API at ``url`` as ``username``. Methods raise ApiError."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._login = {"username": username, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy for the loopback
        self._token = ""

    def health(self) -> dict[str, str]:
        """The status of each component, for example ``{"scheduler": "healthy"}``."""
        answer = self._send("GET", "/api/v2/monitor/health", token=False).json()
        return {name: part["status"] or "" for name, part in answer.items() if part}

    def dags(self) -> list[Dag]:
        """All Dags, without the stale ones."""
        return self._list("dags", "dags", Dag)

    def dag(self, dag_id: str) -> Dag | None:
        """The Dag, or None while Airflow does not know it."""
        found = [dag for dag in self.dags() if dag.dag_id == dag_id]
        return found[0] if found else None

    def pause(self, dag_id: str, paused: bool) -> None:
        """Pause the Dag, or let it run."""
        self._send("PATCH", f"/api/v2/dags/{_part(dag_id)}", json={"is_paused": paused})

    def dag_source(self, dag_id: str, version: int | None = None) -> str:
        """What the Code tab shows."""
        answer = self._send(
            "GET",
            f"/api/v2/dagSources/{_part(dag_id)}",
            params={"version_number": version},
            headers={"Accept": "application/json"},
        )
        return answer.json()["content"] or ""

    def tasks(self, dag_id: str) -> list[Task]:
        """The Dag's tasks, each after those that it waits for."""
        answer = self._send("GET", f"/api/v2/dags/{_part(dag_id)}/tasks").json()
        tasks = {one["task_id"]: _convert(one, Task) for one in answer["tasks"]}
        order = TopologicalSorter[str](dict.fromkeys(sorted(tasks), ()))
        for task in tasks.values():
            for name in task.downstream_task_ids:
                order.add(name, task.task_id)
        return [tasks[name] for name in order.static_order()]

    def dag_versions(self, dag_id: str) -> list[DagVersion]:
        """The Dag's versions."""
        return self._list(f"dags/{_part(dag_id)}/dagVersions", "dag_versions", DagVersion)

    def dag_runs(self, dag_id: str = "~") -> list[DagRun]:
        """The runs of a Dag, or of all with ``~``, in the order of their dates."""
        runs = self._list(f"dags/{_part(dag_id)}/dagRuns", "dag_runs", DagRun)
        return sorted(runs, key=lambda run: (run.run_after, run.dag_run_id))

    def dag_run(self, dag_id: str, run_id: str) -> DagRun:
        """One run."""
        answer = self._send("GET", f"/api/v2/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}")
        return _convert(answer.json(), DagRun)

    def trigger(
        self,
        dag_id: str,
        *,
        logical_date: datetime | None = None,
        conf: Mapping[str, Any] | None = None,
    ) -> DagRun:
        """Start a manual run, by default for now."""
        date = logical_date or datetime.now(timezone.utc)
        answer = self._send(
            "POST",
            f"/api/v2/dags/{_part(dag_id)}/dagRuns",
            json={"logical_date": date.isoformat(), "conf": dict(conf or {})},
        )
        return _convert(answer.json(), DagRun)

    def backfill(self, dag_id: str, from_date: datetime, to_date: datetime) -> None:
        """Start the runs of all logical dates in between, also those that were before."""
        self._send(
            "POST",
            "/api/v2/backfills",
            json={
                "dag_id": dag_id,
                "from_date": from_date.isoformat(),
                "to_date": to_date.isoformat(),
                "reprocess_behavior": "completed",
            },
        )

    def clear(self, dag_id: str, run_id: str) -> None:
        """Let all tasks of a run run once more, with the run's own version of the Dag."""
        self._send(
            "POST",
            f"/api/v2/dags/{_part(dag_id)}/clearTaskInstances",
            json={"dag_run_id": run_id, "dry_run": False, "only_failed": False},
        )

    def task_instances(self, dag_id: str, run_id: str = "~") -> list[TaskInstance]:
        """The task instances of a run, or of all the Dag's runs with ``~``."""
        path = f"dags/{_part(dag_id)}/dagRuns/{_part(run_id)}/taskInstances"
        return self._list(path, "task_instances", TaskInstance)

    def log(self, task: TaskInstance, try_number: int | None = None) -> list[str]:
        """The lines of a task's log, errors with their type, message and last place in the code."""
        run = f"/api/v2/dags/{_part(task.dag_id)}/dagRuns/{_part(task.dag_run_id)}"
        answer = self._send(
            "GET",
            f"{run}/taskInstances/{_part(task.task_id)}/logs/{try_number or task.try_number}",
            params={"full_content": "true", "map_index": task.map_index},
            headers={"Accept": "application/json"},
        )
        return [line for entry in answer.json()["content"] for line in _log_lines(entry)]

    def import_errors(self) -> list[BrokenFile]:
        """What the UI shows as import errors."""
        return self._list("importErrors", "import_errors", BrokenFile)

    def _list(self, path: str, key: str, record: type[Record]) -> list[Record]:
        records: list[Record] = []
        while True:
            page = {"limit": _PAGE, "offset": len(records)}
            answer = self._send("GET", f"/api/v2/{path}", params=page).json()
            records += (_convert(one, record) for one in answer[key])
            if len(answer[key]) < _PAGE or len(records) >= (answer["total_entries"] or 0):
                return records

    def _send(
        self,
        method: str,
        path: str,
        *,
        token: bool = True,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> requests.Response:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {self._token or self._sign_in()}"
        try:
            answer = self._session.request(
                method, self._url + path, params=params, json=json, headers=sent, timeout=30
            )
        except requests.RequestException as error:
            raise ApiError(f"{method} {path}: {error}") from error
        if not answer.ok:
            raise ApiError(f"{method} {path}: {answer.status_code} {answer.text[:1000]}")
        return answer

    def _sign_in(self) -> str:
        answer = self._send("POST", "/auth/token", token=False, json=self._login)
        self._token = answer.json()["access_token"]
        return self._token


def _part(text: str) -> str:
    return quote(text, safe="~")


def _convert(value: Any, record: type[Record]) -> Record:
    return msgspec.convert(value, record)


def _log_lines(entry: str | dict[str, Any]) -> list[str]:
    if isinstance(entry, str):
        return entry.splitlines()
    lines = str(entry.get("event", "")).splitlines()
    for error in entry.get("error_detail") or ():
        frames = error.get("frames") or ()
        lines += [f"{one['filename']}:{one['lineno']} in {one['name']}" for one in frames[-1:]]
        lines += f"{error.get('exc_type')}: {error.get('exc_value')}".splitlines()
    return lines
