"""Call an HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factory import literals
from factory.diagnostics import Path as Place
from factory.fields import ConnId, Duration, Strict, connects, seconds
from factory.plan.kind import Fragment, Step, single
from factory.problem import Problem

OPERATOR = "factory.in_airflow.operators.http.CallHttp"
OUTPUT = "with `output: json` or `text`, the answer"

Status = Annotated[int, Meta(ge=100, le=599)]
Text = Annotated[str, Meta(min_length=1)]


class Expect(Strict, frozen=True, kw_only=True):
    """What the answer must be; all of it must hold."""

    status: Annotated[
        Annotated[list[Status], Meta(min_length=1)] | None,
        Meta(description="Good status codes. Default: 200 to 299.", examples=[[200, 404]]),
    ] = None
    json: Annotated[
        dict[str, Any],
        Meta(
            description="Values in a JSON answer, by dotted path.",
            examples=[{"state": "done", "items.0.id": 5}],
        ),
    ] = msgspec.field(default_factory=dict)
    contains: Annotated[Text | None, Meta(description="A text that the answer contains.")] = None


class Request(Strict, frozen=True, kw_only=True):
    """A request through an HTTP connection, and the answer that is expected."""

    conn_id: Annotated[
        ConnId,
        connects("http"),
        Meta(
            description="Airflow HTTP connection: the address, credentials and headers.",
            examples=["billing_api"],
        ),
    ]
    endpoint: Annotated[
        str,
        Meta(
            description="Added to the connection's address; Jinja templates are filled in.",
            examples=["/v1/invoices/{{ interval.day }}"],
        ),
    ] = ""
    method: Annotated[
        Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], Meta(description="HTTP method.")
    ] = "GET"
    headers: Annotated[dict[str, str], Meta(description="Headers, on top of the connection's.")] = (
        msgspec.field(default_factory=dict)
    )
    params: Annotated[
        dict[str, Any],
        Meta(
            description="Query parameters.", examples=[{"day": "{{ interval.day }}", "limit": 100}]
        ),
    ] = msgspec.field(default_factory=dict)
    body: Annotated[
        str | dict[str, Any] | list[Any] | None,
        Meta(
            description="A mapping or a list is sent as JSON, text as it is.",
            examples=[{"day": "{{ interval.day }}"}],
        ),
    ] = None
    expect: Annotated[Expect, Meta(description="What the answer must be.")] = Expect()
    timeout: Annotated[
        Duration, Meta(description="How long to wait to be connected, and for each answer.")
    ] = "30s"


class Arguments(Request, frozen=True, kw_only=True):
    """Call an HTTP API and check its answer; one that is not expected fails the task.

    The call is repeated by Airflow's `retries` only.
    """

    output: Annotated[
        Literal["none", "text", "json"],
        Meta(description="Hand the answer to later tasks (XCom), as text or as parsed JSON."),
    ] = "none"


def compile(step: Step) -> Fragment:
    """One CallHttp."""
    given: Arguments = step.arguments
    arguments = {"request": request(given), "returns": given.output}
    return single(step, OPERATOR, {**arguments, "do_xcom_push": given.output != "none"})


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """What cannot be sent."""
    yield from problems(step.arguments, ())


def problems(given: Request, place: Place) -> Iterator[Problem]:
    """An address, headers and a time-out that cannot be; `place` is the request's path."""
    yield from literals.below(given.endpoint, (*place, "endpoint"))
    yield from literals.headers(given.headers, (*place, "headers"))
    if not seconds(given.timeout):
        message = "no server answers in no time"
        yield Problem((*place, "timeout"), "out-of-bounds", message, "more than nothing")


def request(given: Request) -> dict[str, Any]:
    """What `factory.in_airflow.http.send` and `unmet` take."""
    plain = {name: getattr(given, name) for name in _PLAIN}
    expect = {name: value for name, value in msgspec.to_builtins(given.expect).items() if value}
    return {**plain, "timeout": seconds(given.timeout), "expect": expect}


_PLAIN = ("conn_id", "endpoint", "method", "headers", "params", "body")
