"""The `http` kind, from YAML through a real Airflow to a real web server."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.web import Asked, Web, serving

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
tasks: [{{id: call, uses: http, with: {{conn_id: api, {more}}}}}]
"""


@pytest.fixture(autouse=True)
def connection(pipelines: Pipelines, web: Web) -> None:
    pipelines.connect(
        "api",
        conn_type="http",
        host=f"http://127.0.0.1:{web.port}",
        login="robot",
        password="hidden-password",
        extra={"X-Team": "trips"},
    )


def call(pipelines: Pipelines, more: str) -> Run:
    pipelines.write("api.yaml", SPEC.format(more=more))
    return pipelines.run("api")


def test_a_request_has_all_that_the_spec_says(pipelines: Pipelines, web: Web) -> None:
    run = call(
        pipelines,
        "endpoint: '/v1/days/{{ ds }}', method: POST, headers: {X-Day: '{{ ds }}'}, "
        "params: {limit: 5, day: '{{ ds_nodash }}'}, body: {n: 1, day: '{{ ds }}', many: [1, x]}",
    )
    assert run.state == "success"
    (asked,) = web.asked
    assert (asked.method, asked.path) == ("POST", "/v1/days/2024-01-02?limit=5&day=20240102")
    assert asked.json() == {"n": 1, "day": "2024-01-02", "many": [1, "x"]}
    assert asked.headers["X-Day"] == "2024-01-02"
    assert asked.headers["X-Team"] == "trips"
    assert asked.headers["Authorization"].startswith("Basic ")
    assert run.xcom("call") is None


def test_text_is_sent_as_it_is(pipelines: Pipelines, web: Web) -> None:
    call(pipelines, "method: PUT, body: 'día {{ ds }}', headers: {Content-Type: text/plain}")
    (asked,) = web.asked
    assert asked.body == "día 2024-01-02".encode()
    assert asked.headers["Content-Type"] == "text/plain"


def test_the_answer_is_handed_on_when_asked(pipelines: Pipelines, web: Web) -> None:
    web.answers = [(200, json.dumps({"a": [1, "ü"]}).encode())]
    assert call(pipelines, "output: json").xcom("call") == {"a": [1, "ü"]}
    assert call(pipelines, "output: text").xcom("call") == '{"a": [1, "\\u00fc"]}'


ANSWER = {"state": "done", "items": [{"id": 5, "ok": True}], "n": 3}


@pytest.mark.parametrize(
    "expect",
    [
        "{status: [200]}",
        "{contains: done}",
        "{json: {state: done, items.0.id: 5, items.0.ok: true}}",
        "{json: {n: '{{ 1 + 2 }}'}}",
    ],
)
def test_an_expected_answer(pipelines: Pipelines, web: Web, expect: str) -> None:
    web.answers = [(200, json.dumps(ANSWER).encode())]
    assert call(pipelines, f"expect: {expect}").state == "success"


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{status: [201, 204]}", "(expected 201 or 204)"),
        ("{contains: failed}", "(expected it to contain 'failed')"),
        ("{json: {state: running}}", '(expected state to be "running", found "done")'),
        ("{json: {stat: done}}", "(expected stat: there is no 'stat', did you mean 'state'?)"),
        ("{json: {items.3.id: 5}}", "(expected items.3.id: there is no '3')"),
        ("{json: {items.0.ok: 1}}", "(expected items.0.ok to be 1, found true)"),
    ],
)
def test_an_unexpected_answer_fails_and_says_why(
    pipelines: Pipelines, web: Web, expect: str, message: str
) -> None:
    web.answers = [(200, json.dumps(ANSWER).encode())]
    run = call(pipelines, f"endpoint: '/x?token=hidden-token', expect: {expect}")
    assert run.state == "failed"
    assert f"GET http://127.0.0.1:{web.port}/x answered 200" in run.log
    assert message in run.log
    assert "hidden" not in run.log


def test_an_error_is_shown_with_the_start_of_the_answer(pipelines: Pipelines, web: Web) -> None:
    web.answers = [(503, b"out of order" + b"x" * 1000 + b"THE END")]
    run = call(pipelines, "endpoint: /x")
    assert run.state == "failed"
    assert f"GET http://127.0.0.1:{web.port}/x answered 503: out of order" in run.log
    assert "THE END" not in run.log
    assert len(web.asked) == 1


def test_no_answer_is_an_error_without_the_query(pipelines: Pipelines) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    pipelines.connect("api", conn_type="http", host=f"http://u:hidden@127.0.0.1:{port}")
    run = call(pipelines, "endpoint: '/x', params: {token: hidden}")
    assert run.state == "failed"
    expected = f"GET http://127.0.0.1:{port}/x got no answer: ConnectionError (Connection refused)"
    assert expected in run.log
    assert "hidden" not in run.log


def test_a_server_that_says_nothing_is_left(pipelines: Pipelines) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pipelines.connect("api", conn_type="http", host="127.0.0.1", port=silent.getsockname()[1])
        run = call(pipelines, "timeout: 0.2s")
    assert run.state == "failed"
    assert "got no answer: ReadTimeout" in run.log


