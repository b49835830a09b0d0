"""What an `ingest` step becomes."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from factory.definitions.formats import types
from factory.kinds import ingest
from factory.plan.kind import Fragment, Step
from factory.plan.model import Output
from factory.transfer.values.types import arrow_type

HTTP = {"type": "http", "url": "/x.csv.gz", "conn_id": "files", "format": "csv"}
FILE = {"type": "file", "path": "file:///data/*.csv", "format": {"type": "csv", "delimiter": ";"}}
TARGET = {"type": "postgres", "conn_id": "warehouse", "table": "raw.x"}


def step(source: dict[str, Any], **more: Any) -> Step:
    given = {"source": source, "target": TARGET, "write": {"mode": "append"}, **more}
    return Step(
        id="load_x", uses="ingest", arguments=msgspec.convert(given, ingest.Arguments), dag_id="d"
    )


def names(fragment: Fragment) -> list[str]:
    return [task.id for task in fragment.tasks]


@pytest.mark.parametrize(
    "stage", ["file:///data", "acme://box/stage", "s3://b", "gs://b", "gcs://b", "memory://m/s"]
)
def test_a_stage_is_in_a_store_that_tasks_share(stage: str, acme: None) -> None:
    given = msgspec.structs.replace(step(HTTP), stage=stage)
    problems = list(ingest.inspect(given, Path()))
    if stage.startswith(("file", "acme", "s3", "gs:")):
        assert problems == []
        return
    (problem,) = problems
    assert problem.message == f"no store has the address {stage!r}"
    assert (
        problem.expected
        == "an address that begins with file:/// or gs:// or s3:// or sftp:// or acme://"
    )


def test_files_of_any_store(acme: None) -> None:
    source = {**FILE, "path": ["acme://box/a.csv", "file:///x", "acne://box/a.csv"]}
    (problem,) = ingest.inspect(step(source), Path())
    assert problem.path == ("source", "path", 2)
    assert problem.hint == "did you mean 'acme'?"


def test_a_file_behind_an_address_is_downloaded_first() -> None:
    fragment = ingest.compile(step(HTTP))
    assert names(fragment) == [
        "load_x.download",
        "load_x.to_parquet",
        "load_x.load",
        "load_x.clean_up",
        "load_x.done",
    ]
    assert fragment.first == ("load_x.download",)
    assert fragment.last == ("load_x.load",)


def test_one_file_on_disk_is_read_in_place() -> None:
    fragment = ingest.compile(step({**FILE, "path": "file:///data/{{ ds }}.csv"}))
    assert names(fragment) == [
        f"load_x.{name}" for name in ("to_parquet", "load", "clean_up", "done")
    ]
    convert = fragment.tasks[0]
    assert convert.arguments["files"] == ["file:///data/{{ ds }}.csv"]
    assert convert.arguments["format"] == {"type": "csv", "delimiter": ";"}
    assert convert.expand == {}


@pytest.mark.parametrize(
    "path", ["file:///data/*.csv", ["file:///data/a.csv", "file:///data/b.csv"]]
)
def test_several_files_are_shared_out(path: str | list[str]) -> None:
    fragment = ingest.compile(step({**FILE, "path": path}))
    listing, convert, load, *_ = fragment.tasks
    assert listing.id == "load_x.list_files"
    assert listing.arguments["paths"] == ([path] if isinstance(path, str) else path)
    assert convert.expand == {"files": Output("load_x.list_files")}
    assert load.arguments["staged"] == Output("load_x.to_parquet")


def test_bad_rows_and_lineage_are_the_conversions() -> None:
    given = {"on_bad_row": "quarantine", "max_bad_rows": 5, "lineage": ["run_id"]}
    convert = ingest.compile(step(HTTP, **given)).tasks[1]
    assert convert.arguments["max_bad_rows"] == 5
    assert convert.arguments["lineage"] == ["run_id"]


def test_clean_up_is_the_teardown_of_the_first_task() -> None:
    *_, clean_up, _ = ingest.compile(step(HTTP)).tasks
    assert (clean_up.role, clean_up.setups) == ("teardown", ("load_x.download",))


def test_a_failed_load_fails_the_run_though_its_teardown_stands_for_it() -> None:
    fragment = ingest.compile(step(HTTP))
    *_, clean_up, done = fragment.tasks
    assert clean_up.fails_run
    assert ("load_x.load", done.id) in fragment.edges
    assert done.settings == {"trigger_rule": "none_failed"}


def test_the_load_updates_the_tables_asset() -> None:
    load = ingest.compile(step(HTTP)).tasks[2]
    assert load.outlets == ("table://warehouse/raw/x",)


def test_a_table_that_is_known_at_run_time_only_has_no_asset() -> None:
    templated = {**TARGET, "table": "raw.x_{{ ds_nodash }}"}
    load = ingest.compile(step(HTTP, target=templated)).tasks[2]
    assert load.outlets == ()


@pytest.mark.parametrize(
    "word", [*types.WORDS, *types.SHORT, *types.OWN, "decimal(10, 2)", "numeric(5,0)", "text[]"]
)
def test_every_column_type_of_the_transfer_may_be_written(word: str) -> None:
    assert msgspec.convert(word, types.TypeWord) == word


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("bigintt", "did you mean 'bigint'?"),
        ("VARCHAR(3)", "write `text`"),
        ("numeric", "write its digits, as in `decimal(18, 2)`"),
        ("timestamp with time zone", "write `timestamptz`"),
        ("quark", ""),
    ],
)
def test_the_word_that_was_meant(word: str, meant: str) -> None:
    assert types.nearest(word) == meant


@pytest.mark.parametrize("word", ["varchar", "decimal", "int64", "timestamp with time zone"])
def test_words_that_the_transfer_refuses_may_not_be_written(word: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(word, types.TypeWord)
    with pytest.raises(Exception, match=re.escape(word.split("(")[0])):
        arrow_type(word)


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ({"type": "row_count"}, "one-of"),
        ({"type": "row_count", "min": 5, "max": 4}, "out-of-bounds"),
    ],
)
def test_bounds_that_no_count_can_meet(check: dict[str, Any], code: str) -> None:
    problems = list(ingest.inspect(step(HTTP, checks=[check]), Path()))
    assert [problem.code for problem in problems] == [code]
