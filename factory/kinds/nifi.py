"""Drive a process group of Apache NiFi."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factory.diagnostics import quoted
from factory.errors import BuildError
from factory.fields import ConnId, Duration, Strict, connects, seconds
from factory.kinds import http
from factory.literals import is_template
from factory.plan.bracket import bracket
from factory.plan.kind import Fragment, Step, done, task
from factory.plan.model import Driven, Group
from factory.problem import Problem
from factory.spec.patterns import Refused, degree

OPERATORS = "factory.in_airflow.operators.nifi"

Text = Annotated[str, Meta(min_length=1)]
Names = Annotated[list[Text], Meta(min_length=1)]
Polls = Annotated[int, Meta(ge=1, le=1000)]
Number = Annotated[int, Meta(ge=0)]
NOT_FOR_EACH = "copies would drive the same flows at the same time"


class Continuous(Strict, frozen=True, kw_only=True, tag="continuous", tag_field="type"):
    """The sources run as they are scheduled in NiFi, and come to rest by themselves."""


class RunOnce(Strict, frozen=True, kw_only=True, tag="run_once", tag_field="type"):
    """The sources are triggered one time each, after the rest of the group has started."""

    processors: Annotated[
        Names, Meta(description="The source processors, by name or id.", examples=[["QueryOrders"]])
    ]


class Drain(Strict, frozen=True, kw_only=True, tag="drain", tag_field="type"):
    """The sources never end: they are stopped, and what they have sent is worked off."""

    processors: Annotated[
        Names, Meta(description="The source processors, by name or id.", examples=[["ListenHTTP"]])
    ]
    after: Annotated[
        Duration,
        Meta(description="How long they run after the first activity.", examples=["5m"]),
    ] = "0s"


class Handed(http.Request, frozen=True, kw_only=True):
    """The request that hands work to the flow: it answers when it has it in its queue.

    As `ListenHTTP` does, and `HandleHttpRequest` with a `HandleHttpResponse` right behind it.
    """

    method: Annotated[
        Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], Meta(description="HTTP method.")
    ] = "POST"


class AlwaysOn(Strict, frozen=True, kw_only=True, tag="always_on", tag_field="type"):
    """The group runs all the time: it is neither started nor stopped, but handed work.

    The step waits until nothing is left in the group that is as old as what was handed over. What
    comes later, from whomever, is not waited for.
    """

    request: Annotated[
        Handed | None,
        Meta(
            description="Hands work to the flow, with a header `Airflow-Run` that is the run's "
            "own. Without it the step waits for what is in the group when it begins.",
            examples=[
                {
                    "conn_id": "orders_flow",
                    "endpoint": "/orders",
                    "body": {"day": "{{ interval.day }}"},
                }
            ],
        ),
    ] = None


class Wait(Strict, frozen=True, kw_only=True):
    """When the flow is done, and how long to wait for it."""

    poll_interval: Annotated[
        Duration, Meta(description="How long to wait between two looks.", examples=["10s"])
    ] = "10s"
    idle_polls: Annotated[
        Polls,
        Meta(
            description="The flow is done when it has been at work, and at so many looks in a row "
            "nothing was queued and nothing ran."
        ),
    ] = 3
    start_timeout: Annotated[
        Duration, Meta(description="How long it may take until all components run.")
    ] = "60s"
    grace: Annotated[
        Duration, Meta(description="How long to wait for the first activity.", examples=["2m"])
    ] = "2m"
    no_activity: Annotated[
        Literal["fail", "succeed"],
        Meta(description="What it means when nothing came in that time."),
    ] = "fail"
    stall_timeout: Annotated[
        Duration,
        Meta(description="Fail when flow files have not moved for so long and nothing ran."),
    ] = "10m"
    timeout: Annotated[
        Duration, Meta(description="How long to wait for the flow, at most.", examples=["6h"])
    ] = "6h"
    unreachable_timeout: Annotated[
        Duration, Meta(description="How long NiFi may not answer during the wait.")
    ] = "5m"


class Bulletins(Strict, frozen=True, kw_only=True):
    """What new entries of NiFi's bulletin board mean."""

    action: Annotated[
        Literal["fail", "warn", "ignore"] | None,
        Meta(
            description="Fail the run at once, or tell of them in the log, or neither. Default: "
            "`fail`, and `warn` for a group that is always on, where they may be of others' work."
        ),
    ] = None
    level: Annotated[
        Literal["INFO", "WARNING", "ERROR"],
        Meta(description="Only those of this level or worse count."),
    ] = "ERROR"
    pattern: Annotated[
        str,
        Meta(
            description="Only those whose message matches this regular expression somewhere count.",
            examples=["(?i)timed? ?out"],
        ),
    ] = ""


