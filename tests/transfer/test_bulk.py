"""Copies and moves of more files than memory is to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.stores.disk import Disk
from factory.stores.memory import Memory
from factory.stores.model import Place
from factory.stores.names import leaving
from factory.transfer import bulk
from factory.transfer.bulk import Done, copy
from factory.transfer.errors import TransferError

from ..stores.contract import put
from ..stores.folders import Folder
from .memory import grown
from .test_copies import Caseless, there

NAMES = [f"{letter}/{number}.csv" for letter in "abc" for number in range(3)]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PART", 2)


@pytest.fixture
def source(folder: Folder) -> Place:
    for name in NAMES:
        put((folder / "in" / name).place, name.encode())
    return Place(folder.store, f"{folder}/in/")


@pytest.fixture
def target(folder: Folder) -> Place:
    return Place(folder.store, f"{folder}/out/")


WHOLE = {name: name.encode() for name in NAMES}


def test_a_move_in_parts_and_its_repetition(source: Place, target: Place) -> None:
    size = sum(map(len, NAMES))
    assert copy(source, target, "fail", move=False) == Done(9, size, 0, 0, 0)
    assert there(source) == there(target) == WHOLE
    assert copy(source, target, "fail", move=True) == Done(0, 0, 9, 0, 9)
    assert (there(source), there(target)) == ({}, WHOLE)
    assert copy(source, target, "fail", move=True) is None


def test_a_name_that_another_file_has_in_any_part(source: Place, target: Place) -> None:
    other = dict.fromkeys(NAMES[3:8], b"other")
    for name, data in other.items():
        put(target.below(name), data)
    with pytest.raises(TransferError, match=r"another file at .* and 2 more: nothing was copied"):
        copy(source, target, "fail", move=True)
    assert (there(source), there(target)) == (WHOLE, other)
    done = copy(source, target, "skip", move=True)
    assert done is not None
    assert (done.files, done.kept, done.removed) == (4, 5, 4)
    assert there(target) == WHOLE | other
    done = copy(source, target, "replace", move=True)
    assert done is not None
    assert (done.files, done.removed) == (5, 5)
    assert (there(source), there(target)) == ({}, WHOLE)


def test_several_files_have_not_one_name(source: Place, target: Place) -> None:
    with pytest.raises(TransferError, match="2 files cannot have the one name"):
        copy(source, target.below("x"), "fail", move=False)


def test_names_of_two_parts_that_differ_in_case_alone() -> None:
    source, target = Place(Memory("bulk"), "in/"), Place(Caseless("bulk-caseless"), "out/")
    for name in ("A.csv", "b.csv", "c.csv", "a.csv"):
        put(source.below(name), name.encode())
    with pytest.raises(TransferError, match=r"A.csv and \S+a.csv are one file there, .* stay"):
        copy(source, target, "fail", move=True)
    assert len(there(source)) == 4
    Memory("bulk").delete_below("")
    Memory("bulk-caseless").delete_below("")


MANY = """
import io
from factory.stores.memory import Memory
from factory.stores.model import File, Place, pages
from factory.transfer import bulk

class Many(Memory):
    "Empty files, without number, which are everywhere already."

    def list(self, folder, *, deep=False, prefix=""):
        names = (f"in/of some day/{n:09}.csv" for n in range(50_000))
        return pages(File(name, 0, 1.5, f"etag of {name}") for name in names)

    def file(self, path):
        return None if path.endswith("**") else File(path, 0, 1.0, "other")

    def open(self, path, *, version=None):
        return io.BytesIO()

bulk.PART = 1000

def work():
    print(bulk.copy(Place(Many("a"), "in/"), Place(Many("b"), "out/"), "fail", move=False).there)
"""


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    """All of their names would take 30 MB."""
    said, mebibytes = grown(MANY)
    assert said == "50000"
    assert mebibytes < 20


def test_a_move_that_was_killed_as_it_removed(tmp_path: Path) -> None:
    source, target = Place(Disk(), f"{tmp_path}/in/"), Place(Disk(), f"{tmp_path}/out/")
    for name in "ab":
        put(source.below(name), b"1")
        put(target.below(name), b"1")
        known = source.store.file(source.below(name).path)
        assert known is not None
        (tmp_path / "in" / name).rename(tmp_path / "in" / leaving(name, known.version))
    (hidden,) = (tmp_path / "in").glob(".a.*.old")
    hidden.write_bytes(b"delivered")
    done = copy(source, Place(Disk(), f"{tmp_path}/new/"), "fail", move=True)
    assert done == Done(1, 9, 0, 0, 1)
    assert list((tmp_path / "in").iterdir()) == []
    assert (tmp_path / "new" / "a").read_bytes() == b"delivered"
