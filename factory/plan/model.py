"""The plan: one DAG as frozen plain data that serializes to JSON. Nothing here knows Airflow.

Arguments hold plain values and three marks that `render` turns into objects: `Call` (make one),
`Ref` (import one) and `Output` (what another task returned).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType


class Call(msgspec.Struct, frozen=True, tag="call", tag_field="$"):
    """An object to make: `path` is imported and called with `arguments`."""

    path: str
    arguments: Mapping[str, Any] = {}


class Ref(msgspec.Struct, frozen=True, tag="ref", tag_field="$"):
    """An object to import."""

    path: str


class Output(msgspec.Struct, frozen=True, tag="output", tag_field="$"):
    """What another task of the same fragment returned."""

    task: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One Airflow task.

    `id` is full (`ingest.download` in the group `ingest`); `uses` is what the spec names;
    `settings` are Airflow's own (`retries`, …) with durations as text; `setups` are the tasks
    whose teardown this one is, and a teardown that `fails_run` fails the run when it fails. Each
    value in `expand` (a list, or an `Output` that is one) makes one mapped task.
    """

    id: str
    operator: str
    uses: str = ""
    arguments: Mapping[str, Any] = {}
    expand: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}
    group: str = ""
    role: Literal["task", "setup", "teardown"] = "task"
    setups: tuple[str, ...] = ()
    fails_run: bool | UnsetType = UNSET
    outlets: tuple[str, ...] = ()
    description: str = ""


class Group(msgspec.Struct, frozen=True):
    """A task group: a step that became several tasks."""

    id: str
    tooltip: str = ""


class Alert(msgspec.Struct, frozen=True):
    """A callable of Airflow's room, and what it is given."""

    notifier: str
    arguments: Mapping[str, Any]


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """By when a run is to be done, else `alerts` are told. `after` is a duration as text."""

    after: str
    reference: Literal["queued_at", "logical_date"]
    alerts: tuple[Alert, ...]


class Assets(msgspec.Struct, frozen=True, tag="assets"):
    """A schedule by assets: all of `uris`, or any of them."""

    uris: tuple[str, ...]
    any: bool = False


class Every(msgspec.Struct, frozen=True, tag="every"):
    """A schedule at a fixed interval."""

    seconds: float


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """One DAG. `source` is the spec's path below the configuration root."""

    dag_id: str
    source: str
    tasks: tuple[Task, ...]
    edges: tuple[tuple[str, str], ...] = ()
    groups: tuple[Group, ...] = ()
    description: str = ""
    owner: str = "airflow"
    tags: tuple[str, ...] = ()
    source_url: str = ""
    schedule: str | Every | Assets | None = None
    start_date: str | None = None
    end_date: str | None = None
    timezone: str = "UTC"
    catchup: bool = False
    max_active_runs: int | None = None
    max_active_tasks: int | None = None
    max_consecutive_failed_dag_runs: int | None = None
    dagrun_timeout: float | None = None
    deadline: Deadline | None = None
    fail_fast: bool = False
    paused: bool | None = None
    params: Mapping[str, Any] = {}
    on_failure: tuple[Alert, ...] = ()
    on_retry: tuple[Alert, ...] = ()
    on_success: tuple[Alert, ...] = ()
