"""Run a dbt project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factory import stores
from factory.dbt.profile import TYPES
from factory.errors import BuildError
from factory.fields import ConnId, Duration, Strict, connects, seconds
from factory.kinds.dbt import graph, looks
from factory.kinds.dbt.graph import Graph
from factory.kinds.dbt.node import Unfit
from factory.kinds.dbt.tasks import OPERATOR, per_model
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem

OUTPUT = "of one task: how many of each status (`statuses`), and the names of those that `failed`"
_OF_TASKS = {"manifest", "tasks", "freshness", "profile"}

Text = Annotated[str, Meta(min_length=1)]
Selection = list[Text]
Address = Annotated[str, Meta(pattern=stores.ADDRESS, title="folder's URI")]
Threads = Annotated[int, Meta(ge=1, le=256)]


class Connection(Strict, frozen=True, kw_only=True, tag="connection", tag_field="type"):
    """A profile that is made of an Airflow connection, for this run alone.

    The connection's secret never stands in a file.
    """

    conn_id: Annotated[
        ConnId,
        connects(*TYPES),
        Meta(description="Airflow connection of the warehouse.", examples=["warehouse"]),
    ]
    schema: Annotated[
        Text,
        Meta(
            description="The schema, or BigQuery's dataset, that models are built into. Jinja "
            "templates are filled in.",
            examples=["marts"],
        ),
    ]
    target: Annotated[
        Text,
        Meta(description="What the project sees as `target.name`.", examples=["prod"]),
    ] = "airflow"


class Folder(Strict, frozen=True, kw_only=True, tag="folder", tag_field="type"):
    """A `profiles.yml` of your own."""

    path: Annotated[
        Text,
        Meta(
            description="Its folder: beside this file, or an absolute path on the worker.",
            examples=["/opt/dbt/profiles"],
        ),
    ]
    target: Annotated[
        Text | None,
        Meta(description="One of its targets. Default: its own.", examples=["prod"]),
    ] = None


class Arguments(Strict, frozen=True, kw_only=True, omit_defaults=True):
    """Run a dbt project, or a part of it: as one task, or as one task for each model.

    dbt runs on the worker, in an environment of its own. Each model's result is in the log; a test
    that fails, or a source that is too old, fails the task, and one that only warns does not.
    """

    project: Annotated[
        str,
        Meta(
            title="folder of a dbt project",
            description="The folder of `dbt_project.yml`: beside this file or below its folder, or "
            "an absolute path on the worker.",
            examples=["/opt/dbt/shop", "shop"],
            min_length=1,
        ),
    ]
    profile: Annotated[
        Connection | Folder, Meta(description="Where the warehouse is, and who logs in.")
    ]
    command: Annotated[
        Literal["build", "run", "test", "seed", "snapshot", "source freshness"],
        Meta(description="dbt's command. `build` runs and tests each model before those above it."),
    ] = "build"
    threads: Annotated[Threads, Meta(description="How many models are built at once.")] = 4
    select: Annotated[
        Selection,
        Meta(
            description="What is run, in dbt's words; what one of them selects. Jinja templates "
            "are filled in.",
            examples=[["tag:nightly", "+daily_revenue"]],
        ),
    ] = msgspec.field(default_factory=list)
    exclude: Annotated[
        Selection, Meta(description="What of it is not run.", examples=[["stg_orders"]])
    ] = msgspec.field(default_factory=list)
    vars: Annotated[
        dict[str, Any],
        Meta(
            description="The project's variables. Jinja templates are filled in: so the run's "
            "interval is handed on. dbt writes them into its files: no secrets.",
            examples=[{"start": "{{ interval.start }}", "end": "{{ interval.end }}"}],
        ),
    ] = msgspec.field(default_factory=dict)
    full_refresh: Annotated[
        bool, Meta(description="Build incremental models and seeds anew from all of their rows.")
    ] = False
    freshness: Annotated[
        bool,
        Meta(
            description="See first how fresh the project's sources are: one that is too old fails "
            "the task before anything is built."
        ),
    ] = False
    tasks: Annotated[
        Literal["one", "per_model"],
        Meta(
            description="One task, or one for each model, seed and snapshot, with its tests. "
            "`per_model` reads the `manifest`, since no dbt runs while Airflow reads this file."
        ),
    ] = "one"
    manifest: Annotated[
        Text | None,
        Meta(
            description="With `per_model`: the `manifest.json` that `dbt parse` wrote, beside this "
            "file. Default: that in the project's folder.",
            examples=["shop/manifest.json"],
        ),
    ] = None
    executable: Annotated[
        Text | None,
        Meta(
            description="The program `dbt` on the worker. Default: that on its PATH.",
            examples=["/opt/dbt/bin/dbt"],
        ),
    ] = None
    timeout: Annotated[
        Duration,
        Meta(description="How long one command may take; then dbt cancels its queries and ends."),
    ] = "6h"
    artifacts: Annotated[
        Address | None,
        Meta(
            description="A folder that keeps `run_results.json`, `manifest.json`, `sources.json` "
            "and `dbt.log`, below the task's name and its try. Default: the step's folder on the "
            "stage. Jinja templates are filled in.",
            examples=["s3://reports/dbt/{{ run_id }}/"],
        ),
    ] = None


def compile(step: Step) -> Fragment:
    """One RunDbt, or one for each model in the order of the manifest's graph."""
    given: Arguments = step.arguments
    if step.beside:
        _require_absolute(step, given)
    if given.tasks == "per_model":
        return per_model(step, given.freshness, common(step, given), _chosen(step, given))
    freshness = {"freshness": True} if given.freshness else {}
    return single(step, OPERATOR, {**common(step, given), **freshness})


