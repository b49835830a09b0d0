"""What lint says of a format before any file is read."""

from typing import Any

import msgspec
import pytest

from factory.definitions.formats import Csv, Parquet, Written, known, of, plain, problems, typed
from factory.definitions.formats.types import SHORT, WORDS
from factory.transfer.values.types import arrow_type, type_word


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ({"quote": ","}, ("quote",), "quote and delimiter are both ','"),
        ({"escape": '"'}, ("escape",), "escape and quote are both '\"'"),
        ({"delimiter": "→"}, ("delimiter",), "delimiter is '→'"),
        ({"decimal_point": "5"}, ("decimal_point",), "decimal_point can't be '5'"),
        ({"encoding": "utf-88"}, ("encoding",), "there is no encoding 'utf-88'"),
        ({"header": False}, ("header",), "a CSV without a header needs its columns"),
        ({"timezone": "Europe/Berln"}, ("timezone",), "there is no time zone 'Europe/Berln'"),
        ({"timestamp_formats": ["%d.%m."]}, ("timestamp_formats", 0), "'%d.%m.' has no year"),
        (
            {"rename": {"a": "x", "b": "x"}},
            ("rename", "b"),
            "'a' and 'b' are both renamed to 'x'",
        ),
        ({"select": ["a", "a"]}, ("select", 1), "'a' is selected twice"),
        (
            {"rename": {"a": "x"}, "select": ["y"]},
            ("rename", "a"),
            "'a' is renamed, but not selected",
        ),
    ],
)
def test_refused(given: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    found = [(p.path, p.message) for p in problems(msgspec.convert({"type": "csv", **given}, Csv))]
    assert found == [(path, message)]


@pytest.mark.parametrize(
    "given",
    [
        "csv",
        {"type": "csv", "quote": None, "encoding": "cp1252", "timezone": "Europe/Berlin"},
        {"type": "csv", "header": False, "columns": {"a": "text"}, "escape": "\\"},
        {"type": "jsonl", "timestamp_formats": ["%d.%m.%y"], "select": ["x"], "rename": {"a": "x"}},
        {"type": "parquet", "select": ["a"], "rename": {"a": "x"}},
    ],
)
def test_taken(given: Any) -> None:
    assert list(problems(msgspec.convert(given, Written))) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "parqet"}, "Invalid value 'parqet'"),
        ({}, "missing required field `type`"),
        ({"type": "csv", "delimeter": ";"}, "unknown field `delimeter`"),
        ({"type": "jsonl", "colums": {}}, "unknown field `colums`"),
        ({"type": "parquet", "names": "asis"}, "Invalid enum value 'asis'"),
    ],
)
def test_what_no_task_is_given(given: Any, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        of(given)


def test_a_task_is_given_what_is_not_as_it_comes() -> None:
    assert plain(typed("csv")) == plain(Csv()) == {"type": "csv"}
    given = Csv(quote=None, nulls=[], select=["a"])
    assert plain(given) == {"type": "csv", "quote": None, "nulls": [], "select": ["a"]}
    assert of(plain(given)) == given


def test_every_word_for_a_type_is_one_of_arrow() -> None:
    assert [type_word(arrow_type(word)) for word in WORDS] == list(WORDS)
    assert {word: type_word(arrow_type(word)) for word in SHORT} == SHORT


def test_the_columns_that_are_known_without_the_files() -> None:
    assert known("csv") is known(Csv()) is known(Parquet()) is None
    assert known(Parquet(select=["Id"], rename={"id": "key"})) == frozenset({"Id", "id", "key"})
    declared = Csv(header=False, columns={"Id": "text", "b": "text"}, rename={"b": "c"})
    assert known(declared) == frozenset({"Id", "b", "c"})
