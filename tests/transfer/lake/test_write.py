"""How rows are cut into files, and which folders they go into."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from factory.definitions.output import CsvFiles, JsonLinesFiles, ParquetFiles
from factory.stores.model import Place, keeps_parts
from factory.transfer.errors import BadRow, Missing
from factory.transfer.lake import manifest, note
from factory.transfer.lake import write as writes
from factory.transfer.lake.names import NULL

from ..conftest import folder
from ..memory import grown
from .conftest import Lake, lake, on_disk, rows

__all__ = ["folder", "lake"]


def test_files_end_near_the_size_that_is_asked_for(lake: Lake) -> None:
    noise = random.Random(1)
    table = rows(*range(40_000), x=[noise.randbytes(50).hex() for _ in range(40_000)])
    done = lake.load(table, file_size=500_000, format=ParquetFiles(compression="none"))
    (found,) = lake.manifests()
    sizes = [file.bytes for file in found.files]
    assert done.files == len(sizes) > 5
    assert all(500_000 <= size < 1_100_000 for size in sizes[:-1])
    assert lake.ids() == [*range(40_000)]


def test_columns_name_folders_as_hive_has_them(lake: Lake) -> None:
    table = rows(
        *range(5),
        country=["DE", None, "a/b=c%", "ä b", "DE"],
        day=[dt.date(2024, 1, 2)] * 5,
        big=[True, True, True, True, None],
    )
    lake.load(table, partition_by=("country", "day", "big"))
    folders = {path.rpartition("/")[0] for path in lake.files()}
    assert folders == {
        "country=DE/day=2024-01-02/big=true",
        f"country=DE/day=2024-01-02/big={NULL}",
        f"country={NULL}/day=2024-01-02/big=true",
        "country=a%2Fb%3Dc%25/day=2024-01-02/big=true",
        "country=ä b/day=2024-01-02/big=true",
    }
    assert lake.ids() == [0, 1, 2, 3, 4]
    assert lake.read(lake.files()[0]).schema.names == ["id"]


def test_arrow_reads_the_folders_again(tmp_path: Path) -> None:
    lake = on_disk(tmp_path)
    values = ["DE", None, "a/b=c%'", "ä b", "x:y"]
    lake.load(rows(*range(5), country=values), partition_by=("country",))
    hive = ds.partitioning(pa.schema({"country": pa.string()}), flavor="hive")
    found = ds.dataset(lake.place.path, partitioning=hive).to_table().sort_by("id")
    assert found["country"].to_pylist() == values


def test_few_files_are_open_at_once_whatever_the_number_of_folders(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "MOST_WAITING", 1000)
    keys = [n % 40 for n in range(2000)]
    lake.load(rows(*range(2000), k=keys), partition_by=("k",), format=ParquetFiles())
    assert lake.ids() == [*range(2000)]
    assert {path.rpartition("/")[0] for path in lake.files()} == {f"k={n}" for n in range(40)}


def test_what_is_at_work_is_noted_no_more_often_than_it_must_be(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk, something stays of every file of a killed attempt; elsewhere of large ones."""
    noted: list[list[str]] = []

    def begin(place: Place, token: str, paths: list[str]) -> None:
        noted.append(paths)
        manifest.begin(place, token, paths)

    monkeypatch.setattr(note, "begin", begin)
    lake.load(rows(*range(40), k=[*range(40)]), partition_by=("k",), format=CsvFiles())
    store = lake.place.store
    each = keeps_parts(store) and store.leaves_from == 0
    assert len(noted) == (40 if each else 1)
    monkeypatch.setattr(note, "RENEWED", -1.0)
    lake.load(rows(*range(3), k=[*range(3)]), partition_by=("k",), format=CsvFiles(), run="run 2")
    assert len(noted) == (43 if each else 4)


def test_more_files_than_anybody_wants_are_refused_with_what_to_do(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "MOST_FILES", 20)
    with pytest.raises(BadRow, match=r"more than 20 files\. Take columns of fewer values"):
        lake.load(rows(*range(30), k=list(range(30))), partition_by=("k",))
    assert lake.files() == []


