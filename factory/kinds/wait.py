"""Wait for something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from factory import literals, stores
from factory.definitions import identifiers
from factory.definitions.paths import is_folder, is_pattern
from factory.definitions.tables import TableName
from factory.definitions.warehouses import ANY_WAREHOUSE
from factory.definitions.writes import INTERVAL
from factory.errors import BuildError
from factory.fields import ConnId, DagId, Duration, Positive, Strict, seconds
from factory.kinds import http
from factory.kinds.sql import Parameters, Sql, inspect_sql
from factory.literals import is_template
from factory.plan.kind import DRY_RUNS, Fragment, Step, single
from factory.plan.model import Awaited, Dated
from factory.plan.sql_files import as_template, places
from factory.problem import Problem
from factory.spec import assets

OPERATOR = "factory.in_airflow.operators.wait.Wait"
DRY_RUN = f"{DRY_RUNS}.DryWait"

Text = Annotated[str, Meta(min_length=1)]
Rows = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Time(Strict, frozen=True, kw_only=True, tag="time", tag_field="type"):
    """A moment: exactly one of `after` and `until`."""

    after: Annotated[
        Duration | None, Meta(description="So long after the end of the run's data interval.")
    ] = None
    until: Annotated[
        str | None,
        Meta(
            description="An ISO date and time, in the pipeline's time zone unless it says its own; "
            "Jinja templates are filled in.",
            examples=["{{ interval.end.date() }}T18:00:00"],
        ),
    ] = None


class File(Strict, frozen=True, kw_only=True, tag="file", tag_field="type"):
    """A file, or several. Airflow's workers and triggerer look, so both must see the store."""

    path: Annotated[
        str,
        Meta(
            pattern=stores.ADDRESS,
            title="file URI",
            description="The file's URI, in a store that both see. `*` and `?` match any name, "
            "`**` any folders; with a `/` at its end it is a folder, with all below it. Hidden "
            "files do not count. Jinja templates are filled in.",
            examples=["file:///data/orders/{{ interval.day }}/*.csv"],
        ),
    ]
    at_least: Annotated[
        Positive, Meta(description="So many files must be there.", examples=[24])
    ] = 1


class Http(http.Request, frozen=True, kw_only=True, tag="http", tag_field="type"):
    """An expected answer; any other answer, or none, means to wait on."""


class Query(Strict, frozen=True, kw_only=True, tag="sql", tag_field="type"):
    """A query whose first value is neither null, 0, false nor empty. No row means to wait on."""

    conn_id: Annotated[
        ConnId, Meta(description="Airflow connection of the database.", examples=["warehouse"])
    ]
    sql: Sql
    parameters: Parameters = msgspec.field(default_factory=dict)


class Table(Strict, frozen=True, kw_only=True, tag="table", tag_field="type"):
    """Rows of a table or a view: any, or those of the run's interval. No table means to wait on."""

    conn_id: Annotated[
        ConnId, Meta(description="Airflow connection of the database.", examples=["warehouse"])
    ]
    table: Annotated[
        TableName,
        Meta(description="The table or view, with its schema. Jinja templates are filled in."),
    ]
    column: Annotated[
        Text | None,
        Meta(
            description="A date or a time: only rows count whose value is within the run's "
            "interval. What has no time zone is UTC; a date is a day of the pipeline's own zone.",
            examples=["pickup_at"],
        ),
    ] = None
    where: Annotated[
        Text | None,
        Meta(
            description="SQL condition: only rows that meet it count. Jinja templates are filled "
            "in.",
            examples=["region = 'north'"],
        ),
    ] = None
    at_least: Annotated[
        Rows,
        Meta(description="So many rows must be there; with 0 an empty table will do."),
    ] = 1


class Pipeline(Strict, frozen=True, kw_only=True, tag="pipeline", tag_field="type"):
    """The run of another pipeline whose interval begins when this one's does.

    This task fails when that run failed. Without an interval it is the same logical date.
    """

    pipeline: Annotated[
        DagId,
        Meta(
            description="The other pipeline's name (`dag_id`).",
            examples=["orders_daily"],
            min_length=1,
        ),
    ]
    task: Annotated[
        Text | None,
        Meta(
            description="Wait for this task only, by its Airflow id. This task is skipped when it "
            "was skipped.",
            examples=["report", "ingest.load"],
        ),
    ] = None
    offset: Annotated[
        Duration | None,
        Meta(
            description="How much earlier the other run's interval begins: `1h` where both cover "
            "the time since the last run, and this runs daily at 6, the other at 5. Runs of "
            "`previous_day` need none, whenever they are.",
            examples=["1d"],
        ),
    ] = None


