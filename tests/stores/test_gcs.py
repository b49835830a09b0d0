"""Objects of a bucket on GCS, on a server that speaks as GCS does."""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.errors import FactoryError
from factory.stores import ranged
from factory.stores.gcs import DEFAULT, GCS, writer
from factory.stores.gcs import place as place_of
from factory.stores.model import Place
from factory_embedded.services import gcs

from ..transfer.memory import grown
from .buckets import api, serve
from .contract import NAMES, Outlives, kill, known, put, read, reads_in_any_order, there
from .proxy import Fault, Proxy, before, repeats

MB = 1 << 20
CHUNK = 256 << 10


@pytest.fixture(scope="module")
def bucket(real_gcs: gcs.Server) -> str:
    real_gcs.create_bucket("stores")
    return "stores"


@pytest.fixture
def place(
    real_gcs: gcs.Server,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Place]:
    serve(monkeypatch, real_gcs)
    made = api()
    store = GCS(bucket, DEFAULT, lambda _: made)
    place = Place(store, str(zlib.crc32(request.node.nodeid.encode())))
    yield place
    store.delete_below(place.path)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHUNK", CHUNK)  # GCS takes none that is smaller
    monkeypatch.setattr(writer, "IN_ONE", 1)


@pytest.fixture
def proxy(real_gcs: gcs.Server) -> Iterator[Proxy]:
    with before(real_gcs.endpoint) as proxy:
        yield proxy


@pytest.fixture
def behind(place: Place, proxy: Proxy) -> Place:
    """The same place, reached through the proxy."""
    return Place(GCS("stores", DEFAULT, lambda _: api(3, proxy.url)), place.path)


def uploads(proxy: Proxy, method: str) -> list[str]:
    """Requests of resumable uploads that were seen."""
    return [path for asked, path in proxy.asked if asked == method and "upload_id=" in path]


class TestGCS(Outlives):
    finder = "tests.stores.buckets:find"
    names = tuple(name for name in NAMES if "\n" not in name)  # GCS takes none with a line break

    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place


# addresses


@pytest.mark.parametrize(
    ("uri", "bucket", "conn_id", "path"),
    [
        ("gs://lake/a/b.csv", "lake", "google_cloud_default", "a/b.csv"),
        ("gs://other@lake/a@b", "lake", "other", "a@b"),
        ("gs://lake", "lake", "google_cloud_default", ""),
        ("gs://lake.example.org//a", "lake.example.org", "google_cloud_default", "/a"),
    ],
)
def test_an_address(uri: str, bucket: str, conn_id: str, path: str) -> None:
    found = place_of(uri, lambda _: api())
    assert found == Place(GCS(bucket, conn_id, lambda _: api()), path)
    assert found.uri == (uri if path else f"{uri}/")


@pytest.mark.parametrize("uri", ["gs:///x", "gs://@b/x", "gs://me:secret@b/x", "gs://a b/x"])
def test_an_address_that_is_none_is_not_shown(uri: str) -> None:
    with pytest.raises(FactoryError, match="names no bucket") as refused:
        place_of(uri, lambda _: api())
    assert "secret" not in f"{refused.value} {refused.value.hint}"


# reading and writing


def test_ranges_are_read_ahead_and_in_any_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranged, "FIRST", 1000)
    monkeypatch.setattr(ranged, "BLOCK", 9000)
    monkeypatch.setattr(ranged, "_BUFFER", 100)
    reads_in_any_order(place)


def test_a_small_object_is_one_request_each_way(behind: Place, proxy: Proxy) -> None:
    put(behind, b"x" * 100_000)
    assert len(read(behind)) == 100_000
    assert [method for method, _ in proxy.asked] == ["POST", "GET"]


def test_a_large_object_goes_up_in_chunks(behind: Place, proxy: Proxy, small_chunks: None) -> None:
    data = os.urandom(3 * CHUNK + 5)
    put(behind, data)
    assert len(uploads(proxy, "PUT")) == 4
    assert read(behind) == data


def test_folders_of_consoles_are_no_files(place: Place) -> None:
    put(place.below("in", ""), b"")
    put(place.below("in", "a"))
    assert there(place) == ["in/a"]
    assert place.store.file(f"{place.path}/in/") is None
    place.store.delete_below(place.path)
    assert [*place.store.list(place.path, deep=True)] == []


