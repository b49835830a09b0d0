"""What a server may do, and what becomes of the file."""

import gzip
import hashlib
import logging
import socket
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests

from factory.stores.memory import Memory
from factory.stores.model import is_appendable
from factory.transfer.download import Downloaded, download
from factory.transfer.download.retries import LONGEST_ASKED, LONGEST_WAIT, pause, retry_after
from factory.transfer.errors import Missing, TransferError

from ...stores.folders import Folder
from ..memory import grown
from ..web import Answer, File, Web
from .getting import BODY, get, names

SHA = hashlib.sha256(BODY).hexdigest()


def test_a_file(web: Web, folder: Folder) -> None:
    web.answers = [File(BODY)]
    target = folder / "deep" / "trips.csv"
    done = get(web, target, sha256=SHA.upper())
    assert done == Downloaded(str(target), len(BODY), '"v1"')
    assert target.read_bytes() == BODY
    noted = [".trips.csv.json"] if is_appendable(target.store) else []
    assert names(target.parent) == [*noted, "trips.csv"]
    assert web.asked[0]["Accept-Encoding"] == "identity"


def test_nothing_tells_its_version(web: Web, folder: Folder) -> None:
    web.answers = [Answer(BODY)]
    get(web, folder / "trips.csv")
    assert names(folder) == ["trips.csv"]


@pytest.mark.parametrize("body", [b"", b"x", b"x" * 131072, b"x" * 131073])
def test_sizes(body: bytes, web: Web, folder: Folder) -> None:
    web.answers = [File(body)]
    assert get(web, folder / "trips.csv").bytes == len(body)
    assert (folder / "trips.csv").read_bytes() == body


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Answer(BODY[:1000], length=len(BODY)), id="short"),
        pytest.param(Answer(BODY[:1000], chunked=True, length=1), id="chunks without an end"),
        pytest.param(Answer(BODY[:1000], length=len(BODY), stall=True), id="stall"),
        pytest.param(Answer(b"busy", status=500), id="500"),
        pytest.param(Answer(b"slow down", status=429, headers={"Retry-After": "0"}), id="429"),
        pytest.param(Answer(status=408), id="408"),
    ],
)
def test_tried_again(bad: Answer, web: Web, folder: Folder) -> None:
    web.answers = [bad, bad, Answer(BODY)]
    assert get(web, folder / "trips.csv").bytes == len(BODY)
    assert (folder / "trips.csv").read_bytes() == BODY
    assert len(web.asked) == 3


def test_silence_is_not_waited_for(
    web: Web, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    web.answers = [Answer(BODY[:1000], length=len(BODY), stall=True), Answer(BODY)]
    get(web, folder / "trips.csv")
    assert "timed out; trying again" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("bad", "attempts", "message"),
    [
        (Answer(status=404), 1, r"/trips\.csv does not exist \(HTTP 404\)"),
        (Answer(status=410), 1, r"does not exist \(HTTP 410\)"),
        (Answer(status=403), 1, "HTTP 403"),
        (Answer(BODY, status=206), 1, "HTTP 206"),
        (Answer(status=304), 1, "HTTP 304"),
        (Answer(status=302), 1, "HTTP 302"),
        (Answer(status=503), 3, "failed 3 times, last: HTTP 503"),
        (Answer(b"x" * 10, length=99), 3, "failed 3 times"),
    ],
)
def test_given_up(bad: Answer, attempts: int, message: str, web: Web, folder: Folder) -> None:
    web.answers = [bad]
    with pytest.raises(TransferError, match=message) as raised:
        get(web, folder / "trips.csv")
    assert isinstance(raised.value, Missing) == (bad.status in (404, 410))
    assert len(web.asked) == attempts
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "lie",
    [Answer(BODY, length=len(BODY) - 9), Answer(BODY[:-9]), Answer(BODY[:-9], no_length=True)],
)
def test_a_body_that_is_as_short_as_its_length_is_refused_by_its_digest(
    lie: Answer, web: Web, folder: Folder
) -> None:
    (folder / "trips.csv").write_bytes(b"before")
    web.answers = [lie]
    with pytest.raises(TransferError, match=f"has sha256 [0-9a-f]*, expected {SHA}"):
        get(web, folder / "trips.csv", sha256=SHA)
    assert [path.read_bytes() for path in folder.iterdir()] == [b"before"]


