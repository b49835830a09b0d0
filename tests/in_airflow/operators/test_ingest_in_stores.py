"""An `ingest` whose files lie in a store and wait there: in buckets, on SFTP, of real servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from factory.in_airflow.doctor import storage
from factory.in_airflow.doctor.installation import look
from factory.stores.model import Place

from ...stores import sftp_server
from ...stores.contract import put, there
from .. import lakes
from ..lakes import SCHEMES
from ..workers import in_turn
from .test_ingest import APPEND, DONE, HTTP, SPEC, Shop, shop

__all__ = ["shop"]

BUCKET = "ingest"


class Lake(NamedTuple):
    """A place that the connection `lake` reaches; `uri` is its address, `asset` its data's."""

    place: Place
    uri: str
    asset: str


@pytest.fixture(params=[*SCHEMES, "sftp"])
def lake(
    request: pytest.FixtureRequest, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lake]:
    found: Lake = request.getfixturevalue(f"on_{request.param}")
    shop.pipelines.write("_defaults.yaml", f"version: 1\nstage: {found.uri}/stage\n")
    yield found
    found.place.store.delete_below(found.place.path)


def _on(scheme: str, request: pytest.FixtureRequest, shop: Shop) -> Lake:
    place = lakes.lake(scheme, request, shop.pipelines, BUCKET)
    return Lake(place, f"{scheme}://lake@{BUCKET}", f"{scheme}://{BUCKET}")


@pytest.fixture
def on_s3(shop: Shop, request: pytest.FixtureRequest) -> Lake:
    return _on("s3", request, shop)


@pytest.fixture
def on_gs(shop: Shop, request: pytest.FixtureRequest) -> Lake:
    return _on("gs", request, shop)


@pytest.fixture
def on_sftp(shop: Shop, real_sftp: sftp_server.Server, monkeypatch: pytest.MonkeyPatch) -> Lake:
    shop.pipelines.connect("lake", **real_sftp.connection)
    sftp_server.serve(monkeypatch, real_sftp)
    uri = f"sftp://lake{real_sftp.home}/ingest"
    return Lake(sftp_server.find(uri), uri, uri)


def test_files_are_read_where_they_are_and_wait_there(shop: Shop, lake: Lake) -> None:
    for number in range(3):
        put(lake.place.below("in", f"day={number}", "a b.csv"), f"id\n{number}\n".encode())
    put(lake.place.below("in", "other.txt"), b"no")
    more = "hive_partitioning: {day: integer}"
    source = f"{{type: file, path: '{lake.uri}/in/*/*.csv', format: csv, {more}}}"
    run = shop.run(source=source, more="lineage: [source_file]")
    assert run.state == "success", run.log
    assert [row[:2] for row in shop.rows()] == [(0, 0), (1, 1), (2, 2)]
    assert {row[2] for row in shop.rows()} == {
        f"{lake.asset}/in/day={number}/a b.csv" for number in range(3)
    }
    assert len(there(lake.place)) == 4
    assert not shop.stage.exists()


def test_what_is_downloaded_waits_there_until_it_is_in(shop: Shop, lake: Lake) -> None:
    shop.offer("id\n1\n2\n")
    failed = shop.run(checks="[{type: row_count, min: 3}]")
    assert failed.states["orders.load"] == "failed"
    assert len(there(lake.place.below("stage"))) == 2
    run = shop.run()
    assert run.states == DONE, run.log
    assert shop.rows() == [(1,), (2,)]
    assert len(there(lake.place.below("stage"))) == 2  # those of the run that failed


def test_workers_that_share_no_folder(shop: Shop, lake: Lake, tmp_path: Path) -> None:
    shop.offer("id\n1\n2\n")
    (tmp_path / "workers").mkdir()
    with in_turn(shop.pipelines.root, tmp_path / "workers", 2) as workers:
        run = shop.run()
        left = [file for worker in workers for file in worker.folder.rglob("*") if file.is_file()]
    assert run.states == DONE
    assert ["orders.download" in worker.ran for worker in workers] == [True, False]
    assert ["orders.to_parquet" in worker.ran for worker in workers] == [False, True]
    assert ["orders.load" in worker.ran for worker in workers] == [True, False]
    assert shop.rows() == [(1,), (2,)]
    assert there(lake.place) == []
    assert left == []


def test_each_file_is_loaded_once(shop: Shop, lake: Lake) -> None:
    source = f"{{type: file, path: '{lake.uri}/in/*.csv', format: csv, only_new: true}}"
    put(lake.place.below("in", "1.csv"), b"id\n1\n")
    assert shop.run(source=source).state == "success"
    put(lake.place.below("in", "2.csv"), b"id\n2\n")
    assert shop.run(source=source).state == "success"
    assert shop.rows() == [(1,), (2,)]
    put(lake.place.below("in", "1.csv"), b"id\n9\n")
    assert "changed" in shop.run(source=source).log
    assert shop.rows() == [(1,), (2,)]
    assert "s3cret" not in str(_noted(shop))


