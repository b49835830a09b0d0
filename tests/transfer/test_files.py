import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.stores.disk import Disk
from factory.stores.model import Place, Store
from factory.transfer.errors import Missing
from factory.transfer.files import listed, named, shares

from ..stores.contract import put
from ..stores.folders import Folder


def expand(store: Store, paths: str | list[str]) -> list[str]:
    return [file.path for file in listed(store, paths)]


def test_paths_patterns_and_lists(folder: Folder) -> None:
    for name in ("b.csv", "a.csv", "odd[1].csv", "c.txt", "d.csv/e"):
        (folder / name).write_text("x")

    def names(*paths: str) -> list[str]:
        found = expand(folder.store, [str(folder / path) for path in paths])
        return [Path(path).name for path in found]

    assert expand(folder.store, str(folder / "a.csv")) == [str(folder / "a.csv")]
    assert names("odd[1].csv") == ["odd[1].csv"]
    assert names("*.csv") == ["a.csv", "b.csv", "odd[1].csv"]
    assert names("c.txt", "?.csv", "a.csv") == ["c.txt", "a.csv", "b.csv"]
    with pytest.raises(Missing, match=r"no file matches '.*/x\.csv', '.*/y\*'"):
        names("a.csv", "x.csv", "y*")
    with pytest.raises(Missing, match="empty"):
        expand(folder.store, [])


def test_what_others_write_beside_data_is_not_data(folder: Folder) -> None:
    """As Spark, Hive and Athena read a folder: the markers of Spark, Delta and our own target."""
    data = ["a/1.parquet", "a/_x.parquet", "a/year=2024/_data/2.parquet"]
    beside = ["_SUCCESS", "a/_metadata", "a/_common_metadata", "a/.1.parquet.crc", "a/_started_12"]
    beside += ["_manifests/1.json", "_temporary/0/3.parquet", "_delta_log/0.json"]
    for name in (*data, *beside):
        put((folder / name).place)

    def found(pattern: str) -> list[str]:
        return [each.name for each in named(folder.store, str(folder / pattern))]

    assert found("**") == data
    assert found("a/*") == ["1.parquet", "_x.parquet"]
    for pattern in ("_manifests/*.json", "*/_metadata", "_SUCCESS"):
        assert len(found(pattern)) == 1
    with pytest.raises(Missing):
        found("_*")


def test_a_file_by_two_addresses_is_read_once(tmp_path: Path) -> None:
    """By its own name. Files with the same bytes are two, and so are two names of a file."""
    store = Disk()
    for name in ("in/b.csv", "in/same.csv", "far/x.csv"):
        put(Place(store, f"{tmp_path}/{name}"), b"x")
    (tmp_path / "in" / "a.csv").symlink_to("b.csv")
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "in" / "c.csv").symlink_to("../far/x.csv")
    (tmp_path / "in" / "d.csv").symlink_to("../far/x.csv")
    os.link(tmp_path / "in" / "b.csv", tmp_path / "in" / "hard.csv")
    found = expand(store, [f"{tmp_path}/link/*.csv", f"{tmp_path}/in/*.csv"])
    own, linked = ["in/b.csv", "in/hard.csv", "in/same.csv"], ["link/c.csv"]
    assert sorted(found) == [f"{tmp_path}/{name}" for name in (*own, *linked)]


FILES = ("a.csv", "b/a.csv", "b/c/a.csv", "b/c/d/x.csv", "b/.a.csv", "[b]/a.csv", "b/a\n.csv")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.csv"]),
        ("*/*", ["[b]/a.csv", "b/.a.csv", "b/a\n.csv", "b/a.csv"]),
        ("?/a*.csv", ["b/a\n.csv", "b/a.csv"]),
        ("[a-c]/a.csv", ["b/a.csv"]),
        ("[!b]/a.csv", []),
        ("[[]b]/*", ["[b]/a.csv"]),
        ("b/*/a.csv", ["b/c/a.csv"]),
        ("*/c/a.csv", ["b/c/a.csv"]),
        ("**/a.csv", ["[b]/a.csv", "a.csv", "b/a.csv", "b/c/a.csv"]),
        ("b/**", ["b/.a.csv", "b/a\n.csv", "b/a.csv", "b/c/a.csv", "b/c/d/x.csv"]),
        ("b/**/d/*.csv", ["b/c/d/x.csv"]),
        ("**/c/**/x.csv", ["b/c/d/x.csv"]),
        ("b/**/**/a.csv", ["b/a.csv", "b/c/a.csv"]),
        ("a.csv/*", []),
        ("b/*/", []),
        ("b/c/d/x.csv/", ["b/c/d/x.csv"]),
    ],
)
def test_patterns(pattern: str, found: list[str], folder: Folder) -> None:
    for name in FILES:
        (folder / name).write_text("x")
    if not found:
        with pytest.raises(Missing):
            expand(folder.store, f"{folder}/{pattern}")
        return
    assert expand(folder.store, f"{folder}/{pattern}") == [f"{folder}/{name}" for name in found]


def test_half_a_pattern(folder: Folder) -> None:
    with pytest.raises(ValueError, match="entire path component"):
        expand(folder.store, f"{folder}/a**b")


def test_files_are_shared_out_by_size() -> None:
    files = ["a", "b", "c", "d", "e"]
    assert shares(files, [1, 1, 1, 1, 1], 16, 100) == [files]
    assert shares(files, [100, 100, 100, 100, 100], 16, 100) == [[file] for file in files]
    assert shares(files, [100, 100, 100, 300, 100], 2, 100) == [["a", "b", "c"], ["d", "e"]]
    assert shares(files, [0, 0, 0, 0, 0], 2, 100) == [files]


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 20), st.integers(1, 500))
def test_each_file_is_in_one_share_and_in_order(sizes: list[int], most: int, worth: int) -> None:
    files = [str(number) for number in range(len(sizes))]
    parts = shares(files, sizes, most, worth)
    assert [file for part in parts for file in part] == files
    assert all(parts)
    assert len(parts) <= min(most, len(files))


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("order.csv", "did you mean 'orders.csv'?"),
        ("*.parquet", "in '{}' there is 'orders.csv'"),
        ("none/*.csv", "there is nothing in '{}/none'"),
    ],
)
def test_what_is_there_instead_is_told(folder: Folder, wanted: str, told: str) -> None:
    (folder / "orders.csv").write_text("x")
    with pytest.raises(Missing) as raised:
        expand(folder.store, str(folder / wanted))
    assert raised.value.hint == f"{told.format(folder)}. `on_missing: skip` skips the step"
