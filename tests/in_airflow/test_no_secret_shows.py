"""A marker goes in as every kind's secret; then all that Airflow wrote is searched for it."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from factory.in_airflow.hiding import redacted
from factory.plan.kind import builtin_names
from tests.web import Asked, Web

from .conftest import _HOME
from .pipelines import Pipelines

MARK = "mArk/r+9'S3CRET"
"""Characters that look otherwise in an address, in a message and in base64."""
TOKEN = "tOken/w+7'HIDD3N"
"""The same of a Variable."""
NOWHERE = "127.0.0.1:1"
Fields = dict[str, Any]
Task = tuple[str, str, Fields]
"""(what is tried, the task, the fields of its connection)"""

HTTP: Fields = {"conn_type": "http", "login": "me", "password": MARK, "extra": {"X-Api-Key": MARK}}
WITH_LOGIN = {"conn_type": "postgres", "host": f"me:{MARK}@nowhere.invalid", "schema": "x"}
POSTGRES = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "password": MARK}
S3 = {
    "conn_type": "aws",
    "login": "AKIAME",
    "password": MARK,
    "extra": {
        "endpoint_url": f"http://{NOWHERE}",
        "region_name": "us-east-1",
        "config_kwargs": {"retries": {"total_max_attempts": 1}},
    },
}
GCS = {
    "conn_type": "google_cloud_platform",
    "extra": {
        "keyfile_dict": {
            "type": "service_account",
            "client_email": "me@x.iam.gserviceaccount.com",
            "token_uri": f"http://{NOWHERE}/token",
            "private_key": f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n",
        }
    },
}
SFTP: Fields = {
    "conn_type": "sftp",
    "host": "127.0.0.1",
    "port": 1,
    "login": "me",
    "password": MARK,
    "extra": {"private_key_passphrase": MARK},
}
MYSQL = {**POSTGRES, "conn_type": "mysql", "login": "me"}
SNOWFLAKE = {
    "conn_type": "snowflake",
    "login": "me",
    "password": MARK,
    "extra": {"account": "it", "private_key_content": MARK},
}
NIFI = {"conn_type": "nifi", "login": "me", "password": MARK, "extra": {"attempts": 1}}

BEARER = "headers: {Authorization: 'Bearer {{ var.value.api_token }}'}"
SQL = "sql: 'SELECT %(x)s', parameters: {x: '{{ var.value.api_token }}'}"
DBT = (  # its program tells all that it was given, and fails
    "{id: t, uses: dbt, with: {project: /tmp, executable: '/usr/bin/env', profile: "
    "{type: connection, CONN, schema: x}, vars: {token: X}}}"
)
INGEST = (
    "{id: t, uses: ingest, with: {source: {type: http, CONN, url: '/x.csv?token={{ var.value."
    "api_token }}', format: csv}, target: {type: postgres, conn_id: other, table: a.b}, "
    "write: {mode: append}}}"
)
INGEST_TABLE = (
    "{id: t, uses: ingest, with: {source: {type: postgres, CONN, query: 'SELECT {{ var.value."
    "api_token }}'}, target: {type: postgres, conn_id: other, table: a.b}, write: {mode: append}}}"
)
INGEST_MYSQL = INGEST_TABLE.replace("postgres, CONN", "mysql, CONN")
INTO_MYSQL = (
    "{id: t, uses: ingest, with: {source: {type: postgres, conn_id: other, table: x.y}, "
    "target: {type: mysql, CONN, table: a.b}, write: {mode: append}}}"
)
INGEST_S3 = (
    "{id: t, uses: ingest, with: {source: {type: file, path: 's3://it@box/x/*.csv', format: csv}, "
    "target: {type: postgres, conn_id: other, table: a.b}, write: {mode: append}}}"
)
WAIT_S3 = "{id: t, uses: wait, with: {for: {type: file, path: 's3://it@box/x'}, TIMES}}"
INGEST_GCS, WAIT_GCS = (text.replace("s3:", "gs:") for text in (INGEST_S3, WAIT_S3))
FLOW = "{id: t, uses: nifi, with: {CONN, group: g}}"
CHECK = "{id: t, uses: check, with: {CONN, table: a.b, checks: [{type: row_count, min: 1}]}}"
WAIT_SQL = "{id: t, uses: wait, with: {for: {type: sql, CONN, sql: SELECT 1}, TIMES}}"
WAIT_TABLE = WAIT_SQL.replace("type: sql", "type: table").replace("sql: SELECT 1", "table: a.b")
WAIT_HTTP = "{id: t, uses: wait, with: {for: {type: http, CONN, BEARER}, TIMES}}"

SNOWFLAKE_LOGIN: Fields = {
    "conn_type": "snowflake",
    "login": "me",
    "password": MARK,
    "extra": {"account": "a", "host": "127.0.0.1", "port": "1", "login_timeout": 1},
}
SNOWFLAKE_KEY: Fields = {
    **SNOWFLAKE_LOGIN,
    "extra": {"account": "a", "host": "127.0.0.1", "port": "1", "private_key_content": MARK},
}
TASKS: list[Task] = [
    ("http", f"{{id: t, uses: http, with: {{CONN, {BEARER}, params: {{token: X}}}}}}", HTTP),
    ("http", "{id: t, uses: http, with: {CONN, method: POST, body: X, BEARER}}", HTTP),
    (
        "http, nothing there",
        "{id: t, uses: http, with: {CONN, endpoint: '?token={{ var.value.api_token }}'}}",
        {**HTTP, "host": f"http://me:{quote(MARK, safe='')}@{NOWHERE}"},
    ),
    (
        "http, no address",
        "{id: t, uses: http, with: {CONN}}",
        {**HTTP, "host": f"http://me:{MARK}@{NOWHERE}"},
    ),
    ("http, no scheme", "{id: t, uses: http, with: {CONN}}", {**HTTP, "host": f"x://u:{MARK}@h"}),
    (
        "http, a proxy",
        "{id: t, uses: http, with: {CONN}}",
        {**HTTP, "extra": {"proxies": {"http": f"http://u:{quote(MARK, safe='')}@{NOWHERE}"}}},
    ),
    (
        "http, a header with a line break",
        "{id: t, uses: http, with: {CONN, headers: {Authorization: "
        "'Bearer {{ var.value.ends_in_a_break_token }}'}}}",
        HTTP,
    ),
    (
        "http, a header of the connection",
        "{id: t, uses: http, with: {CONN}}",
        {**HTTP, "extra": {"X-Api-Key": f"{MARK}\n"}},
    ),
    ("http, copies", f"{{id: t, for_each: [1], uses: http, with: {{CONN, {BEARER}}}}}", HTTP),
    ("bash, a secret item", "{id: t, for_each: '{{ [var.value.api_token] }}', run: ls}", {}),
    ("wait", WAIT_HTTP, HTTP),
    ("wait", WAIT_HTTP, {**HTTP, "host": f"http://me:{MARK}@{NOWHERE}"}),
    ("wait", WAIT_SQL, WITH_LOGIN),
    ("wait", WAIT_SQL, POSTGRES),
    ("wait, a table", WAIT_TABLE, WITH_LOGIN),
    ("wait, a table", WAIT_TABLE, POSTGRES),
    ("sql", f"{{id: t, uses: sql, with: {{CONN, {SQL}}}}}", WITH_LOGIN),
    ("sql", f"{{id: t, uses: sql, with: {{CONN, {SQL}}}}}", POSTGRES),
    ("sql, MySQL", f"{{id: t, uses: sql, with: {{CONN, {SQL}}}}}", MYSQL),
    ("sql, BigQuery", f"{{id: t, uses: sql, with: {{CONN, {SQL}}}}}", GCS),
    ("wait, BigQuery", WAIT_SQL, GCS),
    ("sql, Snowflake", f"{{id: t, uses: sql, with: {{CONN, {SQL}}}}}", SNOWFLAKE_LOGIN),
    ("dbt", DBT, POSTGRES),
    ("dbt", DBT, WITH_LOGIN),
    ("dbt, of BigQuery", DBT, GCS),
    ("dbt, of Snowflake", DBT, SNOWFLAKE),
    ("check", CHECK, WITH_LOGIN),
    ("check", CHECK, POSTGRES),
    ("check", CHECK, {**POSTGRES, "host": f"postgres://me:{MARK}@h:1/x"}),
    ("ingest", INGEST, HTTP),
    ("ingest", INGEST, {**HTTP, "host": f"http://me:{MARK}@{NOWHERE}"}),
    ("ingest", INGEST, {**HTTP, "extra": {"X-Api-Key": f"{MARK}\n"}}),
    ("ingest, a table", INGEST_TABLE, WITH_LOGIN),
    ("ingest, a table", INGEST_TABLE, POSTGRES),
    ("ingest, a table by SQL", INGEST_TABLE.replace("postgres,", "sql,", 1), WITH_LOGIN),
    ("ingest, a table by SQL", INGEST_TABLE.replace("postgres,", "sql,", 1), POSTGRES),
    ("ingest, a table of MySQL", INGEST_MYSQL, {**WITH_LOGIN, "conn_type": "mysql"}),
    ("ingest, a table of MySQL", INGEST_MYSQL, MYSQL),
    ("ingest, a table of Snowflake", INGEST_MYSQL.replace("mysql", "snowflake"), SNOWFLAKE_LOGIN),
    ("ingest, a key that is none", INGEST_MYSQL.replace("mysql", "snowflake"), SNOWFLAKE_KEY),
    ("ingest, into MySQL", INTO_MYSQL, {**WITH_LOGIN, "conn_type": "mysql"}),
    ("ingest, into MySQL", INTO_MYSQL, MYSQL),
    ("check, of MySQL", CHECK, MYSQL),
    ("ingest, files on S3", INGEST_S3, S3),
    ("copy", "{id: t, uses: copy, with: {from: 's3://it@box/x', to: 's3://it@box/y'}}", S3),
    ("delete", "{id: t, uses: delete, with: {path: 's3://it@box/x/', max_objects: 1}}", S3),
    ("wait, a file on S3", WAIT_S3, S3),
    ("ingest, files on GCS", INGEST_GCS, GCS),
    ("copy", "{id: t, uses: copy, with: {from: 'gs://it@box/x', to: 'gs://it@box/y'}}", GCS),
    ("delete", "{id: t, uses: delete, with: {path: 'gs://it@box/x/', max_objects: 1}}", GCS),
    ("wait, a file on GCS", WAIT_GCS, GCS),
    ("ingest, files on SFTP", INGEST_S3.replace("s3://it@box", "sftp://it"), SFTP),
    (
        "ingest, a key that is none",
        INGEST_S3.replace("s3://it@box", "sftp://it"),
        {**SFTP, "extra": {"private_key": MARK}},
    ),
    ("copy", "{id: t, uses: copy, with: {from: 'sftp://it/x', to: 'sftp://it/y'}}", SFTP),
    ("delete", "{id: t, uses: delete, with: {path: 'sftp://it/x/', max_objects: 1}}", SFTP),
    ("wait, a file on SFTP", WAIT_S3.replace("s3://it@box", "sftp://it"), SFTP),
    ("nifi", FLOW, {**NIFI, "host": f"http://{NOWHERE}"}),
    ("nifi", FLOW, {**NIFI, "host": f"http://me:{MARK}@{NOWHERE}"}),
    ("nifi", FLOW, {**NIFI, "host": f"me:{MARK}@{NOWHERE}"}),
    (
        "nifi, a token",
        FLOW,
        {"conn_type": "nifi", "host": f"http://{NOWHERE}", "extra": {"token": f"{MARK}\n"}},
    ),
    (
        "nifi, a proxy",
        FLOW,
        {**NIFI, "host": "http://h", "extra": {"attempts": 1, "proxy": f"http://u:{MARK}@h"}},
    ),
    ("bash", "{id: t, run: 'echo $X; exit 1', uses: bash, ENV}", {}),
    ("python", "{id: t, uses: python, with: {callable: 'x.py:run', args: {token: X}}}", {}),
    ("trigger", "{id: t, uses: trigger, with: {pipeline: of_no_file, conf: {token: X}}}", {}),
]


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of them, nor of an earlier test's, is known to be secret yet."""
    from airflow.sdk import log

    masker: Any = log._secrets_masker()  # type: ignore[attr-defined]
    masker.reset_masker()
    monkeypatch.setattr("factory.stores.sftp.session.PAUSE", 0)
    monkeypatch.setenv("AIRFLOW_VAR_API_TOKEN", TOKEN)
    monkeypatch.setenv("AIRFLOW_VAR_ENDS_IN_A_BREAK_TOKEN", f"{TOKEN}\n")