def _noted(shop: Shop) -> list[tuple[object, ...]]:
    with psycopg.connect(shop.server.uri) as connection:
        table = psycopg.sql.Identifier(shop.schema, "_factory_files")
        return connection.execute(psycopg.sql.SQL("SELECT * FROM {}").format(table)).fetchall()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_wrong_is_told_with_the_connection(
    scheme: str, shop: Shop, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(f"on_{scheme}")
    source = f"{{type: file, path: '{scheme}://lake@no-such-bucket/x.csv', format: csv}}"
    run = shop.run(source=source)
    assert run.states["orders.to_parquet"] == "failed"
    assert "there is no bucket 'no-such-bucket' for the connection 'lake'" in run.log
    assert "correct the bucket's name, or create it" in run.log


def test_what_is_wrong_with_a_login_is_told(
    shop: Shop, on_sftp: Lake, real_sftp: sftp_server.Server
) -> None:
    shop.pipelines.connect("lake", **{**real_sftp.connection, "password": "n0t-it"})
    run = shop.run(source=f"{{type: file, path: '{on_sftp.uri}/x.csv', format: csv}}")
    assert run.states["orders.to_parquet"] == "failed"
    assert "the SFTP server refuses the login of the connection 'lake'" in run.log
    assert "correct its login, and its password or key" in run.log
    assert "n0t-it" not in run.log


def test_files_go_between_a_disk_and_a_store(shop: Shop, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    put(lake.place.below("old", "x"))
    shop.pipelines.write(
        "files.yaml",
        f"""version: 1
tasks:
  - id: up
    uses: copy
    with: {{from: "{tmp_path.as_uri()}/*.csv", to: "{lake.uri}/up/"}}
  - id: move
    uses: copy
    needs: [up]
    with: {{from: "{lake.uri}/up/*", to: "{lake.uri}/done/", move: true}}
  - id: down
    uses: copy
    needs: [move]
    with: {{from: "{lake.uri}/done/", to: "{tmp_path.as_uri()}/down/"}}
  - id: clear
    uses: delete
    needs: [down]
    with: {{path: "{lake.uri}/old/", max_objects: 1}}
""",
    )
    run = shop.pipelines.run("files")
    assert run.state == "success", run.log
    assert there(lake.place) == ["done/a.csv"]
    assert (tmp_path / "down" / "a.csv").read_bytes() == b"1"


def test_files_go_when_they_are_loaded(shop: Shop, lake: Lake) -> None:
    put(lake.place.below("in", "a", "1.csv"), b"id\n1\n")
    put(lake.place.below("in", "2.csv"), b"id\n2\n")
    source = f"{{type: file, path: '{lake.uri}/in/**/*.csv', format: csv, when_done: "
    run = shop.run(source=f"{source}{{move_to: '{lake.uri}/done/{{{{ ds }}}}'}}}}")
    assert run.state == "success", run.log
    assert shop.rows() == [(1,), (2,)]
    assert there(lake.place) == ["done/2024-01-02/2.csv", "done/2024-01-02/a/1.csv"]
    put(lake.place.below("in", "3.csv"), b"id\n3\n")
    assert shop.run(source=f"{source}delete}}").state == "success"
    assert there(lake.place.below("in")) == []


def test_a_file_is_waited_for(shop: Shop, lake: Lake) -> None:
    wait = f"""version: 1
tasks:
  - id: here
    uses: wait
    with:
      for: {{type: file, path: "{lake.uri}/in/{{{{ ds }}}}/*.csv"}}
      poll_interval: 0.1s
      timeout: 0.5s
"""
    shop.pipelines.write("waits.yaml", wait)
    assert shop.pipelines.run("waits").state == "failed"
    put(lake.place.below("in", "2024-01-02", "a.csv"))
    run = shop.pipelines.run("waits")
    assert run.state == "success", run.log


def test_a_stage_there_is_tried(lake: Lake, shop: Shop) -> None:
    spec = SPEC.format(source=HTTP, write=APPEND, checks="[]", schema="x", more="")
    shop.pipelines.write("shop.yaml", spec)
    found = list(storage.check_stage(look(shop.pipelines.root, None, connect=True)))
    (tried,) = [finding for finding in found if "stage" in finding.what]
    assert tried.level == "ok"
    assert "can be written and read" in tried.what
    assert there(lake.place) == []


def test_a_landing_zone_is_waited_for_written_as_files_and_emptied(shop: Shop, lake: Lake) -> None:
    put(lake.place.below("in", "a.csv"), b"id\n1\n2\n")
    shop.pipelines.write(
        "zone.yaml",
        f"""version: 1
tasks:
  - id: zone
    uses: wait
    with: {{for: {{type: file, path: "{lake.uri}/in/*.csv"}}, timeout: 1m}}
  - id: orders
    uses: ingest
    needs: [zone]
    with:
      source:
        type: file
        path: "{lake.uri}/in/*.csv"
        format: csv
        when_done: {{move_to: "{lake.uri}/done/"}}
      target: {{type: file, path: "{lake.uri}/orders", format: parquet}}
      write: {{mode: append}}
""",
    )
    run = shop.pipelines.run("zone")
    assert run.state == "success", run.log
    assert there(lake.place.below("in")) == []
    assert there(lake.place.below("done")) == ["a.csv"]
    written = [name for name in there(lake.place.below("orders")) if not name.startswith("_")]
    assert [name.rpartition(".")[2] for name in written] == ["parquet"]
