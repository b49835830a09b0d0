"""Files of a disk."""

import os
from pathlib import Path

import pytest

from factory.stores import UnknownStore, open_uri
from factory.stores.disk import Disk
from factory.stores.model import Place

from ..transfer.memory import grown
from .contract import KeepsUnfinished, folders, kill, put, read, there


class TestDisk(KeepsUnfinished):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Place(Disk(), str(tmp_path))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Disk(), str(tmp_path))


def test_an_address_is_taken_as_it_is_written(tmp_path: Path) -> None:
    assert open_uri("file:///data/a%20b#c?d").path == "/data/a%20b#c?d"
    assert open_uri(f"file://{tmp_path}").path == str(tmp_path)
    for other in ("file://host/x", "file://", "file:/x", "/x", "FILE:///x"):
        with pytest.raises(UnknownStore):
            open_uri(other)


def test_a_file_is_written_beside_its_place_and_not_shown(place: Place, tmp_path: Path) -> None:
    with place.store.writer(place.below("f").path) as out:
        out.write(b"x")
        (name,) = os.listdir(tmp_path)
        assert name.startswith(".f.")
        assert there(place) == []
    assert os.listdir(tmp_path) == ["f"]


def test_what_a_killed_writer_left_goes_with_the_next(place: Place, tmp_path: Path) -> None:
    kill(place.below("f"))
    (name,) = os.listdir(tmp_path)
    put(place.below("f2"))
    assert sorted(os.listdir(tmp_path)) == [name, "f2"]
    put(place.below("f"))
    assert sorted(os.listdir(tmp_path)) == ["f", "f2"]


def test_it_goes_with_its_folder(place: Place, tmp_path: Path) -> None:
    kill(place.below("a", "f"))
    place.store.delete_below(place.below("a").path)
    assert os.listdir(tmp_path) == []


def test_a_writer_that_was_thought_dead_is_cut_off(place: Place, tmp_path: Path) -> None:
    file = place.below("f")
    late = file.store.writer(file.path)
    late.write(b"late")
    put(file, b"new")
    with pytest.raises(FileNotFoundError):
        late.commit()
    assert read(file) == b"new"
    assert os.listdir(tmp_path) == ["f"]


def test_links(place: Place, tmp_path: Path) -> None:
    put(place.below("real", "f"), b"x")
    (tmp_path / "file").symlink_to("real/f")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "broken").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    assert there(place) == ["file", "real/f"]
    assert folders(place) == [place.below("real").path]
    assert read(place.below("folder", "f")) == b"x"
    with pytest.raises(OSError, match="symbolic link"):
        place.store.delete_below(place.below("folder").path)
    assert there(place) == ["file", "real/f"]


def test_folders_tell_when_they_changed(place: Place, tmp_path: Path) -> None:
    put(place.below("a", "b", "f"))
    os.utime(tmp_path / "a", (1000, 1000))
    ((folder,),) = (page.folders for page in place.store.list(place.path))
    assert folder.changed == 1000
    deep = [each for page in place.store.list(place.path, deep=True) for each in page.folders]
    assert [each.path for each in deep] == [place.below("a").path, place.below("a", "b").path]


LARGE = """
import sys
from factory.stores.disk import Disk
block = bytes(1 << 20)

def work():
    with Disk().writer(sys.argv[1] + "/f") as out:
        for _ in range(300):
            out.write(block)
    Disk().copy(sys.argv[1] + "/f", sys.argv[1] + "/g")
    with Disk().open(sys.argv[1] + "/g") as file:
        while file.read(1 << 20):
            pass
    print(Disk().file(sys.argv[1] + "/g").size)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    said, mebibytes = grown(LARGE, tmp_path)
    assert said == str(300 << 20)
    assert mebibytes < 16
