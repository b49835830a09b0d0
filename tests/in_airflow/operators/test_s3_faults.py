"""An `ingest` from S3 when something changes, ends or is refused on the way."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from factory.in_airflow.operators.ingest import list_files
from factory.in_airflow.operators.ingest.list_files import ListFiles
from factory.stores.model import Place
from factory.stores.s3 import S3
from factory_embedded.services import s3

from ...stores.contract import put
from ...stores.proxy import Proxy, before
from .test_ingest import Shop, shop

__all__ = ["shop"]

BUCKET = "faults"
STAGE = f"version: 1\nstage: s3://lake@{BUCKET}/stage\n"
SOURCE = f"{{type: file, path: 's3://lake@{BUCKET}/in/*.csv', format: csv}}"
REPLACE = "{mode: replace}"


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> str:
    real_s3.create_bucket(BUCKET, anyone_may_write=True)
    return BUCKET


@pytest.fixture
def proxy(real_s3: s3.Server) -> Iterator[Proxy]:
    with before(real_s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def lake(shop: Shop, bucket: str, real_s3: s3.Server, proxy: Proxy) -> Iterator[Place]:
    """The bucket, which the connection `lake` reaches through the proxy."""
    given = real_s3.connection
    extra = {**given.extra, "endpoint_url": proxy.url}
    shop.pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=extra
    )
    shop.pipelines.write("_defaults.yaml", STAGE)
    client = real_s3.client()
    place = Place(S3(bucket, "lake", lambda _: client), "")
    yield place
    place.store.delete_below("")


def fill(server: s3.Server, folder: str, count: int) -> None:
    """Many small objects, unsigned: so each is a request of half a millisecond."""
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=60)
    for number in range(count):
        body = f"id\n{number}\n".encode()
        connection.request("PUT", f"/{BUCKET}/{folder}/{number:06}.csv", body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def of(proxy: Proxy, *parts: str, method: str = "GET") -> list[str]:
    """The paths that were asked for, with all of these parts."""
    return [p for m, p in proxy.asked if m == method and all(part in p for part in parts)]


# what was listed is what is read


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (b"id\n8\n9\n", "in/2.csv changed after it was listed"),
        (b"id\n9\n", "in/2.csv changed after it was listed"),
        (None, "in/2.csv is gone since it was listed"),
    ],
)
def test_what_changes_between_listing_and_reading_is_noticed(
    then: bytes | None, said: str, shop: Shop, lake: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "SHARE", 1)
    for number in range(3):
        put(lake.below("in", f"{number}.csv"), f"id\n{number}\n".encode())
    work = ListFiles.execute

    def execute(self: ListFiles, context: Any) -> Any:
        done, other = work(self, context), lake.below("in", "2.csv")
        other.store.delete(other.path) if then is None else put(other, then)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(ListFiles, "execute", execute)
        run = shop.run(source=SOURCE, write=REPLACE)
    assert run.state == "failed"
    assert f"s3://lake@{BUCKET}/{said}" in run.log
    assert "Clear the whole group of the step: it looks again at what is there" in run.log
    assert shop.tables() == set()
    assert shop.run(source=SOURCE, write=REPLACE).state == "success"
    rows = [] if then is None else [*map(int, then.split()[1:])]
    assert [row[0] for row in shop.rows()] == [0, 1, *rows]


def test_many_objects_in_few_requests(
    shop: Shop, lake: Place, real_s3: s3.Server, proxy: Proxy
) -> None:
    """Those of one prefix of several; each is read by one request, and XCom holds no names."""
    fill(real_s3, "in/2024-01", 1200)
    fill(real_s3, "in/2023-12", 10)
    put(lake.below("in", "2024.txt"), b"no")
    source = f"{{type: file, path: 's3://lake@{BUCKET}/in/2024-*/*.csv', format: csv}}"
    run = shop.run(source=source)
    assert run.state == "success", run.log
    assert [row[0] for row in shop.rows()] == [*range(1200)]
    assert len(of(proxy, "list-type=2", "prefix=in%2F")) <= 2 * 2
    assert of(proxy, "prefix=in%2F2023") == []
    assert len(of(proxy, "/in/2024-01/")) == 1200
    assert len(of(proxy, "/in/", method="HEAD")) <= 1
    assert run.xcom("orders.list_files") == [{"listed": "listed/00000.json", "files": 1200}]
