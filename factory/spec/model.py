"""What a person writes, as types. Schemas, defaults and reference pages come from here.

`Pipeline` is a resolved spec; `Defaults` and `Environment` are the other two kinds of file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factory.fields import Date, Duration, Positive, Strict, Uri
from factory.intervals import Covers
from factory.spec import assets
from factory.spec.alerts import Email, Slack, Webhook
from factory.spec.schema import VERBATIM

STAGE_RETENTION = "7d"

Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$",
        title="name of letters, digits, `_` and `-`",
        description="Letters, digits, `_` and `-`.",
        max_length=200,
    ),
]
TaskId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?"
        r"(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$",
        title="name of letters, digits, `_` and `-`",
        description="Letters, digits, `_` and `-`; behind a dot what stands in a group.",
        max_length=200,
    ),
]
TriggerRule = Literal[
    "all_success",
    "all_failed",
    "all_done",
    "all_done_min_one_success",
    "all_done_setup_success",
    "all_skipped",
    "one_failed",
    "one_success",
    "one_done",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "always",
]


# Airflow keeps the sum of those of all tasks behind a task, in 32 bits: a pipeline may have 2,000
# steps, and a step six tasks
Weight = Annotated[int, Meta(ge=-100_000, le=100_000)]
Word = Annotated[str, Meta(min_length=1, max_length=256)]
Executor = Annotated[str, Meta(min_length=1, max_length=1000)]
Owner = Annotated[str, Meta(min_length=1, max_length=500)]
AssetUri = Annotated[str, Meta(min_length=1, max_length=assets.LONGEST)]
Retries = Annotated[int, Meta(ge=0, le=100)]


class Settings(Strict, frozen=True, kw_only=True):
    """Airflow's settings of a task. Under `defaults:` they hold for every task."""

    retries: Annotated[
        Retries | UnsetType, Meta(description="How often a failed task is tried again.")
    ] = UNSET
    retry_delay: Annotated[
        Duration | UnsetType, Meta(description="How long to wait before a retry.")
    ] = UNSET
    retry_exponential_backoff: Annotated[
        bool | UnsetType, Meta(description="Double the wait with every retry.")
    ] = UNSET
    max_retry_delay: Annotated[
        Duration | UnsetType, Meta(description="The longest wait before a retry.")
    ] = UNSET
    execution_timeout: Annotated[
        Duration | UnsetType,
        Meta(
            description="Fail the task when it runs longer than this on a worker: what it waits "
            "for in Airflow's triggerer (`wait`, `deferrable: true`) has a time-out of its own."
        ),
    ] = UNSET
    trigger_rule: Annotated[
        TriggerRule | UnsetType, Meta(description="When to run, given how the needed tasks ended.")
    ] = UNSET
    pool: Annotated[
        Word | UnsetType, Meta(description="Airflow pool that limits how many run at once.")
    ] = UNSET
    pool_slots: Annotated[
        Positive | UnsetType, Meta(description="Slots that the task takes in its pool.")
    ] = UNSET
    priority_weight: Annotated[
        Weight | UnsetType, Meta(description="Tasks with a higher weight start first.")
    ] = UNSET
    queue: Annotated[
        Word | UnsetType, Meta(description="Queue of the workers that may run the task.")
    ] = UNSET
    executor: Annotated[
        Executor | UnsetType, Meta(description="Name of the Airflow executor that runs the task.")
    ] = UNSET
    depends_on_past: Annotated[
        bool | UnsetType,
        Meta(description="Run only when the same task of the previous run succeeded."),
    ] = UNSET
    max_active_tis_per_dag: Annotated[
        Positive | UnsetType,
        Meta(
            description="How many of this task may run at once, of all runs. Each copy of a "
            "`matrix` is a task by itself: a `pool` limits them together."
        ),
    ] = UNSET


Condition = Annotated[
    bool | Annotated[str, Meta(title="expression `{{ … }}`")],
    Meta(
        description="Whether the step has work in this run: one expression, or true or false. "
        "Where it is false the step is skipped, and what needs it as its `trigger_rule` says. "
        "Of a group, whether all of it has.",
        examples=["{{ params.full }}", "{{ tasks.pending.output and ds >= '2024-01-01' }}"],
    ),
]


