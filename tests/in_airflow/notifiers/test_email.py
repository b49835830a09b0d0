"""E-mails through a real SMTP server: the recipes of docs/alerts.md, and what goes wrong."""

import json
import re
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from factory_embedded.ports import free_port
from tests.mail import LOGIN, connection, serving
from tests.nifi import certificates

from ..pipelines import Pipelines

PAGE = (Path(__file__).parents[3] / "docs/alerts.md").read_text()
SPEC = """
version: 1
alerts: {on_failure: [{type: email, to: [a@example.org], conn_id: mail}]}
tasks: [{id: bad, run: exit 1}]
"""


def recipe(port_in_page: int) -> dict[str, Any]:
    """The connection that the page shows for a port."""
    (found,) = re.findall(rf"AIRFLOW_CONN_\w+='(.*\"port\": {port_in_page},.*)'", PAGE)
    given: dict[str, Any] = json.loads(found)
    return given


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return certificates.write(folder)


def context(pem: certificates.Files) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(pem.server)
    return made


@pytest.mark.parametrize("port_in_page", [465, 587, 25])
def test_a_recipe_of_the_page_sends(
    port_in_page: int,
    pipelines: Pipelines,
    pem: certificates.Files,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", pem.authority)
    given = recipe(port_in_page)
    login = "password" in given
    if login:
        given |= {"login": LOGIN[0], "password": LOGIN[1]}
    tls = context(pem) if port_in_page != 25 else None
    with serving(tls, implicit=port_in_page == 465, login=login) as (port, received):
        pipelines.connect("mail", **given | {"host": "127.0.0.1", "port": port})
        log = fail(pipelines)
    (message,) = received
    assert message["From"] == given["extra"]["from_email"]
    assert message["Subject"] == "trips failed at bad"
    assert LOGIN[1] not in log


def fail(pipelines: Pipelines) -> str:
    pipelines.write("trips.yaml", SPEC)
    run = pipelines.run("trips")
    assert run.state == "failed"
    return run.log


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_it_is_text_and_html_with_the_error_the_place_and_the_link(pipelines: Pipelines) -> None:
    with serving() as (port, received):
        pipelines.connect("mail", **connection(port))
        fail(pipelines)
    (message,) = received
    assert message.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        body = part(message, kind)
        assert "bad: Bash command failed. The command returned a non-zero exit code 1." in body
        assert "dag_factory_configs/trips.yaml:4, step bad" in body
        assert "https://airflow.example.org/dags/trips/runs/" in body
    assert "<" not in part(message, "plain")


@pytest.mark.parametrize("base", ["http://localhost:8080", "http://127.0.0.1:8080", ""])
def test_there_is_no_link_to_the_loopback(
    base: str, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    with serving() as (port, received):
        pipelines.connect("mail", **connection(port))
        fail(pipelines)
    assert "http" not in received[0].as_string()


def test_rows_of_data_stay_out_of_an_e_mail(pipelines: Pipelines, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("n\nsomebodys-diagnosis\n")
    ingest = f"""
version: 1
alerts: {{on_failure: [{{type: email, to: [a@example.org], conn_id: mail}}]}}
tasks:
  - id: load
    uses: ingest
    with:
      source: {{type: file, path: "file://{tmp_path}/orders.csv",
                format: {{type: csv, columns: {{n: bigint}}}}}}
      target: {{type: postgres, conn_id: warehouse, table: orders}}
      write: {{mode: append}}
"""
    with serving() as (port, received):
        pipelines.connect("mail", **connection(port))
        pipelines.connect("warehouse", conn_type="postgres", host="127.0.0.1", port=free_port())
        pipelines.write("trips.yaml", ingest)
        log = pipelines.run("trips").log
    assert "somebodys-diagnosis" in log
    text = part(received[0], "plain")
    assert "data is not what it was declared to be" in text
    assert "nothing was loaded: the target is as it was" in text
    assert "somebodys-diagnosis" not in received[0].as_string()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": free_port}, "nothing listens there"),
        ({"host": "mail.invalid"}, "no such host is known"),
        ({"extra": {"disable_ssl": True}}, "do not agree on TLS"),
        ({"extra": {}}, "does not say whose e-mails these are"),
        ({"login": "sender", "password": "wrong word"}, "its login or password is refused"),
    ],
    ids=["port", "host", "certificate", "sender", "password"],
)
def test_what_keeps_a_mail_from_being_sent_is_told(
    change: dict[str, Any], words: str, pipelines: Pipelines, pem: certificates.Files
) -> None:
    login = "password" in change
    tls = context(pem) if change.get("extra") else None
    with serving(tls, login=login) as (port, received):
        given = connection(port) | {k: v() if callable(v) else v for k, v in change.items()}
        if change.get("extra"):
            given["extra"] = {"from_email": "a@example.org", **change["extra"]}
        pipelines.connect("mail", **given)
        log = fail(pipelines)
    assert received == []
    assert words in log
    assert "mail" in log
    assert "wrong word" not in log
    assert AirflowException.__name__ in log
