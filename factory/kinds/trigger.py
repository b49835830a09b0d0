"""Start another pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factory import literals
from factory.fields import DagId, Duration, Strict, seconds
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem

OPERATOR = "factory.in_airflow.operators.trigger.TriggerPipeline"


class Arguments(Strict, frozen=True, kw_only=True):
    """Start one run of another pipeline.

    The run is named after this task and its run, so that a retried or repeated task does not start
    a second one: it goes on with the run that it has started, and repeats it only when it failed
    and is waited for.
    """

    pipeline: Annotated[
        DagId,
        Meta(
            description="The other pipeline's name (`dag_id`).",
            examples=["orders_export"],
            min_length=1,
        ),
    ]
    conf: Annotated[
        dict[str, Any],
        Meta(
            description="Values for the other run: its `params` of the same names. Jinja templates "
            "are filled in.",
            examples=[{"day": "{{ interval.day }}"}],
        ),
    ] = msgspec.field(default_factory=dict)
    logical_date: Annotated[
        str | None,
        Meta(
            description="The other run's logical date. A pipeline has at most one run for each. "
            "Default: now. Jinja templates are filled in.",
            examples=["{{ logical_date }}"],
        ),
    ] = None
    wait: Annotated[
        bool,
        Meta(
            description="Wait for the run's end, without holding a worker, and fail when it fails. "
            "The other pipeline's `dagrun_timeout` limits it. A paused pipeline is an error; "
            "before Airflow 3.2 it is waited for without end."
        ),
    ] = False
    poll_interval: Annotated[
        Duration, Meta(description="How long to wait between two looks.", examples=["60s"])
    ] = "60s"


def compile(step: Step) -> Fragment:
    """One TriggerPipeline."""
    given: Arguments = step.arguments
    arguments = {
        "pipeline": given.pipeline,
        "conf": given.conf,
        "logical_date": given.logical_date,
        "wait": given.wait,
        "poll_interval": seconds(given.poll_interval),
    }
    return single(step, OPERATOR, {**arguments, "do_xcom_push": False})


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """A date that is none, looks without a pause."""
    given: Arguments = step.arguments
    yield from literals.moments({"logical_date": given.logical_date}, ())
    yield from literals.pause(seconds(given.poll_interval), ("poll_interval",))
