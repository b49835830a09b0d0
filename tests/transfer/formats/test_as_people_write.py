"""Columns whose values are written otherwise, in every format."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from factory.definitions.formats import Xlsx, problems
from factory.definitions.formats.columns import Column
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow

from ...stores.folders import Folder
from .reading import column, read
from .test_drift import sheet

FORMATS = ("csv", "json", "jsonl", "parquet", "xlsx")

MONEY = {"type": "decimal(12, 2)", "thousands": ",", "strip": ["$"], "parentheses": True}


def texts(folder: Folder, kind: str, values: list[str | None]) -> Folder:
    """A file with a column of texts."""
    path = folder / f"f.{kind}"
    if kind == "parquet":
        path.write_table(pa.table({"a": pa.array(values, pa.string())}))
    elif kind == "xlsx":
        path.write_bytes(sheet([{"a": value} for value in values] or [{"a": None}]))
    elif kind == "json":
        path.write_text(json.dumps([{"a": value} for value in values]))
    elif kind == "jsonl":
        path.write_text("".join(json.dumps({"a": value}) + "\n" for value in values))
    else:
        path.write_text(
            "a,b\n" + "".join(f'"{value}",x\n' if value else ",x\n" for value in values)
        )
    return path


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("options", "values", "expected", "bad"),
    [
        (MONEY, ["$1,234.50", "(7)", None], ["1234.50", "-7.00", None], "$1,23"),
        ({"type": "double", "percent": True}, ["12.5%"], ["0.125"], "12.5"),
        (
            {"type": "bigint", "thousands": ".", "trailing_minus": True},
            ["1.234-", "7"],
            ["-1234", "7"],
            "1.23",
        ),
        (
            {"type": "timestamp", "unit": "ms"},
            ["1704067200123"],
            ["2024-01-01 00:00:00.123000"],
            "2024-01-01",
        ),
        (
            {"type": "timestamp", "truncate": True},
            ["2019-05-10 17:54:58.1234567"],
            ["2019-05-10 17:54:58.123456"],
            "2019-05-10 17:54:60.1234567",
        ),
        (
            {"type": "timestamptz", "timezone": "Europe/Berlin", "ambiguous": "later"},
            ["2024-10-27 02:30:00", None],
            ["2024-10-27 01:30:00+00:00", None],
            "2024-03-31 02:30:00",
        ),
        (
            {"type": "timestamptz", "timezone": "Europe/Berlin", "ambiguous": "null"},
            ["2024-10-27 02:30:00"],
            [None],
            "soon",
        ),
        ({"type": "date", "formats": ["%d.%m.%y"]}, ["31.12.24"], ["2024-12-31"], "2024-12-31"),
    ],
)
def test_in_every_format(
    kind: str,
    options: dict[str, Any],
    values: list[str | None],
    expected: list[str | None],
    bad: str,
    folder: Folder,
) -> None:
    found = column(read(kind, texts(folder, kind, values), columns={"a": options}))
    assert [None if value is None else str(value) for value in found] == expected
    with pytest.raises(BadRow, match=r"f\.\w+:? ?.*column 'a'"):
        read(kind, texts(folder, kind, [*values, bad]), columns={"a": options})
    aside = folder / "aside.jsonl"
    with aside.store.writer(str(aside)) as out:
        rows = BadRows.quarantine(out, 1)
        kept = read(kind, texts(folder, kind, [bad, *values]), bad=rows, columns={"a": options})
    assert kept.num_rows == len(values)
    assert bad in json.loads(aside.read_text())["row"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("value", "word", "options"),
    [
        ("1,234.50", "decimal(12, 2)", 'thousands: ","'),
        ("$5", "integer", 'strip: ["$"]'),
        ("12.5 %", "double", "percent: true"),
        ("1704067200", "timestamp", "unit: s"),
        ("2019-05-10 17:54:58.1234567", "timestamp", "truncate: true"),
    ],
)
def test_without_the_option_it_is_refused_and_named(
    kind: str, value: str, word: str, options: str, folder: Folder
) -> None:
    with pytest.raises(BadRow) as told:
        read(kind, texts(folder, kind, [value]), columns={"a": word})
    assert told.value.hint is not None
    assert options in told.value.hint


def test_what_is_not_declared_stays_text(folder: Folder) -> None:
    values = ["$1,234.50", "12.5%", "(5)"]
    for kind in ("csv", "jsonl", "parquet"):
        assert column(read(kind, texts(folder, kind, list(values)))) == values


def test_numbers_of_json_are_no_texts(folder: Folder) -> None:
    lines = b'{"a": 1.234}\n{"a": "1.234,5"}\n{"a": null}\n{}\n'
    german = {"type": "decimal(9, 3)", "decimal_point": ",", "thousands": "."}
    found = read("jsonl", folder / "f.jsonl", lines, columns={"a": german})
    assert column(found) == [Decimal("1.234"), Decimal("1234.500"), None, None]
    found = read("jsonl", folder / "f.jsonl", b'{"a": "12.50"}', columns={"a": {"type": "double"}})
    assert column(found) == [12.5]
    percent = {"a": {"type": "double", "percent": True}}
    with pytest.raises(BadRow, match=r":2: column 'a': 12\.5 is not double"):
        read("jsonl", folder / "f.jsonl", b'{"a": "1%"}\n{"a": 12.5}\n', columns=percent)
    epoch = {"a": {"type": "timestamptz", "unit": "s"}}
    found = read("jsonl", folder / "f.jsonl", b'{"a": 0}\n{"a": "1.5"}\n', columns=epoch)
    assert [str(value) for value in column(found)] == [
        "1970-01-01 00:00:00+00:00",
        "1970-01-01 00:00:01.500000+00:00",
    ]
    with pytest.raises(BadRow, match=r":1: column 'a': 1704067200 .*unit: s"):
        read("jsonl", folder / "f.jsonl", b'{"a": 1704067200}', columns={"a": "timestamp"})


def test_the_format_s_own_way_and_a_column_s(folder: Folder) -> None:
    content = b"a;b;c\n1,5;2.5;27.10.2024 02:30\n"
    found = read(
        *("csv", folder / "f.csv", content),
        delimiter=";",
        decimal_point=",",
        timezone="Europe/Berlin",
        columns={
            "a": "double",
            "b": {"type": "double", "decimal_point": "."},
            "c": {"type": "timestamptz", "formats": ["%d.%m.%Y %H:%M"], "ambiguous": "earlier"},
        },
    )
    row = {name: str(value) for name, value in found.to_pylist()[0].items()}
    assert row == {"a": "1.5", "b": "2.5", "c": "2024-10-27 00:30:00+00:00"}


def test_options_that_lint_would_have_refused(folder: Folder) -> None:
    wrong = {"a": {"type": "text", "thousands": ","}}
    with pytest.raises(BadOption, match=r"columns\.a\.thousands: thousands says nothing of a text"):
        read("csv", folder / "f.csv", b"a\n1\n", columns=wrong)


def test_numbers_of_cells_are_numbers(folder: Folder) -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1234.5, "b": 1704067200},
        {"a": "$1,234.50", "b": "0"},
        {"a": "(7)", "b": None},
    ]
    path = folder / "f.xlsx"
    path.write_bytes(sheet(rows))
    found = read("xlsx", path, columns={"a": MONEY, "b": {"type": "timestamp", "unit": "s"}})
    assert column(found) == [Decimal("1234.50"), Decimal("1234.50"), Decimal("-7.00")]
    assert [str(value) for value in column(found, "b")] == [
        "2024-01-01 00:00:00",
        "1970-01-01 00:00:00",
        "None",
    ]
    german = {"a": {"type": "double", "decimal_point": ",", "thousands": "."}}
    assert [
        problem.message
        for problem in problems(Xlsx(columns={"a": msgspec.convert(german["a"], Column)}))
    ] == [
        "numbers of cells have a point: decimal_point can't be ','",
        "numbers of cells have a point: thousands can't be '.'",
    ]