class Expect(Strict, frozen=True, kw_only=True):
    """What must have left the group when it is done: an empty queue is not a delivery."""

    min_flow_files_out: Annotated[
        Number, Meta(description="Flow files sent out of NiFi, or through an output port.")
    ] = 0
    min_bytes_out: Annotated[
        Number, Meta(description="Bytes sent out of NiFi, or through an output port.")
    ] = 0


class Arguments(Strict, frozen=True, kw_only=True):
    """Start a process group of Apache NiFi, wait until its work is done, and stop it.

    Airflow decides what runs and when, NiFi moves the data. The group must be stopped before; it is
    stopped again whatever happens, and two runs never drive one group together. A group that runs
    all the time is handed work instead (`source: {type: always_on}`). The events of the assets that
    the step `updates` have the run's numbers: `flow_files_out`, `bytes_out`, `verdict`, and others.
    """

    conn_id: Annotated[
        ConnId,
        connects("nifi"),
        Meta(description="Airflow connection of the type `nifi`.", examples=["nifi"]),
    ]
    group: Annotated[
        Text,
        Meta(
            description="The process group: its path of names from the root, or its id. Jinja "
            "templates are filled in.",
            examples=["Lake/Orders"],
        ),
    ]
    parameters: Annotated[
        dict[str, str | int | float | bool],
        Meta(
            description="Values for parameters of the group's parameter context, set before the "
            "start. Jinja templates are filled in. Secrets stay in NiFi.",
            examples=[{"day": "{{ interval.day }}"}],
        ),
    ] = msgspec.field(default_factory=dict)
    restore_parameters: Annotated[
        bool,
        Meta(
            description="Give the parameters their old values after the run. Sensitive ones keep "
            "the new: NiFi does not tell the old."
        ),
    ] = False
    queue_before: Annotated[
        Literal["fail", "drop", "accept"],
        Meta(
            description="What to do with flow files of an earlier run: refuse to start, throw them "
            "away, or work them off."
        ),
    ] = "fail"
    services: Annotated[
        Literal["enable", "leave"],
        Meta(description="Whether to enable the group's controller services."),
    ] = "enable"
    source: Annotated[
        Continuous | RunOnce | Drain | AlwaysOn,
        Meta(
            description="How the flow's sources come to an end, or what feeds a flow without end."
        ),
    ] = Continuous()
    wait: Annotated[Wait, Meta(description="When the flow is done.")] = Wait()
    bulletins: Annotated[
        Bulletins, Meta(description="What errors that NiFi reports mean for the run.")
    ] = Bulletins()
    failure_connections: Annotated[
        list[Text],
        Meta(
            description="Connections that must be empty at the end: `processor/name`, a name, or "
            "an id.",
            examples=[["PutS3/failure"]],
        ),
    ] = msgspec.field(default_factory=list)
    expect: Annotated[Expect, Meta(description="What must have been delivered.")] = Expect()
    stop: Annotated[
        Literal["always", "on_failure", "never"],
        Meta(
            description="Whether the group is stopped at the end. One that was left running must "
            "be stopped by a person before the next run."
        ),
    ] = "always"


def compile(step: Step) -> Fragment:
    """A bracket: `preflight` and `start`, `wait`, `stop`; `done` fails when the wait does."""
    given: Arguments = step.arguments
    if not seconds(given.wait.poll_interval):
        at = ("with", "wait", "poll_interval")
        raise BuildError(step.id, at, "NiFi would be asked without a pause", "write such as 10s")
    common = {"conn_id": given.conn_id}
    driven = {**common, "job": _job(given)}
    if isinstance(given.source, AlwaysOn):
        return _always_on(step, given, given.source, driven)
    waited = {**common, "rules": _rules(given), "stop": given.stop}
    stopped = {**common, "stop": given.stop, "restore": given.restore_parameters}
    fragment = bracket(
        step,
        set_up=(
            task(step, "preflight", f"{OPERATORS}.preflight.Preflight", driven),
            task(step, "start", f"{OPERATORS}.start.Start", driven),
        ),
        work=(task(step, "wait", f"{OPERATORS}.wait.Wait", waited),),
        tear_down=task(step, "stop", f"{OPERATORS}.stop.Stop", stopped),
        done=done(step),
        last="done",
        tooltip=f"NiFi {given.group}",
    )
    return msgspec.structs.replace(fragment, drives=_driven(given), updating=f"{step.id}.wait")


