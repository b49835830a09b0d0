"""A transfer that broke off goes on where it ended, with the same file or not at all."""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from factory.transfer.errors import Missing, TransferError

from ..web import Answer, Answering, Asked, File, Web
from .getting import BODY, LONG_AGO, NOW, OTHER, dated, get, names

SHA = hashlib.sha256(BODY).hexdigest()
GOOD = File(BODY)
CUT = File(BODY, cut=2_000_000)
DONE = [".trips.csv.json", "trips.csv"]


def interrupted(web: Web, path: Path, cut: Answer | Answering = CUT) -> None:
    """What a task leaves that gave up in the middle."""
    web.answers = [cut]
    with pytest.raises(TransferError, match="failed 1 times, last: the connection broke"):
        get(web, path, attempts=1)
    web.asked.clear()


def begins_at(asked: Asked) -> int | None:
    return int(asked["Range"][6:-1]) if "Range" in asked else None


@pytest.mark.parametrize("sha256", [None, SHA])
def test_each_attempt_goes_on_where_the_last_ended(
    sha256: str | None, web: Web, tmp_path: Path
) -> None:
    web.answers = [CUT, File(BODY, cut=300_000), GOOD]
    get(web, tmp_path / "trips.csv", sha256=sha256)
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert [begins_at(asked) for asked in web.asked] == [None, 2_000_000, 2_300_000]
    assert {asked.get("If-Range") for asked in web.asked[1:]} == {'"v1"'}
    assert names(tmp_path) == DONE


def test_a_later_task_goes_on_too(web: Web, tmp_path: Path) -> None:
    interrupted(web, tmp_path / "trips.csv")
    assert names(tmp_path) == [".trips.csv.json", ".trips.csv.part"]
    web.answers = [GOOD]
    assert get(web, tmp_path / "trips.csv").etag == '"v1"'
    assert [begins_at(asked) for asked in web.asked] == [2_000_000]
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert names(tmp_path) == DONE


def test_a_whole_part_is_only_confirmed(web: Web, tmp_path: Path) -> None:
    """Killed between the last byte and the new name."""
    path = tmp_path / "trips.csv"
    web.answers = [GOOD]
    get(web, path)
    path.rename(tmp_path / ".trips.csv.part")
    get(web, path)
    assert begins_at(web.asked[1]) == len(BODY) - 1
    assert path.read_bytes() == BODY


PROCESS = """
import sys, requests
from factory.stores.disk import Disk
from factory.transfer.download import download
with requests.Session() as session:
    download(session, sys.argv[1], Disk(), sys.argv[2])
"""


def test_killed_in_the_middle(web: Web, tmp_path: Path) -> None:
    path, part = tmp_path / "trips.csv", tmp_path / ".trips.csv.part"
    web.answers = [replace(GOOD({}), gate=web.ended)]
    command = [sys.executable, "-c", PROCESS, web.url("trips.csv?token=secret"), str(path)]
    with subprocess.Popen(command) as process:
        while process.poll() is None and not (part.exists() and part.stat().st_size > 1_000_000):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert names(tmp_path) == [".trips.csv.json", ".trips.csv.part"]
    had = part.stat().st_size
    web.answers = [GOOD]
    get(web, path, sha256=SHA)
    assert [begins_at(asked) for asked in web.asked] == [None, had]
    assert path.read_bytes() == BODY
    assert names(tmp_path) == DONE
    assert "secret" not in (tmp_path / ".trips.csv.json").read_text()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(File(OTHER, etag='"v2"'), id="noticed by the server"),
        pytest.param(File(OTHER, etag='"v2"', if_range=False), id="noticed here"),
        pytest.param(File(OTHER, etag=None, if_range=False), id="without a version"),
        pytest.param(File(OTHER[:-1], if_range=False), id="of another length"),
        pytest.param(File(OTHER[:1000], etag='"v2"', if_range=False), id="shorter than the part"),
        pytest.param(File(OTHER, ranges=False), id="no ranges any more"),
    ],
)
@pytest.mark.parametrize("same_task", [True, False])
def test_the_file_changed_between_two_ranges(
    changed: File, same_task: bool, web: Web, tmp_path: Path
) -> None:
    path = tmp_path / "trips.csv"
    if not same_task:
        interrupted(web, path)
    web.answers = [CUT, changed] if same_task else [changed]
    assert get(web, path, attempts=2).etag == changed.etag
    assert path.read_bytes() == changed.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": f"bytes 0-559999/{len(BODY)}"},
        {"Content-Range": f"bytes 2000001-{len(BODY) - 1}/{len(BODY)}"},
        {"Content-Range": f"bytes 2000000-{len(BODY) - 1}/*"},
        {"Content-Range": f"items 2000000-{len(BODY) - 1}/{len(BODY)}"},
        {},
        {"Content-Range": f"bytes 2000000-{len(BODY) - 1}/{len(BODY)}", "Content-Encoding": "br"},
    ],
)
def test_another_range_than_was_asked_for(
    headers: dict[str, str], web: Web, tmp_path: Path
) -> None:
    interrupted(web, tmp_path / "trips.csv")
    web.answers = [Answer(OTHER[2_000_000:], 206, {"ETag": '"v1"', **headers}), GOOD]
    get(web, tmp_path / "trips.csv", attempts=1)
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert [begins_at(asked) for asked in web.asked] == [2_000_000, None]


