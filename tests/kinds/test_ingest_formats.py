"""What `check` says of a format before any file is read."""

from typing import Any

import msgspec
import pytest

from factory.kinds.ingest.formats import Csv, Format, check, options
from factory.transfer import spelling
from factory.transfer.formats.csv import dialect


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
    found = [(p.path, p.message) for p in check(msgspec.convert({"type": "csv", **given}, Csv))]
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
    assert list(check(msgspec.convert(given, Format))) == []


def test_the_defaults_are_those_of_the_reader() -> None:
    """A Struct leaves its defaults out: the reader must have the same."""
    given = options(Csv())
    assert given == {"type": "csv"}
    ours = msgspec.structs.asdict(Csv())
    del ours["nulls"]
    assert dialect.dialect(ours) == dialect.dialect({})
    assert spelling.spelling(ours) == spelling.spelling({})
    assert dialect.dialect(options(Csv(quote=None))).quote is None