MAX_ITEMS = 1024
"""Items of a literal list: as many as Airflow takes of a list that a task gives."""
ForEach = Annotated[
    Annotated[list[Any], Meta(min_length=1, max_length=MAX_ITEMS)]
    | Annotated[str, Meta(title="expression `{{ … }}`")],
    Meta(
        description="One copy for each item of a list, which need not be known before the run: an "
        "expression, or the list itself. Templates read the item as `{{ item }}`.",
        examples=["{{ tasks.cities.output }}", ["amsterdam", "berlin"]],
    ),
]
MaxParallel = Annotated[
    Positive, Meta(description="With `for_each`: how many copies may run at once, in one run.")
]


Alert = Email | Slack | Webhook
AlertList = Annotated[
    list[Alert], Meta(max_length=50, examples=[[{"type": "email", "to": ["trips@example.org"]}]])
]


class StepAlerts(Strict, frozen=True, kw_only=True):
    """Who is told of one step, and when."""

    on_failure: Annotated[
        AlertList,
        Meta(
            description="When a task of the step has failed and is not tried again. Those of the "
            "pipeline are told of the run as well, once it has failed."
        ),
    ] = msgspec.field(default_factory=list)
    on_retry: Annotated[
        AlertList | UnsetType,
        Meta(
            description="When a task of the step failed and is tried again, in place of the "
            "pipeline's `on_retry`; `[]`: nobody."
        ),
    ] = UNSET
    on_success: Annotated[AlertList, Meta(description="When the step has succeeded.")] = (
        msgspec.field(default_factory=list)
    )


AssetList = Annotated[list[AssetUri], Meta(min_length=1, max_length=500)]
Updates = Annotated[
    AssetList | UnsetType,
    Meta(
        description="Assets that the step updates when it succeeds, beside those that its kind "
        "updates by itself. Pipelines that wait for them (`schedule`) then run.",
        examples=[["s3://lake/silver/balance"]],
    ),
]


class Task(Settings, frozen=True, kw_only=True):
    """One step: a kind (`uses`) with its arguments (`with`), and what it needs."""

    id: Annotated[TaskId, Meta(description="Unique within the pipeline; the Airflow task id.")]
    uses: Annotated[
        str,
        Meta(
            description="A kind such as `ingest` or `sql`, or an operator's import path.",
            examples=["ingest", "sql"],
            min_length=1,
        ),
    ]
    with_: Annotated[dict[str, Any], Meta(description="The kind's arguments.")] = msgspec.field(
        name="with", default_factory=dict
    )
    needs: Annotated[list[str], Meta(description="Ids of the tasks that must come before.")] = (
        msgspec.field(default_factory=list)
    )
    if_: Annotated[Condition | UnsetType, Meta()] = msgspec.field(name="if", default=UNSET)
    for_each: Annotated[ForEach | UnsetType, Meta()] = UNSET
    max_parallel: Annotated[MaxParallel | UnsetType, Meta()] = UNSET
    teardown_for: Annotated[
        list[str], Meta(description="Ids of the tasks whose work this one ends.")
    ] = msgspec.field(default_factory=list)
    description: Annotated[str, Meta(description="Shown beside the task in Airflow.")] = ""
    updates: Annotated[Updates, Meta()] = UNSET
    alerts: Annotated[StepAlerts | UnsetType, Meta(description="Who is told of the step.")] = UNSET


class AssetChoice(Strict, frozen=True, kw_only=True):
    """Exactly one of `any` and `all`. Each of them may hold such choices, too."""

    any: Annotated[AssetChoices | UnsetType, Meta(description="One update is enough.")] = UNSET
    all: Annotated[AssetChoices | UnsetType, Meta(description="Every one must be updated.")] = UNSET


AssetChoices = Annotated[list[AssetUri | AssetChoice], Meta(min_length=1, max_length=500)]


class Event(Strict, frozen=True, kw_only=True):
    """What Airflow's triggerer watches, such as a queue of messages."""

    uses: Annotated[
        str,
        Meta(
            description="Import path of a trigger for event-driven scheduling: a subclass of "
            "Airflow's `BaseEventTrigger`.",
            examples=["airflow.providers.standard.triggers.file.FileDeleteTrigger"],
            min_length=1,
        ),
    ]
    with_: Annotated[
        dict[str, Any],
        Meta(
            description="The trigger's arguments: no templates, and no secrets.",
            examples=[{"sqs_queue": "https://sqs.example.org/1/arrivals"}],
        ),
    ] = msgspec.field(name="with", default_factory=dict)


