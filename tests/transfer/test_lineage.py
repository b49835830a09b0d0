import datetime as dt
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from factory.definitions.formats import Csv, Jsonl
from factory.transfer.errors import BadOption
from factory.transfer.to_parquet import to_parquet

NOW = dt.datetime(2024, 5, 1, 12, tzinfo=dt.timezone.utc)


def test_columns_are_added(fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    one, two, target = tmp_path / "1.jsonl", tmp_path / "2.jsonl", tmp_path / "out.parquet"
    one.write_text('{"a": 1}\n')
    two.write_text('{"a": 2}\n' * 2)
    lineage = {"source_file": True, "loaded_at": NOW, "run_id": "scheduled__2024-05-01"}
    sources = [str(one), str(two)]
    done = to_parquet(fs, sources, fs, str(target), format=Jsonl(), lineage=lineage)
    assert done.columns == {
        "a": "int64",
        "_source_file": "string",
        "_loaded_at": "timestamp[us, tz=UTC]",
        "_run_id": "string",
    }
    found = pq.read_table(target)
    assert found.column("_source_file").to_pylist() == [sources[0], sources[1], sources[1]]
    assert set(found.column("_loaded_at").to_pylist()) == {NOW}
    assert set(found.column("_run_id").to_pylist()) == {"scheduled__2024-05-01"}


def test_only_those_that_are_asked_for(fs: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    source, target = tmp_path / "1.csv", tmp_path / "out.parquet"
    source.write_text("a\n1\n")
    lineage = {"source_file": False, "loaded_at": None, "run_id": "r"}
    arguments = (fs, [str(source)], fs, str(target))
    done = to_parquet(*arguments, format=Csv(), lineage=lineage)
    assert list(done.columns) == ["a", "_run_id"]
    assert list(to_parquet(*arguments, format=Csv(), lineage={}).columns) == ["a"]


@pytest.mark.parametrize(
    ("lineage", "message"),
    [
        ({"run_id": "r"}, "the column '_run_id' of the lineage is in the files already"),
        ({"loaded_at": dt.datetime(2024, 1, 1)}, "must be a time with a zone"),
        ({"run": "r"}, "Did you mean 'run_id'"),
        ({"source_file": "yes"}, "'source_file' must be bool"),
    ],
)
def test_refused(
    lineage: dict[str, object],
    message: str,
    fs: fsspec.AbstractFileSystem,
    tmp_path: Path,
) -> None:
    source, target = tmp_path / "1.csv", tmp_path / "out.parquet"
    source.write_text("_run_id\n1\n")
    options = Csv(names="as_is")
    with pytest.raises(BadOption, match=message):
        to_parquet(fs, [str(source)], fs, str(target), format=options, lineage=lineage)
    assert not target.exists()
