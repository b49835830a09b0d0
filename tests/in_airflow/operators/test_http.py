"""The `http` kind, from YAML through a real Airflow to a real web server."""

import json
import socket

import pytest

from tests.web import Web

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