class Schedule(Strict, frozen=True, kw_only=True):
    """A schedule that says more. `cron` or `every`, `assets` and `event` start runs, each by
    itself."""

    cron: Annotated[
        str | UnsetType,
        Meta(description="A cron expression or a preset.", examples=["0 6 2 * *", "@daily"]),
    ] = UNSET
    every: Annotated[
        Duration | UnsetType, Meta(description="Run at this fixed interval, such as `15m`.")
    ] = UNSET
    assets: Annotated[
        AssetChoices | AssetChoice | UnsetType,
        Meta(
            description="Run when these assets were updated: a list (all of them), "
            "`{any: […]}` or `{all: […]}`, also one in the other.",
            examples=[[assets.EXAMPLE]],
        ),
    ] = UNSET
    event: Annotated[
        Event | UnsetType,
        Meta(description="Run when something happens outside, such as a message that arrives."),
    ] = UNSET
    covers: Annotated[
        Covers | UnsetType,
        Meta(
            description="What a run is of: its data interval. `since_last_run`, as where nothing "
            "is said: from the run before by the schedule until this one. `previous_day` and the "
            "like: the last one of the calendar that is over, in the pipeline's `timezone`. "
            "`none`: no interval.",
            examples=["previous_month"],
        ),
    ] = UNSET


class Deadline(Strict, frozen=True, kw_only=True):
    """By when a run is to be done."""

    after: Annotated[Duration, Meta(description="How long a run has.", examples=["2h"])]
    from_: Annotated[
        Literal["queued_at", "logical_date"],
        Meta(
            description="Counted from when the run was queued (its wait for other runs counts as "
            "well), or from its logical date, the start of what it covers. The logical dates of "
            "`catchup` and of a backfill are past: such runs would be told at once."
        ),
    ] = msgspec.field(name="from", default="queued_at")


class Alerts(Strict, frozen=True, kw_only=True):
    """Who is told, and when."""

    on_deadline: Annotated[
        AlertList,
        Meta(description="When a run was not done by the pipeline's `deadline`; once a run."),
    ] = msgspec.field(default_factory=list)

    on_failure: Annotated[AlertList, Meta(description="When a run of the pipeline has failed.")] = (
        msgspec.field(default_factory=list)
    )
    on_retry: Annotated[AlertList, Meta(description="When a task failed and is tried again.")] = (
        msgspec.field(default_factory=list)
    )
    on_success: Annotated[
        AlertList, Meta(description="When a run of the pipeline has succeeded.")
    ] = msgspec.field(default_factory=list)


