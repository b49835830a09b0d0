"""Downloads through Airflow's connections, from YAML to a table."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory_embedded.services.postgres import Server
from tests.transfer.web import Answer, Answering, File, Web, serving

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {source}
      target: {{type: postgres, conn_id: warehouse, table: download.orders}}
      write: {{mode: replace}}
"""
ONLY = """
version: 1
start_date: 2024-01-01
defaults: {{retries: {retries}, retry_delay: 1s}}
tasks:
  - id: download
    uses: factory.in_airflow.operators.ingest.download.Download
    with: {arguments}
"""
ROWS = b"id,total\n1,9.5\n2,7\n"


class Shop:
    """Web servers, a database, and the pipeline between them."""

    def __init__(self, pipelines: Pipelines, server: Server) -> None:
        self.pipelines = pipelines
        self.server = server
        self.stage = pipelines.root.parent / "stage"

    def download(self, *, retries: int = 0, **arguments: Any) -> Run:
        """The task alone."""
        spec = ONLY.format(arguments=json.dumps(arguments), retries=retries)
        self.pipelines.write("shop.yaml", spec)
        return self.pipelines.run("shop")

    def run(self, **source: Any) -> Run:
        given = {"type": "http", "format": "csv", **source}
        self.pipelines.write("shop.yaml", SPEC.format(source=json.dumps(given)))
        return self.pipelines.run("shop")

    def rows(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.uri) as connection:
            return connection.execute("SELECT * FROM download.orders ORDER BY 1").fetchall()

    def file(self, name: str) -> Path:
        (found,) = self.stage.glob(f"shop/*/download/download/0/{name}")
        return found

    def staged(self) -> list[str]:
        found = (path for path in self.stage.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.stage).as_posix() for path in found)


@pytest.fixture
def files() -> Iterator[Web]:
    """A server of files."""
    with serving() as web:
        web.answers = [File(ROWS)]
        yield web


@pytest.fixture
def other_files() -> Iterator[Web]:
    """Another one."""
    with serving() as web:
        web.answers = [File(ROWS)]
        yield web


@pytest.fixture
def shop(pipelines: Pipelines, postgres: Server) -> Iterator[Shop]:
    pipelines.connect_postgres("warehouse", postgres)
    yield Shop(pipelines, postgres)
    with psycopg.connect(postgres.uri) as connection:
        connection.execute("DROP SCHEMA IF EXISTS download CASCADE")


def connect(shop: Shop, web: Web, **fields: Any) -> None:
    given = {"conn_type": "http", "host": web.url("").rstrip("/"), **fields}
    shop.pipelines.connect("files", **given)


def test_what_it_returns(shop: Shop, files: Web) -> None:
    run = shop.run(url=files.url("a%20b.csv?token=s3cret"))
    assert run.state == "success"
    assert run.xcom("orders.download") == {
        "path": "download/0/a_b.csv",
        "bytes": len(ROWS),
        "etag": '"v1"',
        "url": files.url("a%20b.csv"),
    }
    assert shop.rows() == [(1, 9.5), (2, 7.0)]
    assert shop.staged() == []


def test_a_connection_gives_login_headers_and_proxies(
    shop: Shop, files: Web, other_files: Web
) -> None:
    """The proxy answers for the host, which nobody could find."""
    connect(
        shop,
        files,
        host="http://no-such-host.invalid/base",
        login="me",
        password="s3cret",
        extra=json.dumps({"X-Api-Key": "k3y", "proxies": {"http": files.url("")}}),
    )
    run = shop.download(url="/orders.csv", conn_id="files")
    assert run.state == "success"
    assert files.paths == ["http://no-such-host.invalid/base/orders.csv"]
    assert files.asked[0]["Authorization"] == "Basic bWU6czNjcmV0"
    assert files.asked[0]["X-Api-Key"] == "k3y"
    assert "s3cret" not in run.log


def test_a_connection_s_credentials_go_to_its_host_only(
    shop: Shop, files: Web, other_files: Web
) -> None:
    connect(shop, files, login="me", password="s3cret", extra='{"X-Api-Key": "k3y"}')
    assert shop.download(url=files.url("whole.csv"), conn_id="files").state == "success"
    run = shop.download(url=other_files.url("x.csv"), conn_id="files")
    assert run.states["download"] == "failed"
    assert f"{other_files.port} needs a connection of its own" in run.log
    assert other_files.asked == []
    files.answers = [Answer(status=302, headers={"Location": other_files.url("x.csv")})]
    assert shop.download(url="/moved.csv", conn_id="files").state == "success"
    assert not {"Authorization", "X-Api-Key"} & other_files.asked[0].keys()


def test_a_connection_that_forbids_redirects(shop: Shop, files: Web) -> None:
    connect(shop, files, extra='{"allow_redirects": false}')
    files.answers = [Answer(status=302, headers={"Location": "/x.csv"}), File(ROWS)]
    run = shop.download(url="/moved.csv", conn_id="files")
    assert run.states["download"] == "failed"
    assert len(files.asked) == 1


