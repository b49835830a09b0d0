import gzip
import hashlib
import socket
from pathlib import Path

import fsspec
import pytest
import requests

from factory.transfer.download import Downloaded, download
from factory.transfer.errors import Missing, TransferError

from .web import Answer, Web

BODY = bytes(range(256)) * 10_000


def get(
    web: Web,
    fs: fsspec.AbstractFileSystem,
    path: Path,
    *,
    attempts: int = 3,
    sha256: str | None = None,
) -> Downloaded:
    with requests.Session() as session:
        return download(
            session,
            web.url("trips.csv?token=secret"),
            fs,
            str(path),
            timeout=(2, 0.5),
            attempts=attempts,
            backoff=0.01,
            sha256=sha256,
        )


def test_a_file(web: Web, fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    web.answers = [Answer(BODY, headers={"ETag": '"v1"'})]
    target = tmp_path / "deep" / "trips.csv"
    done = get(web, fs, target, sha256=hashlib.sha256(BODY).hexdigest().upper())
    assert done == Downloaded(str(target), len(BODY), '"v1"')
    assert target.read_bytes() == BODY
    assert [p.name for p in target.parent.iterdir()] == ["trips.csv"]
    assert web.asked[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Answer(BODY[:1000], length=len(BODY)), id="short"),
        pytest.param(Answer(BODY[:1000], chunked=True, length=1), id="chunks without an end"),
        pytest.param(Answer(BODY[:1000], length=len(BODY), stall=True), id="stall"),
        pytest.param(Answer(b"busy", status=500), id="500"),
        pytest.param(Answer(b"slow down", status=429, headers={"Retry-After": "0"}), id="429"),
    ],
)
def test_tried_again(bad: Answer, web: Web, fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    web.answers = [bad, bad, Answer(BODY)]
    assert get(web, fs, tmp_path / "trips.csv").bytes == len(BODY)
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert len(web.asked) == 3


@pytest.mark.parametrize(
    ("bad", "attempts", "message"),
    [
        (Answer(status=404), 1, r"/trips\.csv does not exist"),
        (Answer(status=403), 1, "HTTP 403"),
        (Answer(status=503), 3, "failed 3 times, last: HTTP 503"),
        (Answer(b"x" * 10, length=99), 3, "failed 3 times"),
    ],
)
def test_given_up(
    bad: Answer,
    attempts: int,
    message: str,
    web: Web,
    fs: fsspec.AbstractFileSystem,
    tmp_path: Path,
) -> None:
    web.answers = [bad]
    with pytest.raises(TransferError, match=message) as raised:
        get(web, fs, tmp_path / "trips.csv")
    assert isinstance(raised.value, Missing) == (bad.status == 404)
    assert "secret" not in str(raised.value)
    assert len(web.asked) == attempts
    assert list(tmp_path.iterdir()) == []


def test_another_content(web: Web, fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    web.answers = [Answer(BODY)]
    (tmp_path / "trips.csv").write_bytes(b"before")
    with pytest.raises(TransferError, match="sha256"):
        get(web, fs, tmp_path / "trips.csv", sha256="0" * 64)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"before"]


def test_nobody_listens(fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with requests.Session() as session, pytest.raises(TransferError, match="failed 2 times"):
            download(session, url, fs, str(tmp_path / "x"), attempts=2, backoff=0.01)


@pytest.mark.parametrize(("name", "stays"), [("a.csv.gz", True), ("a.csv", False)])
def test_served_as_gzip(
    name: str, stays: bool, web: Web, fs: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    packed = gzip.compress(BODY)
    web.answers = [Answer(packed, headers={"Content-Encoding": "gzip"})]
    get(web, fs, tmp_path / name)
    assert (tmp_path / name).read_bytes() == (packed if stays else BODY)


def test_what_a_killed_download_left_is_removed(
    web: Web, fs: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    (tmp_path / ".trips.csv.0123.part").write_bytes(BODY[:10])
    web.answers = [Answer(BODY)]
    get(web, fs, tmp_path / "trips.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["trips.csv"]