def test_what_is_stored_compressed_is_read_as_it_is_stored(place: Place) -> None:
    """Ranges are of the bytes that are stored; the format's `compression` unpacks them."""
    data = gzip.compress(b"id\n1\n" * 1000)
    made = api()
    made.ask(
        "POST",
        made.objects("stores", of="upload"),
        query={"uploadType": "media", "name": place.path, "contentEncoding": "gzip"},
        data=data,
    )
    assert read(place) == data
    assert place.store.file(place.path).size == len(data)  # type: ignore[union-attr]


def test_a_copy_goes_on_until_it_is_done(behind: Place, proxy: Proxy) -> None:
    put(behind.below("a"), b"1")
    behind.store.copy(behind.below("a").path, behind.below("b").path)
    assert read(behind.below("b")) == b"1"
    (asked,) = [path for _, path in proxy.asked if "rewriteTo" in path]
    assert "ifSourceGenerationMatch=" in asked


# faults


@pytest.mark.parametrize("fault", ["slow_down", "reset", 500])
def test_an_upload_goes_on_after_a_fault(
    fault: Any, behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    proxy.once("PUT", "upload_id", fault, times=2)
    data = os.urandom(2 * CHUNK + 5)
    put(behind, data)
    assert len(uploads(proxy, "PUT")) == 5
    assert read(behind) == data


def test_an_upload_that_cannot_go_on_leaves_nothing(
    behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    proxy.once("PUT", "upload_id", "slow_down", times=9)
    with pytest.raises(OSError, match=r"fewer requests \(503\), also after 3 tries") as told:
        put(behind, bytes(3 * CHUNK))
    assert told.value.filename == behind.path
    assert "later, or with fewer tasks" in told.value.hint  # type: ignore[attr-defined]
    assert there(behind) == []
    assert len(uploads(proxy, "DELETE")) == 1


def test_a_producer_that_fails_ends_its_upload(
    behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    def fail() -> None:
        with behind.store.writer(behind.path) as out:
            out.write(bytes(3 * CHUNK))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert there(behind) == []
    assert len(uploads(proxy, "DELETE")) == 1


@pytest.mark.parametrize("status", [410, 404])
def test_an_upload_whose_session_is_gone(
    status: int, behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    proxy.once("PUT", "upload_id", status)
    with pytest.raises(OSError, match="no longer knows the upload") as told:
        put(behind, bytes(3 * CHUNK))
    assert told.value.filename == behind.path
    assert there(behind) == []


@pytest.mark.parametrize("size", [1, 2 * CHUNK])
def test_an_answer_that_is_lost_is_no_failure(
    size: int, behind: Place, proxy: Proxy, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last request is repeated then, and finds its own object there."""
    count = 0

    def fault(method: str, path: str) -> Any:
        nonlocal count
        last = "uploadType=multipart" in path or (method == "PUT" and "upload_id" in path)
        count += last
        return "lost" if last and count == (1 if size == 1 else 2) else ""

    proxy.fault = fault
    put(behind, b"x" * size, only_new=True)
    assert read(behind) == b"x" * size


def test_bytes_that_arrive_twice_are_no_object(
    behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    """GCS takes no notice of bytes that it has. This server adds them: the sums tell."""
    proxy.once("PUT", "upload_id", "lost")
    with pytest.raises(OSError, match="another checksum than what was sent") as told:
        put(behind, os.urandom(2 * CHUNK + 1))
    assert told.value.filename == behind.path
    assert there(behind) == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_large_object_that_is_there_is_kept(
    method: str, behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    """GCS looks at the condition when an upload begins and when it ends; this server does not."""
    put(behind, b"f")
    proxy.once(method, "uploadType=resumable", 412)
    with pytest.raises(FileExistsError) as refused:
        put(behind, bytes(CHUNK // 2), only_new=True)
    assert refused.value.filename == behind.path
    assert read(behind) == b"f"
    assert len(uploads(proxy, "DELETE")) == (method == "PUT")
    (begun,) = [path for asked, path in proxy.asked if asked == "POST" and "resumable" in path]
    assert "ifGenerationMatch=0" in begun


@pytest.mark.parametrize("later", [b"", b"a new delivery"])
def test_a_removal_that_is_repeated_takes_nothing_new(
    later: bytes, place: Place, behind: Place, proxy: Proxy
) -> None:
    put(place, b"seen")
    seen = known(place)
    repeated = repeats("DELETE", lambda: put(place, later) if later else None)

    def fault(method: str, path: str) -> Fault:
        said = repeated(method, path)
        now = place.store.file(place.path) if method == "DELETE" else None
        other = now is not None and f"ifGenerationMatch={now.version}" not in path
        return 412 if other else said  # as GCS does; this server takes no notice

    proxy.fault = fault
    if not later:
        behind.store.delete(place.path, version=seen.version)
        assert there(place) == []
        return
    with pytest.raises(OSError, match="changed since it was first seen"):
        behind.store.delete(place.path, version=seen.version)
    assert read(place) == later


def test_an_answer_that_breaks_off_is_asked_for_again(behind: Place, proxy: Proxy) -> None:
    data = os.urandom(MB)
    put(behind, data)
    proxy.once("GET", "alt=media", "half", times=2)
    assert read(behind) == data


def test_an_object_that_changes_while_it_is_read(place: Place) -> None:
    put(place, b"a" * MB)
    with place.store.open(place.path) as file:
        assert file.read(10) == b"a" * 10
        put(place, b"b" * MB)
        with pytest.raises(OSError, match="changed since it was first seen") as told:
            file.read()
    assert told.value.filename == place.path
    with place.store.open(place.path) as file:
        place.store.delete(place.path)
        file.seek(-9, os.SEEK_END)
        with pytest.raises(FileNotFoundError):
            file.read()


def test_bytes_that_changed_on_the_way_are_told(
    behind: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranged, "FIRST", 1000)
    put(behind, b"a" * 5000)
    proxy.change = lambda body: body.replace(b"aaa", b"aba", 1)
    with behind.store.open(behind.path) as file, pytest.raises(OSError, match="checksum"):
        file.read()


def test_a_killed_writer_is_not_seen(place: Place) -> None:
    kill(place.below("a", "f"), TestGCS.finder, count=20 * MB)
    assert there(place) == []


# what is wrong


@pytest.mark.parametrize(
    ("other", "kind", "said", "hint"),
    [
        ({"bucket": "no-such"}, FileNotFoundError, "no bucket 'no-such'", "api_endpoint"),
        ({"endpoint": "http://127.0.0.1:9"}, ConnectionError, "port=9", ""),
        ({"status": 401}, PermissionError, "refuses who the connection 'lake'", "its key"),
        ({"status": 403}, PermissionError, "may not be used so: ", "permissions"),
        ({"status": 429}, OSError, r"fewer requests \(429\)", "fewer tasks"),
        ({"status": 400}, OSError, r"answered \w+ with 400", ""),
    ],
)
def test_what_is_wrong_is_told(
    other: dict[str, Any],
    kind: type[OSError],
    said: str,
    hint: str,
    place: Place,
    proxy: Proxy,
) -> None:
    proxy.fault = lambda method, path: other.get("status", "")
    made = api(1, other.get("endpoint", proxy.url))
    store = GCS(other.get("bucket", "stores"), "lake", lambda _: made)
    for ask in (
        lambda: list(store.list("x")),
        lambda: store.open("x"),
        lambda: store.file("x"),
        lambda: put(Place(store, "x")),
        lambda: put(Place(store, "x"), bytes(9 * MB)),
        lambda: store.copy("x", "y"),
        lambda: store.delete("x"),
        lambda: store.delete_below("x"),
    ):
        with pytest.raises(kind, match=said) as told:
            ask()
        assert told.value.filename == "x"
        assert "lake" in str(told.value) or kind is OSError
        assert hint in getattr(told.value, "hint", "")


def test_the_address_of_an_upload_is_not_told(
    behind: Place, proxy: Proxy, small_chunks: None
) -> None:
    """Who has it needs no key."""
    proxy.once("PUT", "upload_id", "reset", times=9)
    with pytest.raises(ConnectionError) as told:
        put(behind, bytes(3 * CHUNK))
    session = uploads(proxy, "PUT")[0].rpartition("upload_id=")[2]
    assert session
    assert session not in str(told.value)


LARGE = """
import sys
from tests.stores.contract import pass_through
from tests.stores.buckets import find
store, path = find(f"gs://stores/large/{sys.argv[1].rpartition('/')[2]}")
store.file("warm")

def work():
    pass_through(store, path, 150)
"""


def test_memory_does_not_grow_with_the_object(place: Place, tmp_path: Path) -> None:
    said, mebibytes = grown(LARGE, tmp_path)
    assert said == str(150 << 20)
    assert mebibytes < 140