@pytest.fixture
def echo(web: Web) -> Web:
    """A server that refuses all, and repeats what it was sent."""

    def repeat(asked: Asked) -> None:
        said = {"path": asked.path, "body": asked.body.decode(), **asked.headers}
        web.answers = [(500, json.dumps(said).encode())]

    web.before = repeat
    return web


def task_of(text: str) -> str:
    token = "'{{ var.value.api_token }}'"
    for word, meant in {
        "CONN": "conn_id: it",
        "TIMES": "poll_interval: 0.1s, timeout: 0.2s",
        "BEARER": BEARER,
        "uses: bash, ENV": f"with: {{env: {{X: {token}}}}}",
        " X}": f" {token}}}",
        " X,": f" {token},",
    }.items():
        text = text.replace(word, meant)
    return text


def forms() -> Iterator[str]:
    """The marker as it may look in what is written."""
    for mark in (MARK, TOKEN):
        yield from (mark, quote(mark, safe=""), quote(mark), repr(mark)[1:-1])
        yield from (json.dumps(mark)[1:-1], mark[-6:])  # whatever became of the rest
    yield base64.b64encode(f"me:{MARK}".encode()).decode()


def written() -> Iterator[tuple[str, str]]:
    """(where, what) of every row of Airflow's database."""
    with sqlite3.connect(_HOME / "airflow.db") as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield table, " ".join(map(_as_text, row))


