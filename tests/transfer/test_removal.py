"""Files that are removed, and those that never are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from factory.stores.disk import Disk
from factory.stores.model import Place
from factory.transfer.errors import TransferError
from factory.transfer.removal import delete

from ..stores.contract import put
from ..stores.folders import Folder


def test_a_folder_a_pattern_and_a_file(folder: Folder) -> None:
    for name in ("a.csv", "b.csv", "c.txt", "d/e.csv", "d/f/g.csv", "h/.i"):
        put((folder / name).place, b"123")

    def gone(path: str) -> tuple[int, int]:
        place = Place(folder.store, f"{folder}/{path}")
        done = delete(place, most=2, folder=path.endswith("/"))
        return done.files, done.bytes

    assert gone("d/") == (2, 6)
    assert [each.name for each in folder.iterdir()] == ["a.csv", "b.csv", "c.txt", "h"]
    assert gone("*.csv") == (2, 6)
    assert gone("c.txt") == (1, 3)
    assert gone("c.txt") == gone("d/") == gone("*.csv") == (0, 0)
    assert gone("h/") == (0, 0)
    assert gone("h/.*") == (1, 3)


def test_too_many_are_none(folder: Folder) -> None:
    for name in ("a/1", "a/2", "a/b/3"):
        put((folder / name).place)
    with pytest.raises(TransferError, match="more than 2 files: none was removed"):
        delete(Place(folder.store, f"{folder}/a/"), most=2, folder=True)
    assert (folder / "a" / "b" / "3").exists()


def test_what_readers_pass_over_counts(folder: Folder) -> None:
    """What goes is what is limited, whoever wrote it."""
    for name in ("a/1.parquet", "a/_SUCCESS", "a/_manifests/1.json"):
        put((folder / name).place)
    place = Place(folder.store, f"{folder}/a/")
    with pytest.raises(TransferError, match="`_SUCCESS` and manifests, too"):
        delete(place, most=1, folder=True)
    assert delete(place, most=3, folder=True).files == 3


@pytest.mark.parametrize(
    "path", ["", "/", "*", "**/", "/**/*.csv", "//", "*/a/", "~/", "~/*", "~*"]
)
def test_never_a_whole_store(path: str, folder: Folder) -> None:
    put((folder / "a").place)
    with pytest.raises(TransferError, match="all that is in its store"):
        delete(Place(folder.store, path), most=10, folder=True)
    assert (folder / "a").exists()


@pytest.mark.parametrize("part", ["//", "/../x", "/./", "/a//b/"])
def test_a_path_that_a_template_left_unclear(part: str, folder: Folder) -> None:
    put((folder / "a").place)
    with pytest.raises(TransferError, match="empty part"):
        delete(Place(folder.store, f"{folder}{part}"), most=10, folder=True)
    assert (folder / "a").exists()


def test_a_template_makes_no_folder(folder: Folder) -> None:
    put((folder / "a").place)
    with pytest.raises(TransferError, match="a template made a folder of it"):
        delete(Place(folder.store, f"{folder}/"), most=10, folder=False)
    assert (folder / "a").exists()


DELETES = """
import os
import sys
from factory.stores import open_uri
from factory.transfer.removal import delete
from factory.stores.model import Place

def stops(path):
    print("renamed", flush=True)
    sys.stdin.read()

os.unlink = stops
delete(Place(*open_uri(sys.argv[1])), most=9, folder=sys.argv[1].endswith("/"))
"""


@pytest.mark.parametrize("what", ["d/", "d/e/*.csv", "d/e/1.csv"])
@pytest.mark.parametrize("other", [b"", b"delivered"])
def test_what_a_killed_removal_left_goes_with_the_next(
    what: str, other: bytes, tmp_path: Path
) -> None:
    folder = Folder(Place(Disk(), str(tmp_path)))
    put((folder / "d" / "e" / "1.csv").place, b"1")
    place = Place(folder.store, f"{tmp_path}/{what}")
    command = [sys.executable, "-c", DELETES, place.uri]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"renamed\n"
        process.kill()
        process.wait()
    (hidden,) = (tmp_path / "d" / "e").iterdir()
    assert hidden.name.endswith(".old")
    if other:  # it is another one: listed again, it is what is meant
        hidden.write_bytes(other)
    done = delete(place, most=9, folder=what.endswith("/"))
    assert (done.files, done.stayed) == (int(bool(other)), [])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert (tmp_path / "d").exists() is not what.endswith("/")
