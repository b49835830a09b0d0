from pathlib import Path

import fsspec
import pytest

from factory.transfer.errors import Missing
from factory.transfer.files import expand


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