def _as_text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def found(pipelines: Pipelines, dag_id: str) -> list[str]:
    """Where a run has left the marker: in its log, or in a new row of the database."""
    before = {*written()}
    run = pipelines.run(dag_id)
    assert run.state == "failed"
    # what a worker does with all that its tasks write, and `dag.test` does not
    places = [("log", redacted(run.log)), *({*written()} - before)]
    return [
        f"{where}: …{text[max(0, text.find(form) - 200) : text.find(form) + 80]}…"
        for where, text in places
        for form in {*forms()}
        if form in text
    ]


@pytest.mark.parametrize(
    ("task", "fields"),
    [pytest.param(task, fields, id=f"{n}-{name}") for n, (name, task, fields) in enumerate(TASKS)],
)
def test_a_task_that_fails(pipelines: Pipelines, echo: Web, task: str, fields: Fields) -> None:
    if fields:
        host = {"host": f"http://127.0.0.1:{echo.port}"} if fields["conn_type"] == "http" else {}
        pipelines.connect("it", **host | fields)
    pipelines.connect("other", **POSTGRES)
    pipelines.write("x.py", "def run(token):\n    raise ValueError(token)")
    pipelines.write("marked.yaml", f"version: 1\ntasks: [{task_of(task)}]\n")
    assert found(pipelines, "marked") == []