def test_an_endless_answer_is_not_kept(
    pipelines: Pipelines, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.in_airflow.http.MAX_BYTES", 1000)
    web.answers = [(200, b"x" * 1001)]
    run = call(pipelines, "endpoint: /x")
    assert run.state == "failed"
    assert "is larger than 1000 bytes" in run.log


@pytest.fixture
def other_web() -> Iterator[Web]:
    with serving() as other:
        yield other


def moved(web: Web, to: str, status: int = 302) -> None:
    """The first answer of a server is a redirect, the second is good."""

    def answer(asked: Asked) -> None:
        web.headers = {} if len(web.asked) else {"Location": to}

    web.before = answer
    web.answers = [(status, b""), (200, b"")]


CREDENTIALS = {"Authorization", "X-Team", "X-Own"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_server_gets_no_credentials(
    pipelines: Pipelines, web: Web, other_web: Web, host: str
) -> None:
    moved(web, f"http://{host}:{other_web.port}/there?signature=hidden-signature")
    run = call(pipelines, "endpoint: /x, headers: {X-Own: hidden}, params: {token: hidden}")
    assert run.state == "success"
    assert {*web.asked[0].headers} >= CREDENTIALS
    (asked,) = other_web.asked
    assert asked.path == "/there?signature=hidden-signature"
    assert not CREDENTIALS & {*asked.headers}
    assert "hidden" not in run.log


def test_a_wait_gives_another_server_no_credentials(
    pipelines: Pipelines, web: Web, other_web: Web
) -> None:
    moved(web, f"http://127.0.0.1:{other_web.port}/there")
    pipelines.write(
        "api.yaml",
        "version: 1\ntasks: [{id: look, uses: wait, with: {for: {type: http, conn_id: api}}}]\n",
    )
    assert pipelines.run("api").state == "success"
    assert not CREDENTIALS & {*other_web.asked[0].headers}


@pytest.mark.parametrize("status", [301, 302, 303])
def test_an_alert_gives_another_server_neither_credentials_nor_its_text(
    pipelines: Pipelines, web: Web, other_web: Web, status: int
) -> None:
    moved(web, f"http://127.0.0.1:{other_web.port}/there", status)
    alert = "alerts: {on_success: [{type: webhook, conn_id: api}]}\n"
    pipelines.write("api.yaml", f"version: 1\n{alert}tasks: [{{id: a, run: 'true'}}]\n")
    assert pipelines.run("api").state == "success"
    (asked,) = other_web.asked
    assert (asked.method, asked.body) == ("GET", b"")
    assert not CREDENTIALS & {*asked.headers}


@pytest.mark.parametrize("status", [307, 308])
def test_what_is_sent_stays_with_the_server_that_it_is_for(
    pipelines: Pipelines, web: Web, other_web: Web, status: int
) -> None:
    moved(web, f"http://127.0.0.1:{other_web.port}/there?x=hidden", status)
    run = call(pipelines, "endpoint: /x, method: POST, body: {a: 1}")
    assert run.state == "failed"
    assert "redirects to another server" in run.log
    assert other_web.asked == []
    assert "hidden" not in run.log


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_a_redirect_is_followed_as_browsers_do(
    pipelines: Pipelines, web: Web, status: int, method: str, then: str
) -> None:
    moved(web, "/there", status)
    body = "" if method == "HEAD" else ", body: {a: 1}"
    assert call(pipelines, f"endpoint: /x, method: {method}{body}").state == "success"
    first, second = web.asked
    assert (first.method, second.method, second.path) == (method, then, "/there")
    assert CREDENTIALS - {"X-Own"} <= {*second.headers}
    kept = status in (307, 308)
    assert bool(second.body) is kept
    assert ("Content-Type" in second.headers) is kept


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("ftp://127.0.0.1/x?signature=hidden", "/x redirects to ftp:, which is not HTTP"),
        ("s3://bucket/x?signature=hidden", "/x redirects to s3:, which is not HTTP"),
        ("http://[?signature=hidden", "fails: "),
        ("http://127.0.0.1:hidden/x", "fails: "),
    ],
)
def test_a_redirect_to_nowhere_shows_no_signature(
    pipelines: Pipelines, web: Web, to: str, message: str
) -> None:
    moved(web, to)
    run = call(pipelines, "endpoint: /x")
    assert run.state == "failed"
    assert message in run.log
    assert "hidden" not in run.log


def test_a_connection_may_forbid_redirects(pipelines: Pipelines, web: Web) -> None:
    host = f"http://127.0.0.1:{web.port}"
    pipelines.connect("api", conn_type="http", host=host, extra={"allow_redirects": False})
    moved(web, "/there")
    assert call(pipelines, "expect: {status: [302]}").state == "success"
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("hidden\n", "holds a line break. An Airflow Variable often ends in a line break"),
        ("hid\r\nden: x", "holds a line break"),
        ("hidden\u20ac", "holds a character that no header can hold"),
    ],
)
def test_a_header_that_cannot_be_sent_is_named_and_not_shown(
    pipelines: Pipelines, web: Web, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_WORD", value)
    run = call(pipelines, "headers: {Authorization: 'Bearer {{ var.value.word }}'}")
    assert run.state == "failed"
    assert f"the header 'Authorization' {message}" in run.log
    assert web.asked == []
    assert "hid" not in run.log


def test_an_answer_that_repeats_a_secret_does_not_show_it(pipelines: Pipelines, web: Web) -> None:
    def repeat(asked: Asked) -> None:
        web.answers = [(200, json.dumps({"state": dict(asked.headers)}).encode())]

    web.before = repeat
    run = call(
        pipelines, "headers: {X-Api-Key: hidden-key}, expect: {json: {state: done}}, output: none"
    )
    assert run.state == "failed"
    assert "expected state to be" in run.log
    assert "hidden" not in run.log