def _always_on(step: Step, given: Arguments, source: AlwaysOn, driven: dict[str, Any]) -> Fragment:
    """`preflight`, `start` hands over, `wait`: nothing is begun that must be ended."""
    common = {"conn_id": given.conn_id}
    request = http.request(source.request) if source.request else None
    waited = {**common, "rules": _rules(given), "stop": "never"}
    chain = (
        task(step, "preflight", f"{OPERATORS}.preflight.Preflight", driven),
        task(step, "start", f"{OPERATORS}.hand_over.HandOver", {**common, "request": request}),
        task(step, "wait", f"{OPERATORS}.wait.Wait", waited),
    )
    return Fragment(
        tasks=chain,
        first=(chain[0].id,),
        last=(chain[-1].id,),
        edges=tuple((before.id, after.id) for before, after in itertools.pairwise(chain)),
        group=Group(step.id, f"NiFi {given.group}"),
    )


def _driven(given: Arguments) -> tuple[Driven, ...]:
    """The group, unless it is known at run time only: NiFi takes one run of it at a time."""
    if is_template(given.conn_id) or is_template(given.group):
        return ()
    path = tuple(part.strip() for part in given.group.strip("/").split("/", _MAX_DEPTH))
    return (Driven(given.conn_id, path, ("group",)),)


_MAX_DEPTH = 100


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """A path or a pattern that is none, and times that do not fit each other."""
    given: Arguments = step.arguments
    yield from _group(given.group)
    if isinstance(given.source, AlwaysOn):
        yield from _unfit(given, given.source)
    for name in given.parameters:
        if not name.strip():
            message = "a parameter without a name"
            yield Problem(("parameters", name), "format", message, "its name in NiFi", at_key=True)
    try:
        re.compile(given.bulletins.pattern)
        degree(given.bulletins.pattern)
    except (re.error, Refused) as error:
        what = "no regular expression" if isinstance(error, re.error) else "not taken"
        yield Problem(
            ("bulletins", "pattern"),
            "format",
            f"this is {what}: {error}",
            expected="a regular expression, such as (?i)timeout",
        )
    longest = seconds(given.wait.timeout)
    least = {"idle_polls": given.wait.idle_polls * seconds(given.wait.poll_interval)}
    if not isinstance(given.source, AlwaysOn):
        least["grace"] = seconds(given.wait.grace)
    for name, needed in least.items():
        if needed >= longest:
            yield Problem(
                ("wait", name),
                "out-of-bounds",
                f"{name} takes {needed:g} s, and the wait ends after {given.wait.timeout}",
                expected=f"less than {given.wait.timeout}, or a longer `timeout`",
            )


def _unfit(given: Arguments, source: AlwaysOn) -> Iterator[Problem]:
    """Options of a group that is started and stopped; and a request that cannot be sent."""
    plain = ("parameters", "restore_parameters", "queue_before", "services", "expect", "stop")
    places = [(name,) for name in plain] + [("wait", "grace"), ("wait", "no_activity")]
    for place in places:
        value: Any = given
        default: Any = Arguments(conn_id=given.conn_id, group=given.group)
        for name in place:
            value, default = getattr(value, name), getattr(default, name)
        if value != default:
            message = f"`{place[-1]}` means nothing for a group that is always on"
            hint = "others work with it, too: it is neither set up, started nor stopped"
            yield Problem(place, "bad-value", message, hint=hint, at_key=True)
    if source.request:
        yield from http.problems(source.request, ("source", "request"))


def _group(path: str) -> Iterator[Problem]:
    """A path with a group in it that has no name; a slash in a name is written twice."""
    names = path.replace("//", "\0").strip("/").split("/")
    if not is_template(path) and not all(name.strip() for name in names):
        message = f"{quoted(path)} is no path of a process group"
        yield Problem(("group",), "format", message, "names such as Lake/Orders")


def _job(given: Arguments) -> dict[str, Any]:
    """What `factory.nifi.job.Job` takes."""
    source = given.source
    return {
        "group": given.group,
        "parameters": {name: _text(value) for name, value in given.parameters.items()},
        "queue_before": given.queue_before,
        "services": given.services,
        "source": "none" if isinstance(source, Continuous) else source.__struct_config__.tag,
        "sources": list(source.processors) if isinstance(source, RunOnce | Drain) else [],
        "failure_connections": list(given.failure_connections),
    }


def _rules(given: Arguments) -> dict[str, Any]:
    """What `factory.nifi.wait.Rules` takes."""
    times = ("poll_interval", "start_timeout", "grace", "stall_timeout", "timeout")
    rules = {name: seconds(getattr(given.wait, name)) for name in times}
    return {
        **rules,
        "unreachable_timeout": seconds(given.wait.unreachable_timeout),
        "idle_polls": given.wait.idle_polls,
        "no_activity": given.wait.no_activity,
        "bulletins": given.bulletins.action
        or ("warn" if isinstance(given.source, AlwaysOn) else "fail"),
        "bulletin_level": given.bulletins.level,
        "bulletin_pattern": given.bulletins.pattern,
        "source_time": seconds(given.source.after) if isinstance(given.source, Drain) else 0.0,
        **msgspec.to_builtins(given.expect),
    }


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
