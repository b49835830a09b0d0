"""Objects of an S3 bucket, on a real server."""

import logging
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.errors import FactoryError
from factory.stores import ranged
from factory.stores.model import Place
from factory.stores.s3 import DEFAULT, S3, copying, writer
from factory.stores.s3 import place as place_of
from factory_embedded.services import files, s3

from ..transfer.memory import grown
from .buckets import client, serve
from .contract import NAMES, Outlives, kill, known, put, read, reads_in_any_order, there
from .proxy import Proxy, Refusal, Request, before, repeats

MB = 1 << 20


def connect(conn_id: str) -> Any:
    return client()


@pytest.fixture(scope="module")
def bucket(real_s3: s3.Server) -> str:
    real_s3.create_bucket("stores")
    return "stores"


@pytest.fixture
def place(
    real_s3: s3.Server, bucket: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Place]:
    serve(monkeypatch, real_s3)
    made = client()
    store = S3(bucket, DEFAULT, lambda _: made)
    place = Place(store, str(zlib.crc32(request.node.nodeid.encode())))
    yield place
    store.delete_below(place.path)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PART", 5 * MB)  # S3 takes none that is smaller


@pytest.fixture
def proxy(real_s3: s3.Server) -> Iterator[Proxy]:
    with before(real_s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def behind(
    place: Place, proxy: Proxy, real_s3: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """The same place, reached through the proxy."""
    serve(monkeypatch, real_s3, proxy.url)
    return Place(S3("stores", DEFAULT, lambda _: client(tries=3)), place.path)


def uploads(server: s3.Server) -> list[str]:
    """Keys of uploads that nobody completed."""
    found = server.client().list_multipart_uploads(Bucket="stores").get("Uploads", ())
    return [upload["Key"] for upload in found]


class TestS3(Outlives):
    finder = "tests.stores.buckets:find"
    names = tuple(name for name in NAMES if "\\" not in name)  # this server takes `\` for `/`

    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place

    def test_only_an_empty_folder_goes_as_one(self, place: Place) -> None:
        """Folders are not looked at: this server shows one that lost its last object."""
        put(place.below("a", "x"))
        place.store.delete_empty(place.below("a").path)
        assert there(place) == ["a/x"]


# addresses


@pytest.mark.parametrize(
    ("uri", "bucket", "conn_id", "path"),
    [
        ("s3://lake/a/b.csv", "lake", "aws_default", "a/b.csv"),
        ("s3://other@lake/a@b", "lake", "other", "a@b"),
        ("s3://lake", "lake", "aws_default", ""),
        ("s3://lake//a", "lake", "aws_default", "/a"),
    ],
)
def test_an_address(uri: str, bucket: str, conn_id: str, path: str) -> None:
    found = place_of(uri, connect)
    assert found == Place(S3(bucket, conn_id, connect), path)
    assert found.uri == (uri if path else f"{uri}/")


@pytest.mark.parametrize("uri", ["s3:///x", "s3://@b/x", "s3://KEY:secret@b/x", "s3://a b/x"])
def test_an_address_that_is_none_is_not_shown(uri: str) -> None:
    with pytest.raises(FactoryError, match="names no bucket") as refused:
        place_of(uri, connect)
    assert "secret" not in f"{refused.value} {refused.value.hint}"


# reading and writing


def test_ranges_are_read_ahead_and_in_any_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranged, "FIRST", 1000)
    monkeypatch.setattr(ranged, "BLOCK", 9000)
    monkeypatch.setattr(ranged, "_BUFFER", 100)
    reads_in_any_order(place)


def test_a_small_object_is_read_by_one_request(behind: Place, proxy: Proxy) -> None:
    put(behind, b"x" * 100_000)
    proxy.asked.clear()
    assert len(read(behind)) == 100_000
    assert [method for method, _ in proxy.asked] == ["GET"]


def test_a_copy_in_parts(place: Place, small_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "IN_ONE", 1)
    monkeypatch.setattr(copying, "PART", 5 * MB)
    data = os.urandom(11 * MB)
    put(place.below("a"), data)
    place.store.copy(place.below("a").path, place.below("b").path)
    assert read(place.below("b")) == data


def test_a_large_object_that_is_there_is_kept_and_no_part_stays(
    place: Place, small_parts: None, real_s3: s3.Server
) -> None:
    put(place, b"first")
    with pytest.raises(FileExistsError) as refused:
        put(place, bytes(11 * MB), only_new=True)
    assert refused.value.filename == place.path
    assert read(place) == b"first"
    assert uploads(real_s3) == []


def test_folders_of_consoles_are_no_files(place: Place, real_s3: s3.Server) -> None:
    real_s3.client().put_object(Bucket="stores", Key=f"{place.path}/in/")
    put(place.below("in", "a"))
    assert there(place) == ["in/a"]
    assert place.store.file(f"{place.path}/in/") is None


# faults


@pytest.mark.parametrize("fault", ["slow_down", "reset"])
def test_an_upload_goes_on_after_a_fault(
    fault: Any, behind: Place, proxy: Proxy, small_parts: None, real_s3: s3.Server
) -> None:
    proxy.once("PUT", "partNumber=2", fault, times=2)
    data = os.urandom(11 * MB)
    put(behind, data)
    assert len([path for _, path in proxy.asked if "partNumber=2" in path]) == 3
    assert read(behind) == data
    assert uploads(real_s3) == []


def test_an_upload_that_cannot_go_on_leaves_nothing(
    behind: Place, proxy: Proxy, small_parts: None, real_s3: s3.Server
) -> None:
    proxy.once("PUT", "partNumber=2", "slow_down", times=9)
    with pytest.raises(OSError, match=r"fewer requests \(SlowDown\), also after 3 tries") as told:
        put(behind, bytes(21 * MB))
    assert told.value.filename == behind.path
    assert "later, or with fewer tasks" in told.value.hint  # type: ignore[attr-defined]
    assert there(behind) == []
    assert uploads(real_s3) == []


@pytest.mark.parametrize(("size", "method"), [(1, "PUT"), (11 * MB, "POST")])
def test_an_answer_that_is_lost_is_no_failure(
    size: int, method: str, behind: Place, proxy: Proxy, small_parts: None
) -> None:
    """The request is repeated then, and finds its own object there."""
    proxy.once(method, "uploadId" if method == "POST" else "", "lost")
    put(behind, b"x" * size, only_new=True)
    assert read(behind) == b"x" * size


@pytest.mark.parametrize("later", [b"", b"a new delivery"])
def test_a_removal_that_is_repeated_takes_nothing_new(
    later: bytes, place: Place, behind: Place, proxy: Proxy
) -> None:
    put(place, b"seen")

    def deliver() -> None:
        if later:
            put(place, later)

    proxy.fault = repeats("DELETE", deliver)
    if not later:
        behind.store.delete(place.path, version=known(place).version)
        assert there(place) == []
        return
    with pytest.raises(OSError, match="changed since it was first seen"):
        behind.store.delete(place.path, version=known(place).version)
    assert read(place) == later


def test_a_server_that_does_not_know_how_to_remove_a_version(behind: Place, proxy: Proxy) -> None:
    def refuse(asked: Request) -> Refusal | None:
        return Refusal(501, "NotImplemented") if "if-match" in asked.headers else None

    proxy.refuse = refuse
    put(behind, b"one")
    seen = known(behind)
    put(behind, b"two")
    with pytest.raises(OSError, match="changed since"):
        behind.store.delete(behind.path, version=seen.version)
    assert read(behind) == b"two"
    behind.store.delete(behind.path, version=known(behind).version)
    assert there(behind) == []


def test_an_answer_that_breaks_off_is_asked_for_again(behind: Place, proxy: Proxy) -> None:
    data = os.urandom(MB)
    put(behind, data)
    proxy.once("GET", "", "half", times=2)
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


def test_what_a_killed_writer_sent_goes_with_its_folder(place: Place, real_s3: s3.Server) -> None:
    file = place.below("a", "f")
    kill(file, TestS3.finder, count=10 * MB)
    place.store.delete_below(place.below("b").path)
    assert uploads(real_s3) == [file.path]
    place.store.delete_below(place.below("a").path)
    assert uploads(real_s3) == []


def test_who_may_not_see_uploads_removes_the_rest(
    behind: Place, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    put(behind.below("a"))
    proxy.once("GET", "?uploads", "slow_down", times=9)
    with caplog.at_level(logging.WARNING):
        behind.store.delete_below(behind.path)
    assert there(behind) == []
    assert "uploads below" in caplog.text


# what is wrong


def asked(server: s3.Server, **other: str) -> S3:
    import boto3
    from botocore.config import Config

    made = boto3.client(
        "s3",
        endpoint_url=other.get("endpoint", server.endpoint),
        aws_access_key_id=other.get("key", server.access_key),
        aws_secret_access_key=other.get("secret", server.secret_key),
        region_name=server.region,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    return S3(other.get("bucket", "stores"), "lake", lambda _: made)


@pytest.mark.parametrize(
    ("other", "kind", "said", "hint"),
    [
        ({"bucket": "no-such"}, FileNotFoundError, "no bucket 'no-such'", "endpoint_url"),
        ({"key": "NOBODY"}, PermissionError, "key of the connection 'lake'", "login and password"),
        ({"secret": "s3cret-word"}, PermissionError, "refuses the key", "login and password"),
        ({"endpoint": "http://127.0.0.1:9"}, ConnectionError, "127.0.0.1:9", "endpoint_url"),
    ],
)
def test_what_is_wrong_is_told(
    other: dict[str, str],
    kind: type[OSError],
    said: str,
    hint: str,
    place: Place,
    real_s3: s3.Server,
) -> None:
    store = asked(real_s3, **other)
    for ask in (
        lambda: list(store.list("x")),
        lambda: store.open("x"),
        lambda: put(Place(store, "x")),
        lambda: store.delete_below("x"),
    ):
        with pytest.raises(kind, match=said) as told:
            ask()
        assert told.value.filename == "x"
        assert "lake" in str(told.value)
        assert hint in getattr(told.value, "hint", "")
        assert "s3cret-word" not in str(told.value)


def test_a_bucket_that_is_missing_is_no_missing_file(place: Place, real_s3: s3.Server) -> None:
    with pytest.raises(FileNotFoundError, match="no bucket 'no-such'"):
        asked(real_s3, bucket="no-such").file("x")
    # a HEAD has no word for what is wrong
    with pytest.raises(PermissionError, match="HeadObject is refused"):
        asked(real_s3, secret="wrong").file("x")


LARGE = """
import sys
from tests.stores.contract import pass_through
from tests.stores.buckets import find
from factory_embedded.services import s3
store, path = find(f"s3://stores/large/{sys.argv[1].rpartition('/')[2]}")
store.list("warm")

def work():
    pass_through(store, path, 300)
"""


def test_memory_does_not_grow_with_the_object(place: Place, tmp_path: Path) -> None:
    said, mebibytes = grown(LARGE, tmp_path)
    assert said == str(300 << 20)
    assert mebibytes < 200


# what a server says


def behind_with(place: Place, proxy: Proxy, server: s3.Server, **config: str) -> Place:
    import boto3
    from botocore.config import Config

    made = boto3.client(
        "s3",
        endpoint_url=proxy.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
        config=Config(retries={"total_max_attempts": 1}, proxies={}, **config),
    )
    return Place(S3("stores", "lake", lambda _: made), place.path)


def fails(ask: Callable[[], object], kind: type[OSError], said: str, hint: str) -> None:
    with pytest.raises(kind, match=said) as told:
        ask()
    assert hint in getattr(told.value, "hint", "")


def without_checksums(request: Request) -> Refusal | None:
    """A server that knows none of boto3's."""
    news = ("x-amz-trailer", "x-amz-checksum-", "x-amz-sdk-checksum-")
    known = not any(name.startswith(news) for name in request.headers)
    return None if known else Refusal(501, "NotImplemented")


def test_a_server_without_checksums(place: Place, real_s3: s3.Server, proxy: Proxy) -> None:
    proxy.refuse = without_checksums
    found = behind_with(place, proxy, real_s3).below("a")
    hint = '"request_checksum_calculation": "when_required"'
    fails(lambda: put(found), OSError, "PutObject with NotImplemented", hint)
    fails(lambda: put(found, bytes(17 * MB)), OSError, "with NotImplemented", hint)
    words = ("request_checksum_calculation", "response_checksum_validation")
    found = behind_with(place, proxy, real_s3, **dict.fromkeys(words, "when_required")).below("a")
    put(found)
    put(found, bytes(17 * MB))
    assert len(read(found)) == 17 * MB
    found.store.copy(found.path, place.below("b").path)
    found.store.delete_below(place.path)
    assert there(found.parent) == []


@pytest.mark.parametrize("status", [301, 400])
def test_another_region(status: int, place: Place, real_s3: s3.Server, proxy: Proxy) -> None:
    """boto3 goes where it is sent; what does not end there is told."""
    code = {301: "PermanentRedirect", 400: "AuthorizationHeaderMalformed"}[status]
    there_is = Refusal(status, code, {"x-amz-bucket-region": "eu-west-9"})
    found = behind_with(place, proxy, real_s3)
    proxy.refuse = lambda request: there_is
    for ask in (
        lambda: read(found),
        lambda: put(found),
        lambda: list(found.store.list("x")),
        lambda: found.store.file("x"),
    ):
        fails(ask, OSError, "lies in another region, eu-west-9", "set `region_name` to eu-west-9")
    proxy.refuse = lambda request: (
        None if "/eu-west-9/s3/" in request.headers["authorization"] else there_is
    )
    if status == 301:
        put(found)
        assert read(found) == b"x"


def test_a_checksum_that_does_not_fit(place: Place, real_s3: s3.Server, proxy: Proxy) -> None:
    found = behind_with(place, proxy, real_s3)
    proxy.send = lambda body: body.replace(b"good", b"evil")
    for size in (1, 5 * MB):
        data = b"good" * size
        fails(lambda data=data: put(found, data), OSError, "S3 answered", "repeat the task")  # type: ignore[misc]
    assert found.store.file(found.path) is None
    assert uploads(real_s3) == []


def test_an_endpoint_that_is_no_server_of_s3(place: Place, tmp_path: Path) -> None:
    with files.running(tmp_path) as server:
        other = s3.Server(server.url, "key", "s3cret-word", None)  # type: ignore[arg-type]
        store, said = asked(other), "'lake' reaches does not answer as S3 does"
        fails(lambda: list(store.list("")), OSError, said, "`endpoint_url`")
        fails(lambda: store.file("x"), FileNotFoundError, "no bucket", "`endpoint_url`")


# writers that were killed


def test_a_writer_cuts_off_one_that_was_killed(
    place: Place, small_parts: None, real_s3: s3.Server
) -> None:
    file, beside = place.below("f"), place.below("ff")
    kill(file, TestS3.finder, count=10 * MB)
    kill(beside, TestS3.finder, count=10 * MB)
    put(file, bytes(11 * MB))
    assert uploads(real_s3) == [beside.path]
    place.store.cut_off(beside.path)  # type: ignore[attr-defined]
    assert uploads(real_s3) == []


def test_a_writer_that_was_cut_off_says_so(place: Place, small_parts: None) -> None:
    out = place.store.writer(place.path)
    out.write(bytes(11 * MB))
    put(place, bytes(12 * MB))
    fails(out.commit, OSError, "ended before it was complete", "does another task write the same")
    assert len(read(place)) == 12 * MB


def test_parts_are_smaller_beside_another_upload(place: Place, real_s3: s3.Server) -> None:
    first, second = place.below("first"), place.below("second")
    with first.store.writer(first.path) as one, second.store.writer(second.path) as other:
        for writing in (one, other):
            writing.write(bytes(writer.PART + 1))
    assert isinstance(place.store, S3)
    for path, size in ((first.path, writer.PART), (second.path, writer.BESIDE)):
        key = {"Bucket": place.store.bucket, "Key": path}
        assert real_s3.client().head_object(**key, PartNumber=1)["ContentLength"] == size
