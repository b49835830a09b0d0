"""Files of a disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.stores import UnknownStore, names, open_uri
from factory.stores.disk import Disk
from factory.stores.model import Place

from ..transfer.memory import grown
from .contract import KeepsUnfinished, ended, folders, kill, known, put, read, there


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


def test_a_delivery_between_the_look_and_the_removal_gets_its_name_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, rename = place.below("f"), os.rename
    put(file, b"seen")
    seen = known(file)

    def after_a_delivery(one: str, other: str) -> None:
        put(file, b"later")
        rename(one, other)

    monkeypatch.setattr(os, "rename", after_a_delivery)
    with pytest.raises(OSError, match="changed since"):
        place.store.delete(file.path, version=seen.version)
    assert read(file) == b"later"
    assert os.listdir(tmp_path) == ["f"]


REMOVES = """
import os
import sys
from factory.stores import open_uri
store, path = open_uri(sys.argv[1])
rename = os.rename

def renames(one, other):
    rename(one, other)
    print("renamed", flush=True)
    sys.stdin.read()

os.rename = renames
store.delete(path, version=sys.argv[2])
"""


@pytest.mark.parametrize("delivered", [b"", b"later"])
def test_a_removal_that_was_killed_is_ended_by_the_next(
    delivered: bytes, place: Place, tmp_path: Path
) -> None:
    file = place.below("f")
    put(file, b"seen")
    seen = known(file)
    command = [sys.executable, "-c", REMOVES, file.uri, seen.version]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"renamed\n"
        process.kill()
        process.wait()
    assert len(os.listdir(tmp_path)) == 1
    assert place.store.file(file.path) is None
    if delivered:
        put(file, delivered)
    place.store.delete(file.path, version=seen.version)
    assert os.listdir(tmp_path) == (["f"] if delivered else [])


def test_what_a_killed_removal_held_gets_its_name_again(place: Place, tmp_path: Path) -> None:
    file = place.below("f")
    aside = tmp_path / names.leaving("f", "9-9-9")
    aside.write_bytes(b"other")
    with pytest.raises(OSError, match="changed since"):
        place.store.delete(file.path, version="9-9-9")
    assert read(file) == b"other"
    assert not aside.exists()


def test_a_third_file_of_the_name_loses_nothing(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(place.below("f"), b"third")
    aside = tmp_path / names.leaving("f", "9-9-9")
    aside.write_bytes(b"second")
    with pytest.raises(OSError, match="changed since"):
        place.store.delete(place.below("f").path, version="9-9-9")
    assert (aside.read_bytes(), read(place.below("f"))) == (b"second", b"third")
    assert f"the one before is kept as {aside}" in caplog.text


def test_a_folder_that_takes_the_name_is_not_hidden(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, rename = place.below("f"), os.rename
    put(file, b"seen")
    seen = known(file)

    def after_a_folder(one: str, other: str) -> None:
        monkeypatch.setattr(os, "rename", rename)
        os.unlink(file.path)
        put(file.below("x"), b"inside")
        rename(one, other)

    monkeypatch.setattr(os, "rename", after_a_folder)
    with pytest.raises(OSError, match="changed since"):
        place.store.delete(file.path, version=seen.version)
    assert read(file.below("x")) == b"inside"
    assert os.listdir(tmp_path) == ["f"]


def test_what_killed_removals_left_is_no_data_and_is_ended(place: Place, tmp_path: Path) -> None:
    assert ended(place, tmp_path, "settled") == {"b": b"another"}


def test_the_longest_name_goes(place: Place, tmp_path: Path) -> None:
    (tmp_path / ("x" * 255)).touch()
    file = place.below("x" * 255)
    place.store.delete(file.path, version=known(file).version)
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
