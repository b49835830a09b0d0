"""One HTTP request through an Airflow connection, and what is expected of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from factory.diagnostics import did_you_mean, one_of
from factory.in_airflow.hiding import hide_connection, hide_named, hide_query, redacted
from factory.transfer.address import shown

if TYPE_CHECKING:
    import requests

    from factory.transfer.http import Request

MAX_BYTES = 16 * 2**20
"""A longer answer is an error: an answer is for checks and XCom, data comes by `ingest`."""
SHOWN = 500


class NoAnswer(AirflowException):
    """The server was not reached, or did not answer in time."""


@dataclass(frozen=True)
class Answer:
    """An answer. `asked` is the request without credentials and query."""

    asked: str
    status: int
    text: str

    def __str__(self) -> str:
        # before it is cut: a part of a secret is not known to be one
        start = redacted(self.text[: 2 * SHOWN])[:SHOWN].strip()
        return f"{self.asked} answered {self.status}: {start or 'nothing'}"


def send(
    *,
    conn_id: str,
    method: str = "GET",
    endpoint: str = "",
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    body: Any = None,
    timeout: float = 30.0,
    expect: object = None,
) -> Answer:
    """Send one request; redirects are followed, to another server without credentials.

    `expect` is for `unmet`. No message holds what is secret in the request.

    :raises NoAnswer: the server was not reached.
    :raises AirflowException: the request cannot be sent, or is redirected to where it must not go.
    """
    from airflow.providers.http.hooks.http import HttpHook

    from factory.transfer import http

    hook = HttpHook(method=method, http_conn_id=conn_id)
    hide_connection(hook.get_connection(conn_id))
    with hook.get_conn(dict(headers or {}), {"timeout": timeout, "stream": True}) as session:
        url = hook.url_from_endpoint(endpoint)
        hide_named(session.headers)
        hide_named(params or {})
        hide_query(url)
        request = http.Request(method, url, params=params or {}, timeout=timeout, **_payload(body))
        follow = hook.merged_extra.get("allow_redirects") is not False
        return _answer(session, request, follow=follow)


def _answer(session: requests.Session, request: Request, *, follow: bool) -> Answer:
    from factory.transfer import http
    from factory.transfer.errors import TransferError

    asked = f"{request.method} {shown(request.url)}"
    failure: AirflowException
    with ExitStack() as stack:
        try:
            response = http.answer_to(stack, session, request, follow=follow)
            return Answer(asked, response.status_code, _text(response, asked))
        except http.Broken as error:
            why = f": its certificate is not trusted: {error.untrusted}" if error.untrusted else ""
            failure = NoAnswer(f"{asked} got no answer: {error.cause}{why}")
        except TransferError as error:
            failure = AirflowException(f"{asked} fails: {error}")
    # outside of the handler, so that Airflow's log shows one error
    raise failure


def unmet(answer: Answer, expect: Mapping[str, Any]) -> str:
    """Why an answer is not what is expected; empty when it is. A server may repeat what is sent."""
    return redacted(_unmet(answer, expect))


def _unmet(answer: Answer, expect: Mapping[str, Any]) -> str:
    statuses: Sequence[int] | None = expect.get("status")
    if statuses is None and not 200 <= answer.status < 300:
        return f"{answer} (expected 200 to 299)"
    if statuses is not None and answer.status not in statuses:
        return f"{answer} (expected {_either(statuses)})"
    if expect.get("contains") and expect["contains"] not in answer.text:
        return f"{answer} (expected it to contain {expect['contains']!r})"
    if expect.get("json"):
        return _unmet_json(answer, expect["json"])
    return ""


def parsed(answer: Answer) -> Any:
    """The answer as JSON.

    :raises AirflowException: it is none.
    """
    try:
        return json.loads(answer.text)
    except ValueError as error:
        raise AirflowException(f"{answer} (expected JSON: {error})") from None


def _unmet_json(answer: Answer, expected: Mapping[str, Any]) -> str:
    try:
        value = json.loads(answer.text)
    except ValueError:
        return f"{answer} (expected JSON)"
    for path, wanted in expected.items():
        problem = _unmet_value(value, path, wanted)
        if problem:
            return f"{answer} ({problem})"
    return ""


def _unmet_value(value: Any, path: str, wanted: Any) -> str:
    for name in path.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return f"expected {path}: there is no {name!r}{_instead(name, value)}"
    if _same(value, wanted):
        return ""
    return f"expected {path} to be {json.dumps(wanted)}, found {json.dumps(value)[:SHOWN]}"


def _instead(name: str, value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return ""
    near = did_you_mean(name, value)
    return f", {near}" if near else f", expected {one_of(list(value))}"


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and not isinstance(value, str):
        return json.dumps(value) == wanted  # a template gives text: "{{ params.count }}"
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _either(statuses: Iterable[int]) -> str:
    return " or ".join(map(str, statuses))


def _payload(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    return {"data": body.encode()} if isinstance(body, str) else {"json": body}


def _text(response: requests.Response, asked: str) -> str:
    from factory.transfer.http import blocks

    body = b""
    for block in blocks(response, decode=True):
        body += block
        if len(body) > MAX_BYTES:
            raise AirflowException(f"the answer to {asked} is larger than {MAX_BYTES} bytes")
    return body.decode(_encoding(response), errors="replace")


def _encoding(response: requests.Response) -> str:
    # without a charset, requests takes text for ISO-8859-1
    named = "charset" in response.headers.get("Content-Type", "")
    return (response.encoding if named else None) or "utf-8"