class Common(Strict, frozen=True, kw_only=True):
    """Keys of a pipeline that a layer (`_defaults.yaml`, an environment) may set as well."""

    description: Annotated[
        str, Meta(description="What the pipeline does, for people.", max_length=4000)
    ] = ""
    owner: Annotated[
        Owner, Meta(description="Who answers for it; Airflow shows and filters by it.")
    ] = "airflow"
    tags: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=100)]],
        Meta(
            description="Tags in Airflow. The tags of all layers add up.",
            examples=[["taxi"]],
            max_length=100,
        ),
    ] = msgspec.field(default_factory=list)
    source_url: Annotated[
        str,
        Meta(
            description="Address of the configuration folder in your Git host; "
            "the pipeline's page in Airflow links to its file there.",
            examples=["https://git.example.org/data/pipelines/blob/main/dag_factory_configs"],
        ),
    ] = ""
    schedule: Annotated[
        str | Schedule | None,
        Meta(
            description="A cron expression, a preset (`@daily`), `{every: 15m}`, "
            "`{assets: […]}`, `{event: …}`, a cron with what a run covers, or `null` for manual "
            "runs only.",
            examples=[
                "0 6 * * *",
                "@daily",
                {"every": "15m"},
                {"cron": "0 6 2 * *", "covers": "previous_month"},
            ],
        ),
    ] = None
    start_date: Annotated[
        Date | None, Meta(description="The first moment that a run may be for.")
    ] = None
    end_date: Annotated[Date | None, Meta(description="The last moment that a run may be for.")] = (
        None
    )
    timezone: Annotated[
        str,
        Meta(
            description="Time zone of the schedule and the dates.",
            examples=["UTC", "Europe/Berlin"],
        ),
    ] = "UTC"
    catchup: Annotated[
        bool, Meta(description="Make the runs between `start_date` and now, too.")
    ] = False
    max_active_runs: Annotated[
        Positive | None, Meta(description="How many runs may be active at once.")
    ] = None
    max_active_tasks: Annotated[
        Positive | None, Meta(description="How many tasks may run at once.")
    ] = None
    max_consecutive_failed_dag_runs: Annotated[
        Positive | None, Meta(description="Pause the pipeline after so many failed runs.")
    ] = None
    dagrun_timeout: Annotated[
        Duration | None, Meta(description="Fail a run that takes longer than this.")
    ] = None
    deadline: Annotated[
        Duration | Deadline | None,
        Meta(
            description="When a run is not done by then, `alerts.on_deadline` are told, and the "
            "run goes on (`dagrun_timeout` fails it). `2h` is short for "
            "`{after: 2h, from: queued_at}`.",
            examples=["2h", {"after": "26h", "from": "logical_date"}],
        ),
    ] = None
    fail_fast: Annotated[bool, Meta(description="Stop the run at its first failed task.")] = False
    paused: Annotated[
        bool | None, Meta(description="Whether the pipeline is paused when it first appears.")
    ] = None
    stage: Annotated[
        Uri | None,
        Meta(
            description="Where files wait between tasks, as a URI. Default: `FACTORY_STAGE` on "
            "the worker, else a folder in its temporary directory.",
            examples=["file:///var/lib/pipelines/stage", "s3://lake/stage"],
        ),
    ] = None
    stage_retention: Annotated[
        Duration,
        Meta(
            description="How long files of a failed run, and rows in quarantine, stay on the "
            "stage. The pipeline's next runs remove what is older."
        ),
    ] = STAGE_RETENTION
    alerts: Annotated[Alerts, Meta(description="Who is told, and when.")] = Alerts()


Row = Annotated[dict[str, Any], Meta(min_length=1)]
Matrix = Annotated[
    Annotated[dict[str, list[str | int | float | bool]], Meta(min_length=1)]
    | Annotated[list[Row], Meta(min_length=1)],
    Meta(
        description="One copy for each combination of these values, or for each row of a list; "
        "read as `${matrix.name}`. The first field of a row names its copy.",
        examples=[
            {"table": ["orders", "customers"]},
            [{"table": "orders", "key": ["order_id"]}, {"table": "customers", "key": ["email"]}],
        ],
    ),
]
Kinds = Annotated[
    dict[str, dict[str, Any]],
    Meta(
        description="Defaults for the arguments of a kind; or a name of your own for a kind or an "
        "operator (`uses`) with its defaults (`with`).",
        examples=[
            {"ingest": {"target": {"conn_id": "warehouse"}}},
            {"clean": {"uses": "sql", "with": {"conn_id": "warehouse", "sql": "clean.sql"}}},
        ],
        extra=VERBATIM,
    ),
]


class NamedKind(Settings, frozen=True, kw_only=True):
    """A name of your own for a kind or an operator, with defaults that a task may change."""

    uses: Annotated[
        str,
        Meta(
            description="A kind, an operator's import path, or another name of your own.",
            examples=["sql"],
            min_length=1,
        ),
    ]
    with_: Annotated[dict[str, Any], Meta(description="Defaults of its arguments.")] = (
        msgspec.field(name="with", default_factory=dict)
    )
    description: Annotated[
        str | UnsetType, Meta(description="What tasks say that do not say it themselves.")
    ] = UNSET