def test_without_a_length_nothing_shows_that_it_is_whole_and_the_log_says_so(
    web: Web, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    web.answers = [Answer(BODY, no_length=True)]
    assert get(web, folder / "trips.csv").bytes == len(BODY)
    assert "tells no length" in caplog.text


def test_nobody_listens(folder: Folder) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with requests.Session() as session, pytest.raises(TransferError) as raised:
            download(session, url, folder.store, str(folder / "x"), attempts=2, backoff=0.01)
    assert str(raised.value) == f"{url} failed 2 times, last: Connection refused"


@pytest.mark.parametrize(("name", "stays"), [("a.csv.gz", True), ("a.csv", False)])
@pytest.mark.parametrize("chunked", [False, True])
def test_served_as_gzip(name: str, stays: bool, chunked: bool, web: Web, folder: Folder) -> None:
    packed = gzip.compress(BODY)
    web.answers = [Answer(packed, headers={"Content-Encoding": "gzip"}, chunked=chunked)]
    get(web, folder / name)
    assert (folder / name).read_bytes() == (packed if stays else BODY)


def test_damaged_gzip_is_no_file(web: Web, folder: Folder) -> None:
    packed = bytearray(gzip.compress(BODY))
    packed[len(packed) // 2] ^= 255
    web.answers = [Answer(bytes(packed), headers={"Content-Encoding": "gzip"})]
    with pytest.raises(TransferError, match="failed 3 times"):
        get(web, folder / "trips.csv")
    assert list(folder.iterdir()) == []


def test_no_secret_is_told(web: Web, folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = web.url("trips.csv?token=secret").replace("://", "://me:passsecret@")
    odd = {"Location": f"http://127.0.0.1:{web.port}/x?signature=secret"}
    web.answers = [Answer(BODY[:9], length=99), Answer(status=302, headers=odd), Answer(status=500)]
    with requests.Session() as session, pytest.raises(TransferError) as raised:
        download(session, url, folder.store, str(folder / "x"), attempts=3, backoff=0.01)
    assert web.asked[0]["Authorization"].startswith("Basic ")
    assert web.asked[2]["Authorization"] == web.asked[0]["Authorization"]
    chain: BaseException | None = raised.value
    while chain is not None:
        assert "secret" not in repr(chain)
        chain = chain.__cause__ or chain.__context__
    assert "GET /trips.csv?…" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("bad", ["http://[", "ftp://127.0.0.1/x?secret", "http://", "x.csv?secret"])
def test_no_address(bad: str, folder: Folder) -> None:
    with requests.Session() as session, pytest.raises(TransferError) as raised:
        download(session, bad, folder.store, str(folder / "x"))
    assert "secret" not in str(raised.value)


def test_a_store_that_cannot_append(web: Web) -> None:
    store = Memory("downloads")
    web.answers = [File(BODY, cut=2_000_000), File(BODY)]
    with requests.Session() as session:
        done = download(session, web.url("x"), store, "stage/1/x.csv", backoff=0.01, sha256=SHA)
        assert done.bytes == len(BODY)
        assert store.open("stage/1/x.csv").read() == BODY
        assert "Range" not in web.asked[1]
        web.answers = [Answer(status=403)]
        with pytest.raises(TransferError):
            download(session, web.url("x"), store, "stage/2/x.csv")
    (page,) = store.list("", deep=True)
    assert [file.path for file in page.files] == ["stage/1/x.csv"]


def test_a_pause_doubles_has_a_random_part_and_an_end() -> None:
    for attempt, longest in [(1, 1), (2, 2), (5, 16), (50, LONGEST_WAIT)]:
        found = {pause(attempt, 1, None) for _ in range(20)}
        assert len(found) > 1
        assert longest / 2 <= min(found) <= max(found) <= longest
    assert pause(1, 1, 7) == 7
    assert pause(1, 1, 1e9) == LONGEST_ASKED


def test_what_retry_after_says() -> None:
    now = datetime(2024, 1, 1, tzinfo=timezone.utc)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after({"Retry-After": "12"}) == 12
    assert retry_after({"Retry-After": later, "Date": format_datetime(now, usegmt=True)}) == 90
    assert retry_after({"Retry-After": later}) == 0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


MEMORY = """
import sys, requests
from factory.stores.disk import Disk
from factory.transfer.download import download

def get(n):
    with requests.Session() as session:
        download(session, f"{sys.argv[1]}/{n}", Disk(), f"{sys.argv[2]}/{n}")

get(1)

def work():
    get(2)
"""


def test_memory_does_not_grow_with_the_file(web: Web, tmp_path: Path) -> None:
    web.answers = [Answer(BODY), Answer(BODY, times=80)]
    _, mebibytes = grown(MEMORY, web.url(""), tmp_path)
    assert (tmp_path / "2").stat().st_size == 80 * len(BODY)
    assert mebibytes < 16
