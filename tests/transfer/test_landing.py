"""What becomes of files when their rows are published."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.stores.disk import Disk
from factory.stores.model import Place
from factory.stores.names import leaving
from factory.transfer.errors import TransferError
from factory.transfer.files import named
from factory.transfer.landing import Away, require_place, take_away
from factory.transfer.warehouse.arrivals import Arrival

from ..stores.contract import put
from ..stores.folders import Folder


def loaded(folder: Folder, **files: bytes) -> tuple[list[str], list[Arrival]]:
    """Files, as they are listed before they are loaded."""
    for name, data in files.items():
        put((folder / "in" / name).place, data)
    found = named(folder.store, f"{folder}/in/*")
    paths = [file.path for _, file in found]
    return paths, [Arrival(f.path, f.size, f.version, name=name) for name, f in found]


def target(folder: Folder) -> Place:
    return Place(folder.store, f"{folder}/out/")


def names(folder: Folder) -> list[str]:
    return [each.name for each in folder.iterdir()]


def test_only_the_versions_that_were_loaded_go(folder: Folder) -> None:
    listed = loaded(folder, a=b"1", b=b"22", c=b"333", d=b"4444")
    put((folder / "in" / "b").place, b"later")
    put((folder / "in" / "e").place, b"later")
    folder.store.delete(str(folder / "in" / "c"))
    assert take_away(folder.store, *listed, target(folder)) == Away(2, 5, gone=1, stayed=1)
    assert names(folder / "in") == ["b", "e"]
    assert names(folder / "out") == ["a", "d"]
    assert take_away(folder.store, *listed, target(folder)) == Away(0, 0, gone=3, stayed=1)
    listed = loaded(folder)
    assert take_away(folder.store, *listed, None) == Away(2, 10, gone=0, stayed=0)
    assert names(folder / "in") == []
    assert names(folder / "out") == ["a", "d"]


def test_what_an_earlier_try_has_copied_goes(folder: Folder) -> None:
    listed = loaded(folder, a=b"1", b=b"22")
    put((folder / "out" / "a").place, b"1")
    assert take_away(folder.store, *listed, target(folder)).files == 2
    assert names(folder / "in") == []
    assert names(folder / "out") == ["a", "b"]


def test_a_name_that_another_file_has_in_the_folder(folder: Folder) -> None:
    listed = loaded(folder, a=b"1", b=b"22")
    put((folder / "out" / "a").place, b"other")
    with pytest.raises(TransferError, match=r"another file at \S+/out/a: the one that was loaded"):
        take_away(folder.store, *listed, target(folder))
    assert names(folder / "in") == ["a"]
    assert (folder / "out" / "a").read_text() == "other"
    with pytest.raises(TransferError, match="a folder of the run's own"):
        require_place(folder.store, named(folder.store, f"{folder}/in/*"), target(folder), [])


@pytest.mark.parametrize("moves", [False, True])
def test_what_a_killed_try_has_hidden_is_seen_to(moves: bool, tmp_path: Path) -> None:
    folder = Folder(Place(Disk(), str(tmp_path)))
    listed = loaded(folder, a=b"1", b=b"22", c=b"333")
    versions = {file.name: file.version for file in listed[1]}
    for name in "abc":
        (tmp_path / "in" / name).rename(tmp_path / "in" / leaving(name, versions[name]))
    (tmp_path / "in" / leaving("b", versions["b"])).write_bytes(b"delivered")
    put((folder / "in" / "c").place, b"third")
    to = target(folder) if moves else None
    assert take_away(folder.store, *listed, to) == Away(0, 0, gone=1, stayed=2)
    there = {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    assert there == {"b": b"delivered", "c": b"third"}
