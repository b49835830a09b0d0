import datetime as dt

import pytest

from factory.definitions.formats import Csv, Jsonl
from factory.transfer.errors import BadOption
from factory.transfer.lineage import Lineage
from factory.transfer.to_parquet import to_parquet

from ..stores.folders import Folder

NOW = dt.datetime(2024, 5, 1, 12, tzinfo=dt.timezone.utc)


def test_columns_are_added(folder: Folder) -> None:
    store = folder.store
    one, two, target = folder / "1.jsonl", folder / "2.jsonl", folder / "out.parquet"
    one.write_text('{"a": 1}\n')
    two.write_text('{"a": 2}\n' * 2)
    lineage = Lineage(source_file={}, loaded_at=NOW, run_id="scheduled__2024-05-01")
    sources = [str(one), str(two)]
    done = to_parquet(store, sources, store, str(target), format=Jsonl(), lineage=lineage)
    assert done.columns == {
        "a": "int64",
        "_source_file": "string",
        "_loaded_at": "timestamp[us, tz=UTC]",
        "_run_id": "string",
    }
    found = target.parquet().read()
    assert found.column("_source_file").to_pylist() == [sources[0], sources[1], sources[1]]
    assert set(found.column("_loaded_at").to_pylist()) == {NOW}
    assert set(found.column("_run_id").to_pylist()) == {"scheduled__2024-05-01"}


def test_only_those_that_are_asked_for(folder: Folder) -> None:
    store = folder.store
    source, target = folder / "1.csv", folder / "out.parquet"
    source.write_text("a\n1\n")
    lineage = Lineage(run_id="r")
    arguments = (store, [str(source)], store, str(target))
    done = to_parquet(*arguments, format=Csv(), lineage=lineage)
    assert list(done.columns) == ["a", "_run_id"]
    assert list(to_parquet(*arguments, format=Csv()).columns) == ["a"]


def test_a_column_that_the_files_have(folder: Folder) -> None:
    store = folder.store
    source, target = folder / "1.csv", folder / "out.parquet"
    source.write_text("_run_id\n1\n")
    arguments = (store, [str(source)], store, str(target))
    message = "the column '_run_id' of the lineage is in the files already"
    with pytest.raises(BadOption, match=message):
        to_parquet(*arguments, format=Csv(names="as_is"), lineage=Lineage(run_id="r"))
    assert not target.exists()
