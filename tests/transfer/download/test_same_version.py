"""A file that the stage holds already is not sent again."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from factory.transfer.errors import TransferError

from ...stores.folders import Folder
from ..web import Answer, File, Web
from .getting import BODY, LONG_AGO, NOW, OTHER, dated, get

SHA = hashlib.sha256(BODY).hexdigest()


def have(web: Web, path: Path | Folder, file: File) -> None:
    """Have it on the stage."""
    web.answers = [file]
    get(web, path)
    web.asked.clear()


def held(web: Web, path: Path, file: File) -> int:
    """Have it on the stage. Gives the file's number, which another file would not have."""
    have(web, path, file)
    return path.stat().st_ino


@pytest.mark.parametrize(
    ("file", "condition"),
    [
        (File(BODY), {"If-None-Match": '"v1"'}),
        (File(BODY, etag='W/"v1"'), {"If-None-Match": 'W/"v1"'}),
        (File(BODY, etag=None, modified=LONG_AGO), {"If-Modified-Since": LONG_AGO}),
    ],
)
def test_not_modified(file: File, condition: dict[str, str], web: Web, tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    inode = held(web, path, file)
    done = get(web, path)
    assert (done.bytes, done.etag) == (len(BODY), file.etag)
    assert condition.items() <= web.asked[0].items()
    assert path.stat().st_ino == inode


@pytest.mark.parametrize("file", [File(BODY), File(BODY, etag=None, modified=LONG_AGO)])
def test_a_server_without_conditions(file: File, web: Web, tmp_path: Path) -> None:
    """Its answer shows the same version: the body, which never comes, is not waited for."""
    path = tmp_path / "trips.csv"
    inode = held(web, path, file)
    web.answers = [Answer(headers=file.headers(), length=len(BODY), stall=True)]
    assert get(web, path, attempts=1).bytes == len(BODY)
    assert path.stat().st_ino == inode


@pytest.mark.parametrize(
    ("file", "now"),
    [
        (File(BODY), File(OTHER, etag='"v2"')),
        (File(BODY), File(OTHER, etag=None)),
        (File(BODY), File(OTHER[:-1], conditions=False)),
        (File(BODY, etag=None), File(OTHER, etag=None)),
        (File(BODY, etag=None, modified=LONG_AGO), File(OTHER, etag=None)),
        (File(BODY, etag=None, modified=NOW), None),
    ],
)
def test_another_version(file: File, now: File | None, web: Web, folder: Folder) -> None:
    file, path = dated(file), folder / "trips.csv"
    have(web, path, file)
    web.answers = [now or replace(file, body=OTHER)]
    get(web, path)
    assert path.read_bytes() == web.answers[0].body  # type: ignore[union-attr]


def test_another_address(web: Web, folder: Folder) -> None:
    have(web, folder / "trips.csv", File(BODY))
    web.answers = [File(OTHER)]
    get(web, folder / "trips.csv", query="month=2")
    assert (folder / "trips.csv").read_bytes() == OTHER


@pytest.mark.parametrize("change", ["replaced", "cut", "removed"])
def test_a_file_that_is_not_what_the_note_says(change: str, web: Web, tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    have(web, path, File(BODY))
    if change == "replaced":
        (tmp_path / "x").write_bytes(BODY)
        (tmp_path / "x").rename(path)
    elif change == "cut":
        with path.open("r+b") as file:
            file.truncate(10)
    else:
        path.unlink()
    get(web, path)
    assert "If-None-Match" not in web.asked[0]
    assert path.read_bytes() == BODY


def test_the_digest_is_enough(web: Web, folder: Folder) -> None:
    (folder / "trips.csv").write_bytes(BODY)
    web.answers = [Answer(status=500)]
    assert get(web, folder / "trips.csv", sha256=SHA).bytes == len(BODY)
    assert web.asked == []


def test_a_file_of_another_digest_is_fetched_whatever_its_version(web: Web, folder: Folder) -> None:
    path = folder / "trips.csv"
    have(web, path, File(OTHER))
    web.answers = [File(BODY)]
    get(web, path, sha256=SHA)
    assert path.read_bytes() == BODY


def test_a_failed_attempt_leaves_the_file_and_its_note(web: Web, tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    inode = held(web, path, File(BODY))
    web.answers = [Answer(status=500)]
    with pytest.raises(TransferError):
        get(web, path)
    web.answers = [File(BODY)]
    get(web, path)
    assert path.stat().st_ino == inode
