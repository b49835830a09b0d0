"""The plan: one DAG as frozen plain data that serializes to JSON. Nothing here knows Airflow.

Arguments hold plain values and marks that `render` turns into objects: `Call` (make one), `Ref`
(import one), `Output` (what another task returned) and `Template` (a template that keeps its type).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from factory.diagnostics import Path
from factory.intervals import Covers


class Call(msgspec.Struct, frozen=True, tag="call", tag_field="$"):
    """An object to make: `path` is imported and called with `arguments`."""

    path: str
    arguments: Mapping[str, Any] = {}


class Ref(msgspec.Struct, frozen=True, tag="ref", tag_field="$"):
    """An object to import; `file.py:function`: of a file beside the spec, when it is called."""

    path: str


class Output(msgspec.Struct, frozen=True, tag="output", tag_field="$"):
    """What another task of the same fragment returned."""

    task: str


class Template(msgspec.Struct, frozen=True, tag="template", tag_field="$"):
    """What a text that is nothing but one `{{ … }}` gives, with its type."""

    text: str


Items = tuple[Any, ...] | Output
"""What there is one copy for each of: the items, or what a task returned, a list."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One Airflow task.

    `id` is full (`ingest.download` in the group `ingest`); `step` is the id of the step that it
    is a part of, `uses` what that one names; `settings` are Airflow's own (`retries`, …) with
    durations as text; `setups` are the tasks whose teardown this one is, and a teardown that
    `fails_run` fails the run when it fails. Each value in `expand` (a list, or an `Output` that is
    one) makes one mapped task; so does each of `for_each`, the `item` of its templates.
    `connections` are the arguments that take a connection's id.
    `conditions` are templates that tell whether there is work: all must hold, in their order.
    `files` are the places of arguments that name a file beside the spec; `values` are what a
    `${…}` in such a file may ask for; `folder` is where they are, below the root, where that is not
    beside the spec. `dry_run` is an operator that takes the same arguments, runs nothing, and asks
    what the task's statements would read.
    """

    id: str
    operator: str
    step: str = ""
    uses: str = ""
    arguments: Mapping[str, Any] = {}
    expand: Mapping[str, Any] = {}
    for_each: Items | UnsetType = UNSET
    settings: Mapping[str, Any] = {}
    group: str = ""
    role: Literal["task", "setup", "teardown"] = "task"
    setups: tuple[str, ...] = ()
    fails_run: bool | UnsetType = UNSET
    outlets: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    conditions: tuple[str, ...] | UnsetType = UNSET
    files: tuple[Path, ...] | UnsetType = UNSET
    values: Mapping[str, Any] | UnsetType = UNSET
    dry_run: str | UnsetType = UNSET
    folder: str | UnsetType = UNSET
    description: str = ""
    alerts: TaskAlerts | UnsetType = UNSET


class Connection(msgspec.Struct, frozen=True, omit_defaults=True):
    """An Airflow connection that is named; `types` are those that are taken, none: any."""

    conn_id: str
    types: tuple[str, ...] = ()


class Reference(msgspec.Struct, frozen=True):
    """Another pipeline that a step names. `place` is below the step's arguments, as in all here."""

    dag_id: str
    place: Path


class Driven(msgspec.Struct, frozen=True):
    """A part of another system that only one run may drive at a time, and all within it.

    `path` leads to it from the top of the system: `("Lake", "Orders")`.
    """

    system: str
    path: tuple[str, ...]
    place: Path


class Dated(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a step takes from the run's date, and what may be written `instead`, for people.

    `days`: it takes whole days alone.
    """

    what: str
    instead: str
    place: Path
    days: bool = False


class Awaited(msgspec.Struct, frozen=True):
    """A pipeline whose run of the same date a step waits for, `offset` seconds earlier.

    `skips`: a wait that is too long skips the step, as may be meant.
    """

    dag_id: str
    offset: float
    skips: bool
    place: Path


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a spec, whatever tasks it became: what it needs, and what it names elsewhere.

    `reads` and `writes` are addresses of datasets, spelled as assets are. What a template makes of
    a value is known at run time only: such values are left out. `variables` are Airflow's. `alone`
    are places of arguments for which two runs at once would do one work twice. `output` is the task
    whose result the step hands on, `copy_of` the step that a `matrix` made it of. `teardown_for`
    are the steps that this one ends; they, and all that needs them, stand in its `needs`.
    """

    id: str
    uses: str
    copy_of: str = ""
    output: str = ""
    needs: tuple[str, ...] = ()
    teardown_for: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    connections: tuple[Connection, ...] = ()
    variables: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    pipelines: tuple[Reference, ...] = ()
    drives: tuple[Driven, ...] = ()
    dates: tuple[Dated, ...] = ()
    awaits: tuple[Awaited, ...] = ()
    alone: tuple[Path, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """A task group: a step that became several tasks, or several steps. Each of `for_each` makes
    one of its own.

    `outputs` are those of a kind of the project's own: each the step in the group whose output it
    is, and, where that calls a kind, the name of one of its outputs.
    """

    id: str
    tooltip: str = ""
    for_each: Items | UnsetType = UNSET
    outputs: Mapping[str, tuple[str, str]] | UnsetType = UNSET


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """A callable of Airflow's room, and what it is given."""

    notifier: str
    arguments: Mapping[str, Any]
    connections: tuple[Connection, ...] = ()


class TaskAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of one task; `on_retry` stands in place of the pipeline's."""

    on_failure: tuple[Alert, ...] = ()
    on_retry: tuple[Alert, ...] | UnsetType = UNSET
    on_success: tuple[Alert, ...] = ()


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """By when a run is to be done, else `alerts` are told. `after` is a duration as text."""

    after: str
    reference: Literal["queued_at", "logical_date"]
    alerts: tuple[Alert, ...]


class Watched(msgspec.Struct, frozen=True, tag="watched"):
    """An asset of the pipeline alone, which a trigger updates; `uses` is its import path."""

    uri: str
    uses: str
    arguments: Mapping[str, Any] = {}


class Assets(msgspec.Struct, frozen=True, tag="assets"):
    """A schedule by assets: all of `uris`, or any of them. One of them may be such a choice."""

    uris: tuple[str | Assets | Watched, ...]
    any: bool = False

    @property
    def every(self) -> Iterator[str]:
        """The addresses of all that tasks update."""
        for one in self.uris:
            if not isinstance(one, Watched):
                yield from one.every if isinstance(one, Assets) else (one,)

    @property
    def watched(self) -> Watched | None:
        """The event, which stands at the top."""
        return next((one for one in self.uris if isinstance(one, Watched)), None)


class Every(msgspec.Struct, frozen=True, tag="every"):
    """A schedule at a fixed interval."""

    seconds: float


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """One DAG. `source` is the spec's path below the configuration root.

    `or_assets` start runs beside those at the moments of `schedule`.
    """

    dag_id: str
    source: str
    tasks: tuple[Task, ...]
    steps: tuple[PlannedStep, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    groups: tuple[Group, ...] = ()
    description: str = ""
    owner: str = "airflow"
    tags: tuple[str, ...] = ()
    source_url: str = ""
    schedule: str | Every | Assets | None = None
    or_assets: Assets | None = None
    covers: Covers = "none"
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

    @property
    def waits(self) -> Assets | None:
        """What starts runs when it is updated, alone or beside moments."""
        return self.schedule if isinstance(self.schedule, Assets) else self.or_assets
