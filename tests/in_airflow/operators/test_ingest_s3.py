"""An `ingest` whose files lie on S3 and wait there, on a real server."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from factory.stores.model import Place
from factory.stores.s3 import S3
from factory_embedded.services import s3

from ...stores.contract import put, there
from ..workers import in_turn
from .test_ingest import DONE, Shop, shop

__all__ = ["shop"]

BUCKET = "ingest"


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> str:
    real_s3.create_bucket(BUCKET)
    return BUCKET


@pytest.fixture
def lake(shop: Shop, bucket: str, real_s3: s3.Server) -> Iterator[Place]:
    """The bucket, which the connection `lake` reaches."""
    given = real_s3.connection
    shop.pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    place = Place(S3(bucket, "lake", lambda _: real_s3.client()), "")
    yield place
    place.store.delete_below("")


STAGE = f"version: 1\nstage: s3://lake@{BUCKET}/stage\n"


def test_files_are_read_where_they_are_and_wait_there(shop: Shop, lake: Place) -> None:
    for number in range(3):
        put(lake.below("in", f"day={number}", "a b.csv"), f"id\n{number}\n".encode())
    put(lake.below("in", "other.txt"), b"no")
    shop.pipelines.write("_defaults.yaml", STAGE)
    source = f"{{type: file, path: 's3://lake@{BUCKET}/in/*/*.csv', format: csv}}"
    run = shop.run(source=source, more="lineage: [source_file]")
    assert run.state == "success", run.log
    assert [row[0] for row in shop.rows()] == [0, 1, 2]
    assert {row[1] for row in shop.rows()} == {
        f"s3://{BUCKET}/in/day={number}/a b.csv" for number in range(3)
    }
    assert len(there(lake)) == 4
    assert not shop.stage.exists()


def test_what_is_downloaded_waits_there_until_it_is_in(shop: Shop, lake: Place) -> None:
    shop.pipelines.write("_defaults.yaml", STAGE)
    shop.offer("id\n1\n2\n")
    failed = shop.run(checks="[{type: row_count, min: 3}]")
    assert failed.states["orders.load"] == "failed"
    assert len(there(lake.below("stage"))) == 2
    run = shop.run()
    assert run.states == DONE, run.log
    assert shop.rows() == [(1,), (2,)]
    assert len(there(lake.below("stage"))) == 2  # those of the run that failed


def test_workers_that_share_no_folder(shop: Shop, lake: Place, tmp_path: Path) -> None:
    shop.pipelines.write("_defaults.yaml", STAGE)
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
    assert there(lake) == []
    assert left == []


def test_each_object_is_loaded_once(shop: Shop, lake: Place) -> None:
    shop.pipelines.write("_defaults.yaml", STAGE)
    source = f"{{type: file, path: 's3://lake@{BUCKET}/in/*.csv', format: csv, only_new: true}}"
    put(lake.below("in", "1.csv"), b"id\n1\n")
    assert shop.run(source=source).state == "success"
    put(lake.below("in", "2.csv"), b"id\n2\n")
    assert shop.run(source=source).state == "success"
    assert shop.rows() == [(1,), (2,)]
    put(lake.below("in", "1.csv"), b"id\n9\n")
    assert "changed" in shop.run(source=source).log
    assert shop.rows() == [(1,), (2,)]
    assert "s3cret" not in str(_noted(shop))


def _noted(shop: Shop) -> list[tuple[object, ...]]:
    with psycopg.connect(shop.server.uri) as connection:
        table = psycopg.sql.Identifier(shop.schema, "_factory_files")
        return connection.execute(psycopg.sql.SQL("SELECT * FROM {}").format(table)).fetchall()


def test_what_is_wrong_is_told_with_the_connection(shop: Shop, lake: Place) -> None:
    shop.pipelines.write("_defaults.yaml", STAGE)
    source = "{type: file, path: 's3://lake@no-such-bucket/x.csv', format: csv}"
    run = shop.run(source=source)
    assert run.states["orders.to_parquet"] == "failed"
    assert "there is no bucket 'no-such-bucket' for the connection 'lake'" in run.log
    assert "correct the bucket's name, or create it" in run.log


def test_files_go_between_a_disk_and_a_bucket(shop: Shop, lake: Place, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    put(lake.below("old", "x"))
    shop.pipelines.write(
        "files.yaml",
        f"""version: 1
tasks:
  - id: up
    uses: copy
    with: {{from: "{tmp_path.as_uri()}/*.csv", to: "s3://lake@{BUCKET}/up/"}}
  - id: move
    uses: copy
    needs: [up]
    with: {{from: "s3://lake@{BUCKET}/up/*", to: "s3://lake@{BUCKET}/done/", move: true}}
  - id: down
    uses: copy
    needs: [move]
    with: {{from: "s3://lake@{BUCKET}/done/", to: "{tmp_path.as_uri()}/down/"}}
  - id: clear
    uses: delete
    needs: [down]
    with: {{path: "s3://lake@{BUCKET}/old/", max_objects: 1}}
""",
    )
    run = shop.pipelines.run("files")
    assert run.state == "success", run.log
    assert there(lake) == ["done/a.csv"]
    assert (tmp_path / "down" / "a.csv").read_bytes() == b"1"
