"""What a target and a write mode know of themselves before anything runs."""

from typing import Any

import msgspec
import pytest

from factory.definitions import writes
from factory.ends.targets.postgres import Postgres

TARGET = {"type": "postgres", "conn_id": "warehouse", "table": "raw.x"}


def target(**more: Any) -> Postgres:
    return msgspec.convert({**TARGET, **more}, Postgres)


def write(**given: Any) -> writes.Write:
    result: writes.Write = msgspec.convert(given, writes.Write)
    return result


def test_only_what_differs_from_the_defaults_is_told_to_the_operator() -> None:
    plain = {"conn_id": "warehouse", "table": "raw.x"}
    assert target(lock_timeout="10m").load()[1] == plain
    more = {"primary_key": ["id"], "indexes": [["a", "b"]], "on_schema_change": "ignore"}
    found = target(lock_timeout="1.5s", statement_timeout="2h", **more).load()[1]
    assert found == {**plain, **more, "lock_timeout": 1.5, "statement_timeout": 7200.0}


@pytest.mark.parametrize(
    ("given", "key", "places"),
    [
        ({"primary_key": ["id"]}, [], []),
        ({"primary_key": ["id"]}, ["id"], []),
        ({"primary_key": ["id", "day"]}, ["id"], []),
        ({"primary_key": ["id"]}, ["id", "day"], [("target", "primary_key")]),
        ({"primary_key": ["id", "id"]}, [], [("target", "primary_key", 1)]),
        ({"indexes": [["a"], ["b", "b"]]}, [], [("target", "indexes", 1, 1)]),
    ],
)
def test_keys_of_a_target(given: dict[str, Any], key: list[str], places: list[Any]) -> None:
    assert [problem.path for problem in target(**given).problems(key)] == places


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({"mode": "merge", "key": ["id", "day", "id"]}, [("write", "key", 2)]),
        ({"mode": "partition", "column": "at"}, []),
        ({"mode": "partition", "column": "at", "start": "{{ ds }}"}, [("write", "start")]),
        ({"mode": "partition", "column": "at", "end": "{{ ds }}"}, [("write", "end")]),
        ({"mode": "append"}, []),
    ],
)
def test_values_of_a_write_mode_that_do_not_fit(given: dict[str, Any], places: list[Any]) -> None:
    assert [problem.path for problem in writes.problems(write(**given))] == places
