import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from factory_embedded.services import files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trips.csv.gz").write_bytes(b"not really gzip" * 1000)
    return tmp_path


@pytest.fixture
def base(folder: Path) -> Iterator[str]:
    with files.running(folder) as server:
        yield server.url


def get(url: str, **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=5)


def test_a_file_comes_whole_with_its_headers(base: str, folder: Path) -> None:
    answer = get(f"{base}/trips.csv.gz")
    assert answer.status_code == 200
    assert answer.content == (folder / "trips.csv.gz").read_bytes()
    assert answer.headers["Content-Length"] == "15000"
    assert answer.headers["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Last-Modified"].endswith("GMT")
    assert answer.headers["ETag"].startswith('"')


def test_an_unchanged_file_is_not_sent_again(base: str, folder: Path) -> None:
    etag = get(f"{base}/trips.csv.gz").headers["ETag"]
    assert get(f"{base}/trips.csv.gz", **{"If-None-Match": etag}).status_code == 304
    (folder / "trips.csv.gz").write_bytes(b"new")
    changed = get(f"{base}/trips.csv.gz", **{"If-None-Match": etag})
    assert (changed.status_code, changed.content) == (200, b"new")


def test_what_is_missing_or_outside_is_not_found(base: str) -> None:
    assert get(f"{base}/other.csv").status_code == 404
    host, port = base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /../../../../etc/hostname HTTP/1.0\r\n\r\n")
        assert b" 404 " in connection.recv(100)


def test_it_listens_on_the_loopback_and_ends_cleanly(folder: Path) -> None:
    before = threading.active_count()
    with files.running(folder) as server:
        base = server.url
        assert base.startswith("http://127.0.0.1:")
        get(base + "/trips.csv.gz")
    with pytest.raises(requests.ConnectionError):
        get(base + "/trips.csv.gz")
    assert threading.active_count() <= before