def _require_absolute(step: Step, given: Arguments) -> None:
    """A worker looks for a project beside the pipeline, not beside a kind of the project's own.

    :raises BuildError: a folder is not absolute.
    """
    folders: list[tuple[tuple[str, ...], str]] = [(("with", "project"), given.project)]
    if isinstance(given.profile, Folder):
        folders.append((("with", "profile", "path"), given.profile.path))
    for part, path in folders:
        if not path.startswith(("/", "{{")):
            message = "a folder beside a kind of your own is not found on the worker"
            hint = "write an absolute path, or take it as a parameter"
            raise BuildError(step.id, part, message, hint)


def common(step: Step, given: Arguments) -> dict[str, Any]:
    """What each task of the step is given."""
    said: dict[str, Any] = msgspec.to_builtins(given)
    own = {name: value for name, value in said.items() if name not in _OF_TASKS}
    stage = {} if step.stage is None else {"stage": step.stage}
    return {**own, **_profile(given.profile), "timeout": seconds(given.timeout), **stage}


def _profile(profile: Connection | Folder) -> dict[str, Any]:
    if isinstance(profile, Folder):
        target = {} if profile.target is None else {"target": profile.target}
        return {"profiles_dir": profile.path, **target}
    return {"conn_id": profile.conn_id, "schema": profile.schema, "target": profile.target}


def _chosen(step: Step, given: Arguments) -> Graph:
    """The part of the project's graph that is selected. Raises `BuildError`."""
    if step.folder is None:
        return Graph(())
    try:
        whole = graph.read(step.folder / _manifest(given))
        return whole.chosen(given.select, given.exclude, given.command)
    except Unfit as error:
        part = error.part or ("manifest" if given.manifest else "project")
        raise BuildError(step.id, ("with", part), error.message, error.hint) from None


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """A project that is not there, a manifest that is not of its models as they are."""
    given: Arguments = step.arguments
    if given.artifacts is not None:
        yield from stores.problems(given.artifacts, ("artifacts",))
    yield from looks.folder_with(given.project, "dbt_project.yml", folder, ("project",))
    if isinstance(given.profile, Folder):
        place = ("profile", "path")
        yield from looks.folder_with(given.profile.path, "profiles.yml", folder, place)
    if given.tasks == "per_model":
        at = "manifest" if given.manifest else "project"
        yield from looks.of_manifest(folder / _manifest(given), given.project, folder, (at,))
    elif given.manifest is not None:
        message = "a manifest is read for `tasks: per_model` only"
        yield Problem(("manifest",), "unknown-key", message, "`tasks: per_model`", at_key=True)


def _manifest(given: Arguments) -> str:
    """Where the manifest is, as a file is named beside the spec."""
    return given.manifest or str(PurePosixPath(given.project) / "manifest.json")
