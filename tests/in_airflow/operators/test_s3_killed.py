"""Tasks of an `ingest` on S3 that are killed with -9, through a real Airflow; then the same run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from factory.stores.model import Place
from factory.stores.s3 import S3
from factory_embedded.services import s3
from tests.stores.contract import put, there

from ..pipelines import DAY, Pipelines, Run
from ..workers import Killed, in_turn
from .test_ingest import Shop, shop

__all__ = ["shop"]

BUCKET = "killed"
SPEC = f"""
version: 1
start_date: 2024-01-01
stage: s3://lake@{BUCKET}/stage
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: "s3://lake@{BUCKET}/in/*.csv", format: csv}}
      target: TARGET
      write: {{mode: append}}
"""
FILES = f"{{type: file, path: 's3://lake@{BUCKET}/orders'}}"
ROWS = 150_000  # so many that each file goes up in several parts

# Each stops where it is to be killed.
_UPLOAD = """
from factory.stores.s3 import writer
writer.PART = 5 << 20  # S3 takes none that is smaller
"""
_PART = (
    _UPLOAD
    + """
put = writer.Upload._put_part
def stopped(self, part, number):
    done = put(self, part, number)
    if "{0}" in self._target.path:
        stop()
    return done
writer.Upload._put_part = stopped
"""
)
MOMENTS = {
    "list_files": """
from factory.stores.s3 import writer
put = writer.Upload._put
def stopped(self):
    put(self)
    if "/listed/" in self._target.path:
        stop()
writer.Upload._put = stopped
""",
    "to_parquet": _PART.format("/rows/"),
    "load": _PART.format("orders/part-"),
    "between_data_and_manifest": """
from factory.transfer.lake import manifest
manifest.write = lambda *_: stop()
""",
    "behind_the_manifest": """
from factory.transfer.lake import manifest
manifest.end = lambda *_: stop()
""",
    "clean_up": """
from factory.stores.s3 import removing
removing._delete = lambda *_: stop()
""",
}
UPLOADS = {"to_parquet": 1, "load": 1}


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> str:
    real_s3.create_bucket(BUCKET)
    return BUCKET


@pytest.fixture
def lake(
    pipelines: Pipelines, bucket: str, real_s3: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    from airflow.models.dagrun import DagRun

    # a run that is run again is the same one, as if it had been cleared
    same = staticmethod(lambda *, logical_date, **_: f"manual__{logical_date:%Y-%m-%d}")
    monkeypatch.setattr(DagRun, "generate_run_id", same)
    given = real_s3.connection
    pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    place = Place(S3(bucket, "lake", lambda _: real_s3.client()), "")
    chance = random.Random(1)
    lines = (f"{number},{chance.randbytes(32).hex()}\n" for number in range(ROWS))
    put(place.below("in", "a.csv"), "".join(["id,text\n", *lines]).encode())
    yield place
    place.store.delete_below("")


def uploads(server: s3.Server) -> list[str]:
    found = server.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())
    return [upload["Key"] for upload in found]


def killed(pipelines: Pipelines, folder: Path, moment: str) -> None:
    folder.mkdir()
    with in_turn(pipelines.root, folder, 1, MOMENTS[moment]), pytest.raises(Killed):
        pipelines.run("shop", logical_date=DAY)


def again(pipelines: Pipelines) -> Run:
    run = pipelines.run("shop", logical_date=DAY)
    assert run.state == "success", run.log
    return run


@pytest.mark.parametrize("moment", MOMENTS)
def test_into_files(
    moment: str, pipelines: Pipelines, lake: Place, real_s3: s3.Server, tmp_path: Path
) -> None:
    pipelines.write("shop.yaml", SPEC.replace("TARGET", FILES))
    killed(pipelines, tmp_path / "workers", moment)
    assert len(uploads(real_s3)) == UPLOADS.get(moment, 0)
    again(pipelines)
    assert uploads(real_s3) == []
    left = [path for path in there(lake) if not path.startswith(("in/", "orders/_"))]
    assert [path.partition("/")[0] for path in left] == ["orders"]
    with lake.store.open(left[0]) as file:
        assert sorted(pq.read_table(file)["id"].to_pylist()) == [*range(ROWS)]
    manifests = [path for path in there(lake) if "/_manifests/" in path]
    assert [path.rpartition(".")[2] for path in manifests] == ["json"]


@pytest.mark.parametrize("moment", ["to_parquet", "clean_up"])
def test_into_a_table(
    moment: str, shop: Shop, lake: Place, real_s3: s3.Server, tmp_path: Path
) -> None:
    target = f"{{type: postgres, conn_id: warehouse, table: {shop.schema}.orders}}"
    shop.pipelines.write("shop.yaml", SPEC.replace("TARGET", target))
    killed(shop.pipelines, tmp_path / "workers", moment)
    again(shop.pipelines)
    assert [row[0] for row in shop.rows()] == [*range(ROWS)]
    assert there(lake) == ["in/a.csv"]
    assert uploads(real_s3) == []
