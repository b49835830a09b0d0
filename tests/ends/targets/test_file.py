"""What the target `file` knows of itself before anything runs."""

from typing import Any

import msgspec
import pytest

from factory.ends.targets.file import FileSet

TARGET = {"type": "file", "path": "file:///lake/orders"}


def target(**more: Any) -> FileSet:
    return msgspec.convert({**TARGET, **more}, FileSet)


def test_only_what_differs_from_the_defaults_is_told_to_the_operator() -> None:
    plain = {"path": "file:///lake/orders", "format": {"type": "parquet"}}
    assert target(file_size="256MB", prefix="part").load()[1] == plain
    assert target(file_size="1.5GB").load()[1] == {**plain, "file_size": 1_500_000_000}


@pytest.mark.parametrize(
    ("path", "uris"),
    [
        ("file:///lake/orders", ["file:///lake/orders"]),
        ("file:///lake/orders/", ["file:///lake/orders"]),
        ("s3://conn_id@lake/orders", ["s3://lake/orders"]),
        ("file:///lake/day={{ interval.day }}", []),
    ],
)
def test_the_folder_is_the_dataset_where_it_is_known(path: str, uris: list[str]) -> None:
    assert list(target(path=path).writes()) == uris


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({}, []),
        ({"path": "{{ params.lake }}"}, []),
        ({"path": "file:///"}, [("target", "path")]),
        ({"path": "s3://conn_id@lake"}, [("target", "path")]),
        ({"path": "file:///lake/[a]"}, [("target", "path")]),
        ({"partition_by": ["a", "b", "a"]}, [("target", "partition_by", 2)]),
        ({"format": {"type": "csv", "delimiter": "tab"}}, []),
        ({"format": {"type": "csv", "delimiter": "0"}}, [("target", "format", "delimiter")]),
        ({"format": {"type": "csv", "null_text": ","}}, [("target", "format", "null_text")]),
    ],
)
def test_what_a_person_may_have_got_wrong(given: dict[str, Any], places: list[Any]) -> None:
    assert [problem.path for problem in target(**given).problems(())] == places
