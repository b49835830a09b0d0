"""Loads into a folder of files: what is there after each, and after what goes wrong."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest

from factory.definitions.output import CsvFiles
from factory.stores.model import Place
from factory.transfer.errors import BadOption, BadRow, ChecksFailed, SchemaChanged, TransferError
from factory.transfer.lake import load as loads
from factory.transfer.lake import manifest
from factory.transfer.lake.manifest import FOLDER, Entry, Known
from factory.transfer.lake.names import attempt
from tests.stores.contract import put

from ..conftest import folder
from .conftest import Lake, lake, rows

__all__ = ["folder", "lake"]


def test_appended_rows_stand_beside_the_others_and_a_repeated_run_takes_its_own_place(
    lake: Lake,
) -> None:
    lake.load(rows(1, 2))
    lake.load(rows(3), run="run 2")
    done = lake.load(rows(1, 2, 7))
    assert (done.rows, done.files, done.removed) == (3, 1, 1)
    assert lake.ids() == [1, 2, 3, 7]
    assert len(lake.hidden()) == 3  # two manifests, and what was published last


def test_by_replace_all_earlier_files_go(lake: Lake) -> None:
    lake.load(rows(1, 2))
    lake.load(rows(3), run="run 2")
    done = lake.load(rows(4), run="run 3", mode="replace")
    assert (lake.ids(), done.removed) == ([4], 2)
    lake.load(rows(5), run="run 4")
    assert lake.ids() == [4, 5]
    assert lake.load(rows(6), run="run 5", mode="replace").removed == 2
    assert lake.ids() == [6]


def test_a_manifest_names_files_and_rows_and_what_was_published_last_is_told(lake: Lake) -> None:
    done = lake.load(rows(1, 2), rows(3))
    (found,) = lake.manifests()
    (file,) = found.files
    assert (found.load, found.mode, found.rows) == ("shop/orders.load/run 1", "append", 3)
    assert (file.rows, file.bytes, found.columns) == (3, done.bytes, {"id": "int64"})
    place = lake.place.below("_SUCCESS")
    with place.store.open(place.path) as success:
        told = json.loads(success.read())
    assert told == {"manifest": done.manifest, "rows": 3, "bytes": done.bytes, "files": 1}


def test_files_that_are_not_ours_are_no_rows_to_replace(lake: Lake) -> None:
    lake.load(rows(1))
    put(lake.place.below("country=DE/export.parquet"))
    put(lake.place.below("_logs/x.json"))
    before = lake.files()
    with pytest.raises(TransferError) as caught:
        lake.load(rows(2), run="run 2", mode="replace")
    assert "holds 1 file that no manifest of ours names" in str(caught.value)
    assert "'country=DE/export.parquet'" in str(caught.value)
    assert lake.files() == before
    lake.load(rows(2), run="run 2")  # beside which others are appended
    assert "country=DE/export.parquet" in lake.files()
    assert len(lake.files()) == 3


def test_files_whose_manifest_somebody_removed_are_not_left_beside_others_in_silence(
    lake: Lake,
) -> None:
    lake.load(rows(1))
    lake.place.store.delete_below(lake.place.below(FOLDER).path)
    with pytest.raises(TransferError, match="no manifest of ours names"):
        lake.load(rows(2), run="run 2", mode="replace")


def test_what_fails_before_the_publish_leaves_all_as_it_was(lake: Lake) -> None:
    lake.load(rows(1, x=[1.5]))
    before = lake.files(), lake.hidden()
    with pytest.raises(ChecksFailed):
        lake.load(rows(2, x=[None]), run="2", checks=[{"type": "not_null", "columns": ["x"]}])
    assert (lake.files(), lake.hidden()) == before
    wrong = rows(*range(10), c=["a"] * 9 + [""])
    other = Lake(lake.folder / "other")
    with pytest.raises(BadRow, match="which as a folder's name means null"):
        other.load(wrong.slice(0, 5), wrong.slice(5), partition_by=("c",), file_size=1)
    assert other.files() == []
    assert [path for path in other.hidden() if "begun" in path] == []


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_many_loads_at_once(lake: Lake, mode: str) -> None:
    lake.load(rows(100), run="before")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: lake.load(rows(n), run=f"run {n}", mode=mode), range(8)))
    found = lake.ids()
    if mode == "append":
        assert found == [*range(8), 100]
    else:  # one of them, whole, and nothing of the others
        assert len(found) == 1
        assert found != [100]
        assert len(lake.hidden()) == 2


def test_two_attempts_of_one_load_at_once_leave_the_rows_once(lake: Lake) -> None:
    def attempt(_: int) -> bool:
        with suppress(TransferError):  # one took the files of another for left ones
            return bool(lake.load(rows(1, 2)))
        return False

    with ThreadPoolExecutor(4) as pool:
        done = [*pool.map(attempt, range(4))]
    if not all(done):  # as the task's retry does
        lake.load(rows(1, 2))
    assert lake.ids() == [1, 2]


def entry(stamp: int, load: str, mode: str = "append") -> Entry:
    return Entry(stamp, load * 12, "0" * 8, mode)


@pytest.mark.parametrize(
    ("entries", "live"),
    [
        ([], []),
        ([entry(1, "a"), entry(2, "b")], [1, 2]),
        ([entry(1, "a"), entry(2, "b"), entry(3, "a")], [2, 3]),
        ([entry(1, "a"), entry(2, "b", "replace"), entry(3, "c")], [2, 3]),
        ([entry(1, "a", "replace"), entry(2, "b", "replace")], [2]),
        ([entry(1, "a", "replace"), entry(1, "b", "replace")], [1]),
        ([entry(1, "a", "replace"), entry(2, "b"), entry(3, "a")], [1, 2, 3][1:]),
    ],
)
def test_which_manifests_count_is_told_by_their_names(
    entries: list[Entry], live: list[int]
) -> None:
    found = Known(tuple(entries), {})
    assert [one.stamp for one in found.live] == live
    assert {*found.live, *found.dead} == {*entries}


def test_a_clock_that_is_behind_makes_no_load_an_older_one(lake: Lake) -> None:
    done = lake.load(rows(1), mode="replace")
    name = done.manifest.rpartition("/")[2]
    ahead = lake.place.below(FOLDER, f"{int(name[:20]) + 10**13:020}{name[20:]}")
    lake.place.store.copy(lake.place.below(done.manifest).path, ahead.path)
    lake.place.store.delete(lake.place.below(done.manifest).path)
    lake.load(rows(2), run="run 2", mode="replace")
    assert lake.ids() == [2]


def killed(lake: Lake, run: str) -> Place:
    """What a killed attempt leaves: a note, and some of its files."""
    own = attempt(f"shop/orders.load/{run}")
    left = lake.place.below(f"c=x/part-{own.token}-00000.parquet")
    manifest.begin(lake.place, own.token, [f"c=x/part-{own.token}-00001.parquet"])
    put(left)
    return left


def test_what_a_killed_attempt_has_left_goes_when_it_is_repeated_or_old(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, others = killed(lake, "run 1"), killed(lake, "run 2")
    lake.load(rows(1))
    assert lake.place.store.file(own.path) is None
    assert lake.place.store.file(others.path) is not None  # it may be at work
    lake.load(rows(2), run="run 3", mode="replace")
    monkeypatch.setattr(loads, "ABANDONED", -1.0)
    lake.load(rows(3), run="run 4", mode="replace")
    assert lake.ids() == [3]


def test_types_are_those_of_the_files_that_are_there(lake: Lake) -> None:
    lake.load(rows(1, x=[1.5], y=["a"]))
    whole = rows(2, x=[2], y=[None]).select(["y", "x", "id"])
    lake.load(whole, run="run 2")
    found = pa.concat_tables([lake.read(path) for path in lake.files()])
    assert sorted(map(str, found.to_pylist())) == [
        "{'id': 1, 'x': 1.5, 'y': 'a'}",
        "{'id': 2, 'x': 2.0, 'y': None}",
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (rows(2, x=["a"]), "the column 'x' is string now, and double in the files"),
        (rows(2), "the load lacks the column 'x'"),
        (rows(2, x=[1.0], z=[1]), "the column 'z' is not in the files that are there"),
    ],
)
def test_other_columns_than_those_of_the_files_that_are_there_are_refused(
    lake: Lake, table: pa.Table, said: str
) -> None:
    lake.load(rows(1, x=[1.5]))
    with pytest.raises(SchemaChanged) as caught:
        lake.load(table, run="run 2")
    assert said in str(caught.value)
    assert lake.ids() == [1]
    lake.load(table, run="run 2", mode="replace")
    assert lake.ids() == [2]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"partition_by": ("x",)}, "partitioned by x, and the files that are there are "),
        ({"format": CsvFiles()}, "written as csv, and the files that are there are written as "),
    ],
)
def test_files_of_another_shape_than_those_that_are_there_are_refused(
    lake: Lake, shape: dict[str, Any], said: str
) -> None:
    lake.load(rows(1, x=["a"]))
    with pytest.raises(SchemaChanged, match=said):
        lake.load(rows(2, x=["a"]), run="run 2", **shape)
    assert lake.ids() == [1]
    lake.load(rows(2, x=["a"]), run="run 2", mode="replace", **shape)
    assert lake.ids() == [2]
    lake.load(rows(3, x=["a"]), run="run 3", **shape)
    assert lake.ids() == [2, 3]


def test_a_load_without_rows_leaves_a_file_that_tells_the_columns(lake: Lake) -> None:
    lake.load(rows(1), mode="replace")
    done = lake.load(rows(), run="run 2", mode="replace")
    assert (done.rows, done.files) == (0, 1)
    assert lake.read(lake.files()[0]).schema.names == ["id"]
    assert lake.load(rows(x=[]), run="run 3", mode="replace", partition_by=("x",)).files == 0
    assert lake.files() == []


def test_columns_without_a_type_are_texts(lake: Lake) -> None:
    lake.load(rows(1, x=pa.nulls(1)))
    assert lake.read(lake.files()[0]).schema.field("x").type == pa.string()


def test_a_name_that_a_template_left_and_no_file_has(lake: Lake) -> None:
    with pytest.raises(BadOption, match=r"cannot begin with '\.\./x'"):
        lake.load(rows(1), prefix="../x")


def test_a_manifest_that_is_none_is_told(lake: Lake) -> None:
    done: Any = lake.load(rows(1))
    put(lake.place.below(done.manifest), b"{")
    with pytest.raises(TransferError, match=r"-append-.* is no manifest"):
        lake.load(rows(2), run="run 2")