def test_every_kind_is_tried() -> None:
    assert {name.partition(",")[0] for name, _, _ in TASKS} == {*builtin_names()}


ALERTS: dict[str, Fields] = {
    "webhook": {**HTTP},
    "slack": {"conn_type": "slackwebhook", "password": f"T0/{MARK}"},
    "email": {
        "conn_type": "smtp",
        "login": "me",
        "password": MARK,
        "extra": {"from_email": "a@b.c", "disable_ssl": True, "disable_tls": True},
    },
}


@pytest.mark.parametrize(
    ("kind", "is_there"),
    [("webhook", True), ("webhook", False), ("slack", True), ("slack", False), ("email", False)],
)
def test_an_alert(pipelines: Pipelines, echo: Web, kind: str, is_there: bool) -> None:
    """With the text of the task's error in it, and to a server that repeats it all or is not."""
    address = f"127.0.0.1:{echo.port}" if is_there else NOWHERE
    host, _, port = address.partition(":")
    place = {"host": host, "port": int(port)} if kind == "email" else {"host": f"http://{address}"}
    pipelines.connect("it", **{**ALERTS[kind], **place})
    more = {"webhook": "path: '/x?token=x'", "slack": "channel: x", "email": "to: [a@b.c]"}[kind]
    text = "subject" if kind == "email" else "message"
    template = "{{ message }} {{ exception | default(var.value.api_token) }}"
    alert = f"{{type: {kind}, conn_id: it, {more}, {text}: '{template}'}}"
    pipelines.write(
        "marked.yaml",
        f"version: 1\nalerts: {{on_failure: [{alert}], on_retry: [{alert}]}}\n"
        "tasks: [{id: t, uses: python, retries: 1, retry_delay: 0.1s, "
        "with: {callable: 'x.py:run', args: {token: '{{ var.value.api_token }}'}}}]\n",
    )
    pipelines.write("x.py", "def run(token):\n    raise ValueError(token)")
    assert found(pipelines, "marked") == []
    assert not [asked for asked in echo.asked if TOKEN in asked.body.decode()]


def test_a_wait_is_left_to_the_triggerer_unless_it_sends_a_secret(
    pipelines: Pipelines, echo: Web
) -> None:
    pipelines.connect("it", **HTTP, host=f"http://127.0.0.1:{echo.port}")
    for task, here in ((task_of(WAIT_HTTP.replace(", BEARER", "")), False), (WAIT_HTTP, True)):
        pipelines.write("marked.yaml", f"version: 1\ntasks: [{task_of(task)}]\n")
        run = pipelines.run("marked")
        assert ("this waits in the worker" in run.log) is here
        assert "this waits 0:00:00.2" in run.log


@pytest.mark.parametrize("host", [f"me:{MARK}@h", f"postgres://me:{MARK}@h:1/x", "postgres://h"])
def test_a_database_host_with_more_than_a_host_says_where_it_belongs(
    pipelines: Pipelines, host: str
) -> None:
    pipelines.connect("it", **{**POSTGRES, "host": host})
    pipelines.write("marked.yaml", f"version: 1\ntasks: [{task_of(CHECK)}]\n")
    run = pipelines.run("marked")
    assert run.state == "failed"
    assert "put user, password, port and database into their own fields" in run.log
    assert MARK not in run.log