class Pipeline(Common, frozen=True, kw_only=True):
    """One pipeline: one file, one Airflow DAG, named after the file."""

    version: Annotated[
        Literal[1], Meta(description="Version of this grammar: `1`.", extra=VERBATIM)
    ]
    tasks: Annotated[list[Task], Meta(description="The steps.", min_length=1)]
    params: Annotated[
        dict[str, Any],
        Meta(
            description="Values that a person may set when starting a run: a default value, or "
            "JSON Schema with `default`. Read as `{{ params.name }}`.",
            max_length=500,
            examples=[{"full": False, "day": {"type": "string", "default": "2024-01-01"}}],
        ),
    ] = msgspec.field(default_factory=dict)
    vars: Annotated[dict[str, Any], Meta(description="Values for `${vars.name}`.")] = msgspec.field(
        default_factory=dict
    )
    defaults: Annotated[Settings, Meta(description="Settings for every task.")] = Settings()
    kinds: Annotated[Kinds, Meta()] = msgspec.field(default_factory=dict)
    matrix: Annotated[Matrix, Meta()] = msgspec.field(default_factory=dict)


Needs = Annotated[
    list[str] | str,
    Meta(
        description="Ids of the tasks that must come before: a list, or one of them. "
        "`load[orders]` is one copy of a task with a `matrix`.",
        examples=[["orders", "customers"], "load[orders]"],
    ),
]

TeardownFor = Annotated[
    list[str] | str,
    Meta(
        description="Ends what these tasks began, whatever happened: runs after all that needs "
        "them. A list, or one of them, named as in `needs`.",
        examples=[["cluster"], "cluster"],
    ),
]


class WrittenTask(Settings, frozen=True, kw_only=True):
    """One step: a kind (`uses`) with its arguments (`with`), a shell script (`run`), or a group
    of steps (`tasks`)."""

    id: Annotated[Name, Meta(description="Unique within the pipeline; the Airflow task id.")]
    uses: Annotated[
        str | UnsetType,
        Meta(
            description="A kind such as `ingest` or `sql`, or an operator's import path.",
            examples=["ingest", "sql"],
        ),
    ] = UNSET
    run: Annotated[
        str | UnsetType,
        Meta(description="Shell commands: short for `uses: bash` with a `command`."),
    ] = UNSET
    with_: Annotated[dict[str, Any], Meta(description="The kind's arguments.")] = msgspec.field(
        name="with", default_factory=dict
    )
    needs: Annotated[Needs, Meta()] = msgspec.field(default_factory=list)
    if_: Annotated[Condition | UnsetType, Meta()] = msgspec.field(name="if", default=UNSET)
    for_each: Annotated[ForEach | UnsetType, Meta()] = UNSET
    max_parallel: Annotated[MaxParallel | UnsetType, Meta()] = UNSET
    teardown_for: Annotated[TeardownFor, Meta()] = msgspec.field(default_factory=list)
    description: Annotated[str, Meta(description="Shown beside the task in Airflow.")] = ""
    updates: Annotated[Updates, Meta()] = UNSET
    alerts: Annotated[StepAlerts | UnsetType, Meta(description="Who is told of the step.")] = UNSET
    matrix: Annotated[Matrix, Meta()] = msgspec.field(default_factory=dict)
    tasks: Annotated[
        Annotated[list[Any], Meta(min_length=1)] | UnsetType,
        Meta(
            description="In place of `uses` or `run`: the steps of a group, which has `id`, "
            "`needs`, `if`, `matrix`, `for_each`, `defaults` and `description` beside them.",
            examples=[[{"id": "load", "uses": "ingest"}, {"id": "count", "uses": "sql"}]],
        ),
    ] = UNSET
    defaults: Annotated[
        Settings | UnsetType, Meta(description="Settings for every task of a group.")
    ] = UNSET


class Group(Strict, frozen=True, kw_only=True):
    """Several steps as one: a task group in Airflow."""

    id: Annotated[TaskId, Meta(description="Unique among the tasks beside it.")]
    tasks: Annotated[list[Any], Meta(description="The steps.", min_length=1)]
    needs: Annotated[list[str], Meta(description="Ids of the tasks that must come before.")] = (
        msgspec.field(default_factory=list)
    )
    if_: Annotated[Condition | UnsetType, Meta()] = msgspec.field(name="if", default=UNSET)
    for_each: Annotated[ForEach | UnsetType, Meta()] = UNSET
    max_parallel: Annotated[MaxParallel | UnsetType, Meta()] = UNSET
    defaults: Annotated[Settings, Meta(description="Settings for every task in it.")] = Settings()
    description: Annotated[str, Meta(description="Shown beside the group in Airflow.")] = ""


