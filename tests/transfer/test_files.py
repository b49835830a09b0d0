from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.transfer.errors import Missing
from factory.transfer.files import expand, shares


def test_paths_patterns_and_lists(fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "odd[1].csv", "c.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "d.csv").mkdir()

    def names(*paths: str) -> list[str]:
        found = expand(fs, [str(tmp_path / path) for path in paths])
        return [Path(path).name for path in found]

    assert expand(fs, str(tmp_path / "a.csv")) == [str(tmp_path / "a.csv")]
    assert names("odd[1].csv") == ["odd[1].csv"]
    assert names("*.csv") == ["a.csv", "b.csv", "odd[1].csv"]
    assert names("c.txt", "?.csv", "a.csv") == ["c.txt", "a.csv", "b.csv"]
    with pytest.raises(Missing, match=r"no file matches '.*/x\.csv', '.*/y\*'"):
        names("a.csv", "x.csv", "y*")
    with pytest.raises(Missing, match="empty"):
        expand(fs, [])


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