def test_a_shorter_range_than_was_asked_for(web: Web, tmp_path: Path) -> None:
    interrupted(web, tmp_path / "trips.csv")
    some = {"ETag": '"v1"', "Content-Range": f"bytes 2000000-2099999/{len(BODY)}"}
    web.answers = [Answer(BODY[2_000_000:2_100_000], 206, some), GOOD]
    get(web, tmp_path / "trips.csv")
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert [begins_at(asked) for asked in web.asked] == [2_000_000, 2_100_000]


@pytest.mark.parametrize(
    ("file", "resumes"),
    [
        (File(BODY, etag='W/"v1"'), False),
        (File(BODY, etag='W/"v1"', modified=LONG_AGO), False),
        (File(BODY, etag=None, modified=LONG_AGO), True),
        (File(BODY, etag=None, modified=NOW), False),
        (File(BODY, etag=None, modified="yesterday"), False),
        (File(BODY, etag=None), False),
        (File(BODY, modified=LONG_AGO), True),
    ],
)
def test_only_a_strong_validator_will_do(
    file: File, resumes: bool, web: Web, tmp_path: Path
) -> None:
    file = dated(file)
    interrupted(web, tmp_path / "trips.csv", replace(file, cut=2_000_000))
    web.answers = [file]
    get(web, tmp_path / "trips.csv")
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert [begins_at(asked) for asked in web.asked] == [2_000_000 if resumes else None]
    if resumes:
        assert web.asked[0]["If-Range"] == (file.etag or file.modified)


def test_another_address_is_another_file(web: Web, tmp_path: Path) -> None:
    interrupted(web, tmp_path / "trips.csv")
    web.answers = [File(OTHER)]
    get(web, tmp_path / "trips.csv", query="month=2")
    assert (tmp_path / "trips.csv").read_bytes() == OTHER
    assert [begins_at(asked) for asked in web.asked] == [None]


def test_a_part_that_does_not_fit_its_digest_is_started_anew(web: Web, tmp_path: Path) -> None:
    """A server may give one tag to two files."""
    interrupted(web, tmp_path / "trips.csv")
    web.answers = [File(OTHER)]
    sha256 = hashlib.sha256(OTHER).hexdigest()
    get(web, tmp_path / "trips.csv", sha256=sha256)
    assert (tmp_path / "trips.csv").read_bytes() == OTHER
    assert [begins_at(asked) for asked in web.asked] == [2_000_000, None]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"inode": 1}', '{"version": {"x": 1}}', "\udcff"])
def test_a_damaged_note_is_none(text: str, web: Web, tmp_path: Path) -> None:
    interrupted(web, tmp_path / "trips.csv")
    (tmp_path / ".trips.csv.json").write_bytes(text.encode(errors="surrogateescape"))
    web.answers = [GOOD]
    get(web, tmp_path / "trips.csv")
    assert (tmp_path / "trips.csv").read_bytes() == BODY
    assert [begins_at(asked) for asked in web.asked] == [None]


def test_a_part_that_was_replaced_is_not_continued(web: Web, tmp_path: Path) -> None:
    interrupted(web, tmp_path / "trips.csv")
    copy = tmp_path / "copy"
    copy.write_bytes(OTHER[:2_000_000])
    copy.rename(tmp_path / ".trips.csv.part")
    web.answers = [GOOD]
    get(web, tmp_path / "trips.csv")
    assert (tmp_path / "trips.csv").read_bytes() == BODY


def test_a_file_that_is_gone_leaves_no_part(web: Web, tmp_path: Path) -> None:
    interrupted(web, tmp_path / "trips.csv")
    web.answers = [Answer(status=404)]
    with pytest.raises(Missing):
        get(web, tmp_path / "trips.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_others_left_is_removed(web: Web, tmp_path: Path) -> None:
    (tmp_path / f".trips.csv.{'0123' * 8}.part").write_bytes(BODY[:10])
    (tmp_path / ".trips.csv.part").write_bytes(BODY[:10])
    web.answers = [GOOD]
    get(web, tmp_path / "trips.csv")
    assert names(tmp_path) == DONE


def test_two_at_once_do_not_mix(web: Web, tmp_path: Path) -> None:
    """A task that was thought dead goes on, while its next attempt has begun."""
    path, part, gate = tmp_path / "trips.csv", tmp_path / ".trips.csv.part", threading.Event()
    web.answers = [replace(File(OTHER, etag='"v0"')({}), gate=gate), GOOD]
    first = threading.Thread(target=get, args=(web, path), kwargs={"timeout": (2, 10)})
    first.start()
    while not (part.exists() and part.stat().st_size > 1_000_000):
        time.sleep(0.01)
    try:
        get(web, path)
        assert path.read_bytes() == BODY
    finally:
        gate.set()
        first.join()
    assert path.read_bytes() == OTHER
    assert names(tmp_path) == DONE
    web.answers = [GOOD]
    get(web, path)
    assert path.read_bytes() == BODY


def test_a_second_writer_leaves_no_note(web: Web, tmp_path: Path) -> None:
    """The note is the first one's, and would tell the wrong version."""
    path, part = tmp_path / "trips.csv", tmp_path / ".trips.csv.part"
    with part.open("wb") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        web.answers = [File(OTHER)]
        get(web, path)
    assert names(tmp_path) == [".trips.csv.part", "trips.csv"]
    web.answers = [GOOD]
    get(web, path)
    assert path.read_bytes() == BODY
    assert names(tmp_path) == DONE
