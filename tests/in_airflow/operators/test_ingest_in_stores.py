"""An `ingest` whose files lie in a store and wait there: on S3, on SFTP, of real servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from factory.stores.model import Place
from factory.stores.s3 import S3
from factory_embedded.services import s3

from ...stores import sftp_server
from ...stores.contract import put, there
from ..workers import in_turn
from .test_ingest import DONE, Shop, shop

__all__ = ["shop"]

BUCKET = "ingest"


class Lake(NamedTuple):
    """A place that the connection `lake` reaches; `uri` is its address, `asset` its data's."""

    place: Place
    uri: str
    asset: str


@pytest.fixture(params=["s3", "sftp"])
def lake(
    request: pytest.FixtureRequest, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lake]:
    found: Lake = request.getfixturevalue(f"on_{request.param}")
    shop.pipelines.write("_defaults.yaml", f"version: 1\nstage: {found.uri}/stage\n")
    yield found
    found.place.store.delete_below(found.place.path)


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> s3.Server:
    real_s3.create_bucket(BUCKET)
    return real_s3


@pytest.fixture
def on_s3(shop: Shop, bucket: s3.Server) -> Lake:
    given = bucket.connection
    shop.pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    place = Place(S3(BUCKET, "lake", lambda _: bucket.client()), "")
    return Lake(place, f"s3://lake@{BUCKET}", f"s3://{BUCKET}")


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
    source = f"{{type: file, path: '{lake.uri}/in/*/*.csv', format: csv}}"
    run = shop.run(source=source, more="lineage: [source_file]")
    assert run.state == "success", run.log
    assert [row[0] for row in shop.rows()] == [0, 1, 2]
    assert {row[1] for row in shop.rows()} == {
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


def test_what_is_wrong_is_told_with_the_connection(shop: Shop, on_s3: Lake) -> None:
    source = "{type: file, path: 's3://lake@no-such-bucket/x.csv', format: csv}"
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
