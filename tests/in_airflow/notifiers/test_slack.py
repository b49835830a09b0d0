"""The `slack` alert of real runs, to a real web server that answers as Slack does."""

import socket
from typing import Any

import pytest

from factory.in_airflow.notifiers import slack
from factory_embedded.ports import free_port
from tests.web import Web

from ..pipelines import Pipelines, Run

SECRET = "T0SECRET/B0SECRET/XsecretX"
OK = (200, b"ok")
SPEC = """
version: 1
alerts: {{on_failure: [{alerts}]}}
tasks: [{{id: bad, run: "exit 1"}}]
"""
PLAIN = "{type: slack, conn_id: slack}"


@pytest.fixture(autouse=True)
def connections(pipelines: Pipelines, web: Web) -> None:
    web.answers = [OK]
    connect(pipelines, web.port)
    pipelines.connect("hook", conn_type="http", host=f"http://127.0.0.1:{web.port}")


def connect(pipelines: Pipelines, port: int, **more: Any) -> None:
    host = f"http://127.0.0.1:{port}/services"
    fields = {"conn_type": "slackwebhook", "host": host, "password": SECRET} | more
    pipelines.connect("slack", **fields)


def failed(pipelines: Pipelines, alerts: str = PLAIN) -> Run:
    """A run that fails; whatever becomes of its alerts, no secret is logged."""
    pipelines.write("trips.yaml", SPEC.format(alerts=alerts))
    run = pipelines.run("trips")
    assert run.state == "failed"
    for part in SECRET.split("/"):
        assert part not in run.log
    return run


def with_message(text: str) -> str:
    return f"{{type: slack, conn_id: slack, message: '{text}'}}"


def test_a_failure_is_told_with_a_link_to_its_log(pipelines: Pipelines, web: Web) -> None:
    run = failed(pipelines)
    (asked,) = web.asked
    assert (asked.method, asked.path) == ("POST", f"/services/{SECRET}")
    told = asked.json()
    assert told["unfurl_links"] is False
    assert "channel" not in told
    first, second, *why, link = told["text"].split("\n")
    assert (first, second) == (
        "trips failed at bad",
        f"Pipeline trips failed: run {run.run_id}. Failed: bad.",
    )
    assert why[1].startswith("dag_factory_configs/trips.yaml:")
    assert link.startswith("<https://airflow.example.org/dags/trips/runs/")
    assert link.endswith("/tasks/bad?try_number=1|Log of bad>")


def test_own_words_are_markup_and_what_is_filled_in_is_text(pipelines: Pipelines, web: Web) -> None:
    words = '<!here> *{{ ds }}* {{ "<!channel> & more" }}'
    failed(pipelines, with_message(words.replace("'", "''")))
    text = web.asked[0].json()["text"]
    assert text.startswith("<!here> *2024-01-02* &lt;!channel&gt; &amp; more\n<http")


def test_words_that_cannot_be_filled_in_do_not_lose_the_alert(
    pipelines: Pipelines, web: Web
) -> None:
    failed(pipelines, with_message("{{ nothing.at.all }}"))
    assert web.asked[0].json()["text"].startswith("trips failed at bad\nPipeline trips failed")


def test_a_long_message_is_cut_and_keeps_its_link(pipelines: Pipelines, web: Web) -> None:
    failed(pipelines, with_message('x{{ "&" * 10000 }}'))
    message, _, link = web.asked[0].json()["text"].partition("\n")
    assert set(message.split("&amp;")) == {"x", "", "…"}
    assert 2900 < len(message) <= 3000
    assert link.endswith("|Log of bad>")


def test_a_channel_is_passed_on(pipelines: Pipelines, web: Web) -> None:
    failed(pipelines, '{type: slack, conn_id: slack, channel: "#trips"}')
    assert web.asked[0].json()["channel"] == "#trips"


@pytest.mark.parametrize("answer", [(404, b"no_service"), (403, b"action_prohibited")])
def test_a_refusal_is_told_in_the_log(
    answer: tuple[int, bytes], pipelines: Pipelines, web: Web
) -> None:
    web.answers = [answer]
    run = failed(pipelines)
    assert answer[1].decode() in run.log
    assert f"Status Code: {answer[0]}" in run.log
    assert len(web.asked) == 1


@pytest.mark.parametrize("answer", [(500, b"rollup_error"), (503, b""), (429, b"rate_limited")])
def test_what_may_pass_is_tried_again_once(
    answer: tuple[int, bytes], pipelines: Pipelines, web: Web
) -> None:
    web.headers = {"Retry-After": "0"}
    web.answers = [answer, OK]
    run = failed(pipelines)
    assert len(web.asked) == 2
    assert "Status Code" not in run.log
    web.asked.clear()
    web.answers = [answer]
    run = failed(pipelines)
    assert len(web.asked) == 2
    assert f"Status Code: {answer[0]}" in run.log


@pytest.mark.parametrize("wait", ["3600", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"])
def test_a_wait_that_is_too_long_is_not_waited(wait: str, pipelines: Pipelines, web: Web) -> None:
    web.headers = {"Retry-After": wait}
    web.answers = [(429, b"rate_limited")]
    run = failed(pipelines)
    assert len(web.asked) == 1
    assert "Status Code: 429" in run.log


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        ({"host": f"http://127.0.0.1:{free_port()}"}, "URLError (Connection refused)"),
        ({"password": f"http://127.0.0.1 /services/{SECRET}"}, "InvalidURL"),
        ({"password": f"gopher://127.0.0.1/{SECRET}"}, "SlackRequestError"),
        ({"password": ""}, "does not contain password"),
    ],
)
def test_an_alert_that_cannot_be_sent_leaves_the_others(
    connection: dict[str, str], told: str, pipelines: Pipelines, web: Web
) -> None:
    connect(pipelines, web.port, **connection)
    run = failed(pipelines, f"{PLAIN}, {{type: webhook, conn_id: hook}}")
    assert told in run.log
    (asked,) = web.asked
    assert asked.json()["message"].startswith("Pipeline trips failed")


def test_a_server_that_does_not_answer_holds_up_no_other_alert(
    pipelines: Pipelines, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as stalled:
        connect(pipelines, stalled.getsockname()[1])
        run = failed(pipelines, f"{PLAIN}, {{type: webhook, conn_id: hook}}")
    assert "of the connection 'slack' cannot be used: TimeoutError" in run.log
    assert len(web.asked) == 1