class Arguments(Strict, frozen=True, kw_only=True):
    """Wait for a moment, a file, an HTTP answer, rows, a SQL result or another pipeline.

    No worker is held while it waits: Airflow's triggerer looks again and again.
    """

    for_: Annotated[
        Time | File | Http | Query | Table | Pipeline, Meta(description="What to wait for.")
    ] = msgspec.field(name="for")
    poll_interval: Annotated[
        Duration, Meta(description="How long to wait between two looks.", examples=["60s"])
    ] = "60s"
    timeout: Annotated[
        Duration,
        Meta(description="How long to wait, at most. A time-out is not retried.", examples=["6h"]),
    ] = "6h"
    on_timeout: Annotated[
        Literal["fail", "skip"],
        Meta(description="Whether a time-out fails the task, or skips it and what needs it."),
    ] = "fail"


def compile(step: Step) -> Fragment:
    """One Wait."""
    given: Arguments = step.arguments
    if isinstance(given.for_, Time):
        _require_one_moment(step.id, given.for_)
    arguments: dict[str, Any] = {
        "what": _what(given.for_),
        "poll_interval": seconds(given.poll_interval),
        "timeout": seconds(given.timeout),
        "on_timeout": given.on_timeout,
    }
    named = places(given.for_.sql, ("what", "sql")) if isinstance(given.for_, Query) else UNSET
    arguments["do_xcom_push"] = False
    asks = DRY_RUN if isinstance(given.for_, Query | Table) else UNSET
    fragment = single(step, OPERATOR, arguments, files=named, dry_run=asks)
    of_task = isinstance(given.for_, Pipeline) and given.for_.task  # is skipped with that
    if given.on_timeout == "skip" or of_task:
        fragment = msgspec.structs.replace(fragment, skipping=(step.id,))
    if isinstance(given.for_, File):
        return msgspec.structs.replace(fragment, reads=(given.for_.path,))
    if isinstance(given.for_, Table):
        return msgspec.structs.replace(fragment, **_of_table(given.for_))
    if isinstance(given.for_, Pipeline):
        dated = Dated("the other run of the same date", "a wait for something else", ("for",))
        return msgspec.structs.replace(fragment, dates=(dated,), awaits=(_awaited(given),))
    return fragment


def _of_table(table: Table) -> dict[str, Any]:
    """What is told of the step: the table that it reads, and that rows are those of a date."""
    address = assets.of_table(table.conn_id, table.table)
    dated = Dated(INTERVAL, "`where:`", ("for", "column"))
    return {
        "reads": () if address is None else (address,),
        "dates": () if table.column is None else (dated,),
    }


def _awaited(given: Arguments) -> Awaited:
    assert isinstance(given.for_, Pipeline)
    offset = seconds(given.for_.offset) if given.for_.offset else 0
    return Awaited(given.for_.pipeline, offset, given.on_timeout == "skip", ("for", "pipeline"))


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """What cannot be looked for, a wait that is longer than its time-out."""
    given: Arguments = step.arguments
    yield from literals.pause(seconds(given.poll_interval), ("poll_interval",))
    if isinstance(given.for_, Http):
        yield from http.problems(given.for_, ("for",))
    if isinstance(given.for_, File):
        yield from stores.problems(given.for_.path, ("for", "path"))
        yield from _too_few(given.for_)
    if isinstance(given.for_, Time):
        yield from literals.moments({"until": given.for_.until}, ("for",))
    if isinstance(given.for_, Table):
        yield from identifiers.table(given.for_.table, ("for", "table"), ANY_WAREHOUSE)
    if isinstance(given.for_, Query):
        yield from inspect_sql(given.for_.sql, given.for_.parameters, folder, ("for", "sql"))
    after = given.for_.after if isinstance(given.for_, Time) else None
    if after is not None and seconds(after) > seconds(given.timeout):
        yield Problem(
            ("for", "after"),
            "out-of-bounds",
            f"{after} is longer than the timeout",
            expected=f"at most {given.timeout}, or a longer `timeout`",
        )


def _too_few(file: File) -> Iterator[Problem]:
    path = file.path
    if file.at_least > 1 and not (is_template(path) or is_folder(path) or is_pattern(path)):
        yield Problem(
            ("for", "at_least"),
            "out-of-bounds",
            f"one path is one file, never {file.at_least}",
            expected="a pattern with `*`, or a folder with a `/` at its end",
        )


def _require_one_moment(step: str, time: Time) -> None:
    if (time.after is None) == (time.until is None):
        said = "neither `after` nor `until`" if time.after is None else "both `after` and `until`"
        hint = "write `after: 10m` or `until: 2024-01-01T06:00`"
        raise BuildError(step, ("with", "for"), f"the time says {said}", hint)


def _what(written: Any) -> dict[str, Any]:
    """What `factory.in_airflow.probes` looks at."""
    if isinstance(written, Http):
        return {"type": "http", **http.request(written)}
    what: dict[str, Any] = {"type": written.__struct_config__.tag}
    said = msgspec.structs.asdict(written).items()
    what |= {name: value for name, value in said if value or value == 0}
    for name in ("after", "offset"):
        if name in what:
            what[name] = seconds(what[name])
    if "sql" in what:
        what["sql"] = as_template(what["sql"])
    return what