def test_a_connection_s_timeout(shop: Shop, files: Web) -> None:
    connect(shop, files, extra='{"timeout": [5, 0.2]}')
    files.answers = [Answer(ROWS, length=99, stall=True), File(ROWS)]
    run = shop.download(url="/orders.csv", conn_id="files")
    assert run.state == "success"
    assert "timed out; trying again" in run.log
    connect(shop, files, extra='{"timeout": "soon"}')
    run = shop.download(url="/orders.csv", conn_id="files")
    assert "'files' has 'soon' for its timeout: expected seconds" in run.log


@pytest.mark.parametrize("several", [False, True])
def test_a_missing_file_can_be_skipped(several: bool, shop: Shop, files: Web) -> None:
    files.answers = [_by_path({"/a.csv": File(ROWS)}, files)]
    url = [files.url("a.csv"), files.url("b.csv")] if several else files.url("b.csv?s3cret")
    run = shop.run(url=url, on_missing="skip")
    assert run.state == "success"
    assert run.states["orders.load"] == "skipped"
    assert "/b.csv does not exist (HTTP 404): this step is skipped" in run.log
    assert "s3cret" not in run.log.replace(str(url), "")
    assert shop.staged() == []


@pytest.mark.parametrize("names", [["gone", "refused", "gone_too"], ["refused", "gone"]])
def test_a_missing_file_hides_no_failure(names: list[str], shop: Shop, files: Web) -> None:
    files.answers = [lambda _: Answer(status=403 if files.paths[-1] == "/refused" else 404)]
    run = shop.run(url=[files.url(name) for name in names], on_missing="skip")
    assert run.state == "failed"
    assert run.states["orders.load"] == "upstream_failed"
    assert "/refused answered HTTP 403" in run.log
    assert shop.staged() == []


def test_all_that_is_missing_is_counted(shop: Shop, files: Web) -> None:
    files.answers = [Answer(status=404)]
    run = shop.run(url=[files.url("a.csv"), files.url("b.csv")], on_missing="skip")
    assert (run.state, run.states["orders.found"]) == ("success", "skipped")
    assert "/a.csv does not exist (HTTP 404) (and 1 more): this step is skipped" in run.log


def test_a_missing_file_fails_unless_told(shop: Shop, files: Web) -> None:
    files.answers = [Answer(status=410)]
    run = shop.download(url=files.url("a.csv"))
    assert run.state == "failed"
    assert "/a.csv does not exist (HTTP 410)" in run.log


def test_several_files_of_one_name(shop: Shop, files: Web) -> None:
    more = gzip.compress(b"id,total\n3,1.5\n")
    files.answers = [
        _by_path({"/a/x.csv.gz": File(gzip.compress(ROWS)), "/b/x.csv.gz": File(more)}, files)
    ]
    run = shop.run(url=[files.url("a/x.csv.gz"), files.url("b/x.csv.gz")])
    assert run.state == "success"
    assert shop.rows() == [(1, 9.5), (2, 7.0), (3, 1.5)]
    assert shop.staged() == []


REFUSED = Answer(status=403)  # not tried again by the task itself


def test_the_task_s_retry_goes_on_where_it_ended(shop: Shop, files: Web) -> None:
    files.answers = [File(ROWS, cut=5), REFUSED, File(ROWS)]
    assert shop.download(url=files.url("orders.csv"), retries=1).state == "success"
    assert [asked.get("Range") for asked in files.asked] == [None, "bytes=5-", "bytes=5-"]
    assert shop.file("orders.csv").read_bytes() == ROWS


def test_an_error_page_is_asked_for_again_by_the_task_s_retry(shop: Shop, files: Web) -> None:
    page = Answer(b"<html>Sign in</html>", headers={"ETag": '"v1"'})
    files.answers = [page, Answer(b"busy", headers={"Content-Type": "text/html"}), File(ROWS)]
    run = shop.download(url=files.url("orders.csv"), retries=2, format={"type": "csv"})
    assert run.state == "success"
    assert shop.file("orders.csv").read_bytes() == ROWS
    assert len(files.asked) == 3


def test_what_a_script_sends_is_taken_when_it_is_meant(shop: Shop, files: Web) -> None:
    files.answers = [Answer(ROWS, headers={"Content-Type": "text/html; charset=utf-8"})]
    assert shop.run(url=files.url("orders.php")).states["orders.download"] == "failed"
    assert shop.run(url=files.url("orders.php"), content_type="text/html").state == "success"
    assert shop.rows() == [(1, 9.5), (2, 7.0)]


def test_a_retry_with_another_name_leaves_one_file(shop: Shop, files: Web) -> None:
    files.answers = [File(ROWS, cut=5), REFUSED, File(ROWS)]
    assert shop.download(url=files.url("{{ ti.try_number }}.csv"), retries=1).state == "success"
    folder = shop.file("2.csv").parent
    assert {path.name for path in folder.iterdir()} == {".2.csv.json", "2.csv"}


def _by_path(found: dict[str, File], web: Web) -> Answering:
    lock = threading.Lock()

    def answer(asked: dict[str, str]) -> Answer:
        with lock:
            file = found.get(web.paths[-1])
        return Answer(status=404) if file is None else file(asked)

    return answer