@pytest.mark.parametrize(
    ("columns", "names", "said"),
    [
        ({"c": [1.5]}, ("c",), "names 'c', which is double"),
        ({"c": [dt.datetime(2024, 1, 1)]}, ("c",), "names 'c', which is timestamp"),
        ({"c": ["x"]}, ("c", "id"), "names all columns"),
        ({"_c": ["x"]}, ("_c",), "names '_c', and folders whose names begin so are hidden"),
    ],
)
def test_columns_that_name_no_folders(
    lake: Lake, columns: dict[str, Any], names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadRow, match=said):
        lake.load(rows(1, **columns), partition_by=names)
    assert lake.files() == []


def test_a_column_that_is_not_there_is_told_with_the_nearest_one(lake: Lake) -> None:
    with pytest.raises(Missing, match=r"names 'contry', and .* no such column\. Did you mean") as e:
        lake.load(rows(1, country=["DE"]), partition_by=("contry",))
    assert e.value.hint == "Did you mean 'country'?"
    assert lake.files() == []


@pytest.mark.parametrize(
    ("format", "columns", "said"),
    [
        (CsvFiles(), {"c": [[1]]}, "the column 'c' is list<.*>, and CSV has none"),
        (JsonLinesFiles(), {"c": [b"x"]}, "the column 'c' is binary, and JSON has none"),
        (JsonLinesFiles(), {"c": [float("nan")]}, "'c' holds a number that is not finite"),
    ],
)
def test_what_a_format_has_no_way_to_write(
    lake: Lake, format: Any, columns: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadRow, match=said):
        lake.load(rows(1, **columns), format=format)
    assert lake.files() == []


def test_an_empty_line_would_be_no_row(lake: Lake) -> None:
    table = pa.table({"x": ["a", None]})
    with pytest.raises(BadRow, match="null_text"):
        lake.load(table, format=CsvFiles())
    lake.load(table, format=CsvFiles(null_text="\\N"))
    (path,) = lake.files()
    with lake.place.store.open(lake.place.below(path).path) as file:
        assert file.read() == b'"x"\n"a"\n\\N\n'


def test_parquet_is_what_others_read(tmp_path: Path) -> None:
    lake = on_disk(tmp_path)
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone.utc)
    lake.load(rows(1, at=pa.array([moment], pa.timestamp("us", "Europe/Berlin")), x=["a"]))
    with pq.ParquetFile(f"{lake.place.path}/{lake.files()[0]}") as found:
        at, group = found.schema.column(1), found.metadata.row_group(0)
        assert at.physical_type == "INT64"
        assert "isAdjustedToUTC=true, timeUnit=microseconds" in str(at.logical_type)
        assert group.column(2).compression == "ZSTD"
        assert found.metadata.format_version == "2.6"


MANY_FOLDERS = """
import sys
import pyarrow as pa
from factory.definitions.output import ParquetFiles
from factory.stores.disk import Disk
from factory.stores.model import Place
from factory.transfer.lake.write import Shape, write
from factory.transfer.progress import Progress

keys = pa.array([n % 300 for n in range(1 << 16)], pa.int32())
texts = pa.array(["%060d" % n for n in range(1 << 16)])
batch = pa.record_batch({"k": keys, "a": texts, "b": texts})
lake, shape = Place(Disk(), sys.argv[1]), Shape(ParquetFiles(compression="none"), ("k",))

def work():
    batches = (batch for _ in range(60))
    done = write(batches, batch.schema, lake, "a" * 12 + "-" + "b" * 8, shape, Progress("writing"))
    print(sum(file.rows for file in done), "rows")
"""


def test_memory_is_bounded_however_many_folders_there_are(tmp_path: Path) -> None:
    said, mebibytes = grown(MANY_FOLDERS, tmp_path)  # half a gigabyte in all
    assert said == f"{60 << 16} rows"
    assert mebibytes < 300