class WrittenGroup(Group, frozen=True, kw_only=True):
    """A group as it stands in a file."""

    matrix: Annotated[Matrix, Meta()] = msgspec.field(default_factory=dict)


class PipelineFile(Pipeline, frozen=True, kw_only=True):
    """One pipeline: one file, one Airflow DAG, named after the file."""

    # as written, a task may be shorter than what it resolves to
    tasks: Annotated[  # type: ignore[assignment]
        list[WrittenTask], Meta(description="The steps.", min_length=1, extra=VERBATIM)
    ]


class KindFile(Strict, frozen=True, kw_only=True):
    """`_kinds/<name>.yaml`: a kind of the project's own, a group of steps for each call."""

    version: Annotated[
        Literal[1], Meta(description="Version of this grammar: `1`.", extra=VERBATIM)
    ] = 1
    description: Annotated[
        str, Meta(description="What the kind does, for people.", max_length=4000, extra=VERBATIM)
    ] = ""
    deprecated: Annotated[
        str,
        Meta(
            description="Why it should not be called any more, and what instead: a warning at "
            "each call.",
            min_length=1,
            examples=["load_table@2 checks the rows as well"],
            extra=VERBATIM,
        ),
    ] = ""
    params: Annotated[
        dict[str, Any],
        Meta(
            description="What a call says in its `with`: a default value, or JSON Schema; one "
            "without a `default` must be given. Read as `${params.name}`.",
            max_length=500,
            examples=[{"table": {"type": "string"}, "mode": "replace"}],
            extra=VERBATIM,
        ),
    ] = msgspec.field(default_factory=dict)
    defaults: Annotated[Settings, Meta(description="Settings for every task.")] = Settings()
    tasks: Annotated[
        list[WrittenTask], Meta(description="The steps.", min_length=1, extra=VERBATIM)
    ]
    outputs: Annotated[
        dict[str, str],
        Meta(
            description="What steps behind a call may read of it, each the output of one step: "
            "`{{ tasks.<id>.outputs.<name> }}`.",
            examples=[{"rows": "{{ tasks.count.output }}"}],
            extra=VERBATIM,
        ),
    ] = msgspec.field(default_factory=dict)


class DefaultsFile(Common, frozen=True, kw_only=True):
    """`_defaults.yaml`: what all pipelines of this folder and below start from."""

    version: Annotated[
        Literal[1], Meta(description="Version of this grammar: `1`.", extra=VERBATIM)
    ] = 1
    vars: Annotated[dict[str, Any], Meta(description="Values for `${vars.name}`.")] = msgspec.field(
        default_factory=dict
    )
    defaults: Annotated[Settings, Meta(description="Settings for every task.")] = Settings()
    kinds: Annotated[Kinds, Meta()] = msgspec.field(default_factory=dict)


class Override(Common, frozen=True, kw_only=True):
    """Keys that win over those of every pipeline."""

    defaults: Annotated[Settings, Meta(description="Settings for every task.")] = Settings()
    kinds: Annotated[Kinds, Meta()] = msgspec.field(default_factory=dict)


class EnvironmentFile(Strict, frozen=True, kw_only=True):
    """`environments/<name>.yaml`: what differs where `FACTORY_ENV` is that name."""

    version: Annotated[
        Literal[1], Meta(description="Version of this grammar: `1`.", extra=VERBATIM)
    ] = 1
    vars: Annotated[dict[str, Any], Meta(description="Values for `${vars.name}`.")] = msgspec.field(
        default_factory=dict
    )
    override: Annotated[
        Override | UnsetType, Meta(description="Keys that win over those of every pipeline.")
    ] = UNSET


SETTINGS = frozenset(Settings.__struct_fields__)

DURATIONS = frozenset({"retry_delay", "max_retry_delay", "execution_timeout"})
"""Settings whose texts are durations, also in an operator's own arguments."""
BOUNDED: dict[str, Any] = {
    "executor": Executor,
    "max_active_tis_per_dag": Positive,
    "max_active_tis_per_dagrun": Positive,
    "owner": Owner,
    "pool": Word,
    "pool_slots": Positive,
    "priority_weight": Weight,
    "queue": Word,
    "retries": Retries,
    "task_display_name": Annotated[str, Meta(max_length=2000)],
}
"""Arguments of every operator whose values Airflow keeps in bounded columns."""
