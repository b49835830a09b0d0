import datetime as dt
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles.numbers import is_datetime

from factory.definitions.formats import Xlsx
from factory.definitions.formats.xlsx import column_letters, column_number
from factory.stores.memory import Memory
from factory.stores.model import Place
from factory.transfer import formats
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow, TransferError
from factory.transfer.formats.xlsx import quick, sheet
from factory.transfer.formats.xlsx.cells import DATE, ELAPSED, NUMBER, STAMP, TIME, number
from factory.transfer.formats.xlsx.styles import kind_of
from factory.transfer.target import Target
from factory.transfer.values.types import Known

from ...stores.folders import Folder
from .reading import column, read
from .workbooks import STRICT, archive, workbook

table = partial(read, "xlsx")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "ROWS", 64)
    monkeypatch.setattr("factory.transfer.formats.xlsx.workbook.READ", 1024)


def written(rows: Sequence[Sequence[Any]], **formats: str) -> bytes:
    """By openpyxl, whose zero-less cells are numbers; `formats` are by the column's letter."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for letter, form in formats.items():
        for cell in book.active[letter][1:]:
            cell.number_format = form
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cells(*rows: Sequence[str], first: int = 1) -> str:
    """Rows of cells: `5`, `s=1|5`, `t=e|#N/A`, `|text` or nothing."""
    found = []
    for place, row in enumerate(rows, first):
        inner = "".join(_cell(f"{column_letters(n)}{place}", c) for n, c in enumerate(row, 1) if c)
        found.append(f'<row r="{place}">{inner}</row>')
    return "".join(found)


def _cell(reference: str, written: str) -> str:
    if written.startswith("<"):
        return written.replace("<c", f'<c r="{reference}"', 1)
    options, bar, value = written.rpartition("|")
    if bar and not options:
        return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'
    attributes = "".join(f' {k}="{v}"' for k, v in (o.split("=") for o in options.split() if o))
    return f'<c r="{reference}"{attributes}><v>{value}</v></c>'


def test_the_types_of_cells(folder: Folder) -> None:
    moment = dt.datetime(2024, 2, 29, 12, 30, 1, 250_000)
    rows: list[list[Any]] = [
        ["ID", "Price", "At", "Day", "Clock", "Took", "Done", "Zip", "Big", "Mixed", "None"],
        [
            1,
            0.1,
            moment,
            dt.date(1900, 3, 1),
            dt.time(1, 2, 3),
            dt.timedelta(hours=30),
            True,
            "007",
            10**15 + 1,
            1,
            None,
        ],
        [
            2,
            3,
            dt.datetime(2024, 1, 1),
            dt.date(9999, 12, 31),
            dt.time(0),
            dt.timedelta(0),
            False,
            "08",
            -5,
            "x",
            None,
        ],
    ]
    found = table(folder / "f.xlsx", written(rows, C="yyyy-mm-dd h:mm:ss.000"))
    assert dict(zip(found.column_names, map(str, found.schema.types), strict=True)) == {
        "id": "int64",
        "price": "double",
        "at": "timestamp[us]",
        "day": "date32[day]",
        "clock": "time64[us]",
        "took": "string",
        "done": "bool",
        "zip": "string",
        "big": "int64",
        "mixed": "string",
        "none": "null",
    }
    first, second = found.to_pylist()
    assert first == {
        "id": 1,
        "price": 0.1,
        "at": moment,
        "day": dt.date(1900, 3, 1),
        "clock": dt.time(1, 2, 3),
        "took": "30:00:00",
        "done": True,
        "zip": "007",
        "big": 10**15 + 1,
        "mixed": "1",
        "none": None,
    }
    assert second["price"] == 3.0
    assert (second["at"], second["day"]) == (dt.datetime(2024, 1, 1), dt.date(9999, 12, 31))
    assert (second["took"], second["zip"], second["mixed"]) == ("00:00:00", "08", "x")


def test_declared_types(folder: Folder) -> None:
    content = workbook(
        cells(
            ["|a", "|b", "|c", "|d", "|e", "|f"],
            ["1.5E2", "s=1|45292", "0.30000000000000004", "|31.12.2024", "s=2|45292.5", "|5"],
            ["10.00", "s=2|45293", "-0", "s=1|45292", "|01.01.2024", "1"],
        )
    )
    columns = {
        "a": "decimal(10, 3)",
        "b": "date",
        "c": "double",
        "d": "date",
        "e": "timestamptz",
        "f": "smallint",
    }
    options: dict[str, Any] = {"timestamp_formats": ["%d.%m.%Y"], "timezone": "Europe/Berlin"}
    first, second = table(folder / "f.xlsx", content, columns=columns, **options).to_pylist()
    assert (first["a"], second["a"]) == (Decimal("150.000"), Decimal("10.000"))
    assert (first["b"], second["b"]) == (dt.date(2024, 1, 1), dt.date(2024, 1, 2))
    assert first["c"] == 0.1 + 0.2
    assert (first["d"], second["d"]) == (dt.date(2024, 12, 31), dt.date(2024, 1, 1))
    assert first["e"] == dt.datetime(2024, 1, 1, 11, tzinfo=dt.timezone.utc)
    assert second["e"] == dt.datetime(2023, 12, 31, 23, tzinfo=dt.timezone.utc)
    assert (first["f"], second["f"]) == (5, 1)


def test_texts_of_all_kinds(folder: Folder) -> None:
    strings = (
        "<si><t>plain</t></si><si><r><t>rich</t></r><r><rPr><b/></rPr><t xml:space='preserve'> text"
        "</t></r><rPh sb='0' eb='1'><t>ri-chi</t></rPh></si><si><t/></si>"
        "<si><t>a_x000D_\nb &amp; _x005F_x0041_ é</t></si>"
    )
    rows = cells(
        ["t=s|0", "|n"],
        ["t=s|1", "1"],
        ["t=s|2", "2"],
        ["t=s|3", "3"],
        ["t=str|formula", "4"],
        ["<c t='inlineStr'><is><r><t>in</t></r><r><t>line</t></r></is></c>", "5"],
        ["<c t='str'><f>\"\"</f><v></v></c>", "6"],
    )
    found = table(folder / "f.xlsx", workbook(rows, strings=strings))
    expected = ["rich text", None, "a\r\nb & _x0041_ é", "formula", "inline", None]
    assert column(found, "plain") == expected
    kept = table(folder / "f.xlsx", columns={"plain": "text"}, nulls=["formula"])
    assert column(kept, "plain")[1:] == ["", "a\r\nb & _x0041_ é", None, "inline", ""]


@pytest.mark.parametrize(
    ("from_1904", "serial", "expected"),
    [
        (False, "1", dt.date(1900, 1, 1)),
        (False, "59", dt.date(1900, 2, 28)),
        (False, "61", dt.date(1900, 3, 1)),
        (False, "45292", dt.date(2024, 1, 1)),
        (False, "2958465", dt.date(9999, 12, 31)),
        (True, "0", dt.date(1904, 1, 1)),
        (True, "60", dt.date(1904, 3, 1)),
        (True, "43830", dt.date(2024, 1, 1)),
    ],
)
def test_days_are_counted_from_two_beginnings(
    from_1904: bool, serial: str, expected: dt.date, folder: Folder
) -> None:
    content = workbook(cells(["|a"], [f"s=1|{serial}"]), from_1904=from_1904)
    assert column(table(folder / "f.xlsx", content)) == [expected]


def test_the_strict_form_and_dates_that_are_written(folder: Folder) -> None:
    rows = cells(["|a", "|b"], ["t=d|2024-01-01T12:00:00", "5"], ["t=d|2024-01-02", "6"])
    found = table(folder / "f.xlsx", workbook(rows, main=STRICT))
    assert column(found) == [dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 2)]


HEAD = cells(["|a", "|b"])


def after_many(*row: str) -> str:
    """A row behind many others; the 303rd."""
    return cells(["|a", "|b"], *[["1", "|x"]] * 301, row)


BAD: dict[str, tuple[bytes, str, Mapping[str, Any]]] = {
    "text": (
        workbook(after_many("|x")),
        r"f\.xlsx:303: Sheet1!A303: column 'a': 'x' is not bigint",
        {},
    ),
    "fraction": (
        workbook(after_many("1.5")),
        r":303: Sheet1!A303: column 'a': '1\.5' is not big",
        {},
    ),
    "number in an error": (
        workbook(after_many("", "t=e|#N/A")),
        r":303: Sheet1!B303: 'b' holds the error #N/A\. .*`nulls: \['', '#N/A'\]`",
        {},
    ),
    "error": (
        workbook(cells(["|a"], ["t=e|#DIV/0!"])),
        r"Sheet1!A2: 'a' holds the error #DIV/0!",
        {},
    ),
    "formula": (
        workbook(cells(["|a"], ["<c><f>1+1</f></c>"])),
        r":2: Sheet1!A2: 'a' holds a formula without a stored value\. Open the workbook in Excel",
        {},
    ),
    "formula, empty": (workbook(cells(["|a"], ["<c><f>1+1</f><v/></c>"])), r"without a stored", {}),
    "29 February 1900": (
        workbook(cells(["|a"], ["s=1|60.5"])),
        r"'a' 60\.5 is 29 February 1900",
        {},
    ),
    "zero as a date": (workbook(cells(["|a"], ["s=1|0"])), r"'a' 0 is shown as a date.*'0'", {}),
    "year 10000": (
        workbook(cells(["|a"], ["s=1|2958466"])),
        r"is shown as a date, and is none",
        {},
    ),
    "negative date": (workbook(cells(["|a"], ["s=2|-1"])), r"'a' -1 is shown as a date", {}),
    "a day as a time": (workbook(cells(["|a"], ["s=3|1.5"])), r"shown as a time of day", {}),
    "no number": (workbook(cells(["|a"], ["x"])), r"'a' 'x' is not a number", {}),
    "no date": (workbook(cells(["|a"], ["s=1|x"])), r"'a' 'x' is not a date", {}),
    "decimal": (
        workbook(cells(["|a"], ["0.30000000000000004"])),
        r"'0\.30000000000000004' is not decimal\(9, 2\)",
        {"columns": {"a": "decimal(9, 2)"}},
    ),
    "time in dates": (
        workbook(cells(["|a"], ["s=1|45292.5"])),
        r"'2024-01-01 12:00:00' is not date",
        {"columns": {"a": "date"}},
    ),
    "quoted sheet": (
        workbook(cells(["|a"], ["|x"]), names={1: "It's a &amp; b"}),
        r"'It''s a & b'!A2: column 'a'",
        {"columns": {"a": "integer"}},
    ),
    "beyond the header": (
        workbook(after_many("1", "|x", "", "|note")),
        r":303: Sheet1!D303: 'note' stands in a column without a name\. .*`range`",
        {},
    ),
    "title": (
        workbook(cells(["|a title"], ["|a", "|b"], ["1", "2"])),
        r":2: Sheet1!B2: 'b' stands in a column without a name\. .*`skip_rows: 1`",
        {},
    ),
    "error beyond": (
        workbook(after_many("1", "|x", "t=e|#N/A")),
        r"Sheet1!C303: 'an error' st",
        {},
    ),
    "merged": (
        workbook(
            cells(["|a"], ["1"], []), after='<mergeCells><mergeCell ref="A2:A3"/></mergeCells>'
        ),
        r"Sheet1!A2:A3 are merged: .*`merged: fill`",
        {},
    ),
    "several sheets": (
        workbook(HEAD, HEAD, names={1: "One", 2: "Two"}),
        r"has several sheets: One, Two\. Say which \(`sheet: One`\)",
        {},
    ),
    "all hidden": (
        workbook(HEAD, states={1: "veryHidden"}),
        r"shows no sheet\. .*`sheet: Sheet1`",
        {},
    ),
    "no such sheet": (
        workbook(HEAD),
        r"sheet, .* 'Sheet2'. Did you mean 'Sheet1'",
        {"sheet": "Sheet2"},
    ),
    "no such number": (workbook(HEAD), r"has 1 sheets, and no sheet 2", {"sheet": 2}),
    "a name that is a number": (
        workbook(HEAD, names={1: "2024"}),
        r"has 1 sheets, and no sheet 2024\. Its name is a text: `sheet: \"2024\"`",
        {"sheet": 2024},
    ),
    "two values": (
        workbook(
            '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
            '<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row>'
        ),
        r":2: Sheet1!A2: 'a' has a second value, '2', in the same cell",
        {},
    ),
    "two values, for the parser": (
        workbook(
            '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
            '<row r="2" ><c r="A2"><v >1</v></c><c r="A2"><v>2</v></c></row>'
        ),
        r":2: Sheet1!A2: 'a' has a second value, '2', in the same cell",
        {},
    ),
    "no such text": (workbook(cells(["|a"], ["t=s|7"])), r"'a' names the text 7, which", {}),
    "style that is no number": (
        workbook(HEAD, more={"xl/styles.xml": '<styleSheet><numFmt numFmtId="x"/></styleSheet>'}),
        r"is damaged: xl/styles.xml: ",
        {},
    ),
    "empty": (workbook(""), r"the sheet Sheet1 is empty\. Expected at least a header", {}),
    "empty range": (workbook(HEAD), r"is empty", {"range": "F7:G9"}),
    "no columns": (workbook(HEAD), r"needs `columns`", {"header": False}),
    "no range": (workbook(HEAD), r"'7:9' is no range of cells", {"range": "7:9"}),
    "backwards": (workbook(HEAD), r"is no range of cells", {"range": "B1:A2"}),
    "twice": (workbook(cells(["|A", "|a"])), r"'A' and 'a' would both be 'a'", {}),
    "error in the header": (
        workbook(cells(["t=e|#REF!"])),
        r":1: Sheet1!A1: the name of a column",
        {},
    ),
    "not there": (workbook(HEAD), r"unknown column .*'c'", {"columns": {"c": "text"}}),
    "doctype": (
        workbook(HEAD, more={"xl/styles.xml": '<!DOCTYPE x [<!ENTITY a "b">]><styleSheet/>'}),
        r"DOCTYPE",
        {},
    ),
    "cut XML": (
        workbook(HEAD + "<row><c>"),
        r"is damaged: xl/worksheets/sheet1\.xml: mismatched",
        {},
    ),
    "cut": (workbook(HEAD)[:-30], r"is no Excel workbook: it is damaged", {}),
    "csv": (b"a,b\n1,2\n", r"is no Excel workbook: it begins with 'a,b'", {}),
    "html": (b"<html><table>", r"is an HTML page, not Excel: it begins with '<html", {}),
    "nothing": (b"", r"is no Excel workbook", {}),
    "a zip": (archive({"a.csv": "x"}), r"is no Excel workbook: it has no xl/workbook\.xml", {}),
    "xlsb": (archive({"xl/workbook.bin": "x"}), r"is an Excel binary workbook \(\.xlsb\)", {}),
    "ods": (archive({"content.xml": "<x/>"}), r"is an OpenDocument file \(\.ods\)", {}),
    "xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 9000,
        r"is an old Excel .* \(\.xls\)",
        {},
    ),
    "password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2039 + "EncryptedPackage".encode("utf-16-le"),
        r"is protected by a password",
        {},
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str, folder: Folder) -> None:
    content, message, options = BAD[case]
    with pytest.raises((BadRow, BadOption), match=message):
        table(folder / "f.xlsx", content, **options)


def test_a_damaged_part_is_told(folder: Folder) -> None:
    content = bytearray(
        workbook(cells(["|a"], *[[str(n)] for n in range(500)]), packed=zipfile.ZIP_STORED)
    )
    content[content.index(b"<v>250</v>") + 3] = ord("9")
    with pytest.raises(BadRow, match=r"is damaged: xl/worksheets/sheet1\.xml: Bad CRC-32"):
        table(folder / "f.xlsx", bytes(content))


def test_bad_rows_are_set_aside(folder: Folder) -> None:
    rows = cells(["|a", "|b"], ["1", "|x"], ["t=e|#N/A", "|y"], ["|z", "s=1|45292"], ["2", "|x"])
    out = io.BytesIO()
    columns = {"a": "integer"}
    found = table(folder / "f.xlsx", workbook(rows), BadRows.quarantine(out, 9), columns=columns)
    assert column(found) == [1, 2]
    entries = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(entry["line"], entry["row"]) for entry in entries] == [
        (3, "A=#N/A; B=y"),
        (4, "A=z; B=2024-01-01"),
    ]
    assert entries[0]["reason"].startswith("Sheet1!A3: 'a' holds the error #N/A")


def test_the_header_once_more(folder: Folder) -> None:
    rows = cells(["|a", "|b"], ["1", "|b"], ["|a", "|b"], ["2", "|x"])
    with pytest.raises(BadRow, match=r"f\.xlsx:3: the row is the header once more") as refused:
        table(folder / "f.xlsx", workbook(rows), columns={"a": "integer"})
    assert refused.match("`header: false`, `skip_rows: 1` and `columns`")
    out = io.BytesIO()
    options: dict[str, Any] = {"columns": {"a": "integer"}, "select": ["b", "a"]}
    found = table(folder / "f.xlsx", None, BadRows.quarantine(out, 9), **options)
    assert column(found) == [1, 2]
    assert json.loads(out.getvalue())["row"] == "A=a; B=b"


def test_a_word_that_is_the_header_is_a_value(folder: Folder) -> None:
    rows = cells(["|word"], ["|the"], ["|word"])
    assert column(table(folder / "f.xlsx", workbook(rows)), "word") == ["the", "word"]


def test_errors_that_are_nulls(folder: Folder) -> None:
    rows = cells(["|a"], ["1"], ["t=e|#N/A"], ["|n/a"], ["s=1|0"])
    rows += cells(["2"], first=7)
    found = table(folder / "f.xlsx", workbook(rows), nulls=["#N/A", "n/a", "0"])
    assert column(found) == [1, 2]


PLACES: Mapping[str, tuple[Mapping[str, Any], list[Any]]] = {
    "sheet by name": ({"sheet": "Data"}, [{"x": 1, "y": "a"}, {"x": 2, "y": None}]),
    "by number": ({"sheet": 2}, [{"x": 1, "y": "a"}, {"x": 2, "y": None}]),
    "hidden": ({"sheet": "Old"}, [{"x": 9}]),
    "range": ({"sheet": 2, "range": "C3:C"}, [{"y": "a"}]),
    "lower case": ({"sheet": 2, "range": "b3:$C$4"}, [{"x": 1, "y": "a"}]),
    "columns": ({"sheet": 2, "range": "B:B"}, [{"x": 1}, {"x": 2}]),
    "skip": (
        {
            "sheet": 2,
            "skip_rows": 3,
            "header": False,
            "range": "B:C",
            "columns": {"p": "integer", "q": "text"},
        },
        [{"p": 1, "q": "a"}, {"p": 2, "q": None}],
    ),
    "select": ({"sheet": 2, "select": ["y", "x"]}, [{"y": "a", "x": 1}, {"y": None, "x": 2}]),
    "rename": ({"sheet": 2, "rename": {"X": "z"}, "select": ["z"]}, [{"z": 1}, {"z": 2}]),
}


@pytest.mark.parametrize("case", PLACES)
def test_which_cells_are_read(case: str, folder: Folder) -> None:
    options, expected = PLACES[case]
    data = cells(["", "|X", "|Y", ""], ["", "1", "|a"], ["", "", "|"], ["", "2"], ["", ""], first=3)
    content = workbook(
        cells(["|Notes"]),
        data,
        cells(["|x"], ["9"]),
        names={1: "Notes", 2: "Data", 3: "Old"},
        states={3: "hidden"},
    )
    assert table(folder / "f.xlsx", content, **options).to_pylist() == expected


def test_the_only_sheet_that_is_shown_and_not_empty(folder: Folder) -> None:
    content = workbook("", cells(["|a"], ["1"]), cells(["|b"], ["2"]), states={3: "hidden"})
    assert table(folder / "f.xlsx", content).to_pylist() == [{"a": 1}]


def test_cells_without_references(folder: Folder) -> None:
    inline = '<c t="inlineStr"><is><t>{}</t></is></c>'
    rows = (
        f"<row>{inline.format('a')}{inline.format('b')}</row><row/><row><c/><c><v>5</v></c></row>"
    )
    assert table(folder / "f.xlsx", workbook(rows)).to_pylist() == [{"a": None, "b": 5}]


MERGED = "".join(f'<mergeCell ref="{ref}"/>' for ref in ("A1:B1", "A3:A5", "B6:C6"))
MERGED = f"<mergeCells>{MERGED}</mergeCells>"


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        ("first", [("x", 1, 7), (None, 2, 8), (None, 3, None), ("y", 4, None)]),
        ("fill", [("x", 1, 7), ("x", 2, 8), ("x", 3, None), ("y", 4, 4)]),
    ],
)
def test_merged_cells(merged: str, expected: list[Any], folder: Folder) -> None:
    rows = cells(
        ["|a title"],
        ["|a", "|b", "|c"],
        ["|x", "1", "7"],
        ["", "2", "8"],
        ["", "3"],
        ["|y", "4"],
        [],
    )
    content = workbook(rows, after=MERGED)
    found = table(folder / "f.xlsx", content, merged=merged, skip_rows=1)
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_merged_cells_above_the_rows_are_no_matter(folder: Folder) -> None:
    after = '<mergeCells><mergeCell ref="A1:C2"/></mergeCells>'
    content = workbook(cells(["|title"], [], ["|a"], ["1"]), after=after)
    assert table(folder / "f.xlsx", content, skip_rows=2).to_pylist() == [{"a": 1}]


def test_several_files_have_one_schema(folder: Folder) -> None:
    one, two, three = (folder / f"{n}.xlsx" for n in (1, 2, 3))
    one.write_bytes(workbook(cells(["|a"], ["1"])))
    two.write_bytes(workbook(cells(["|a"], ["1.5"])))
    assert column(table([one, two])) == [1.0, 1.5]
    three.write_bytes(workbook(cells(["|b"], ["1.5"])))
    with pytest.raises(
        BadRow, match=r"3\.xlsx has other columns than .*1\.xlsx: without the column 'a'"
    ):
        table([one, three])


def test_what_nobody_declared_is_read_as_the_table_has_it(folder: Folder) -> None:
    rows = cells(["|zip", "|fee", "|day"], ["1099", "5", "s=1|45292"], ["|01099", "1.5", ""])
    path = folder / "f.xlsx"
    path.write_bytes(workbook(rows))
    types = {"zip": pa.string(), "fee": pa.float64(), "day": pa.timestamp("us")}
    target = Target(known={name: Known(type) for name, type in types.items()})
    reader = formats.open(path.store, [str(path)], Xlsx(), BadRows.fail(), target)
    (batch,) = reader.batches(str(path))
    assert batch.to_pylist() == [
        {"zip": "1099", "fee": 5.0, "day": dt.datetime(2024, 1, 1)},
        {"zip": "01099", "fee": 1.5, "day": None},
    ]
    target = Target(known={"fee": Known(pa.int64())})
    with pytest.raises(
        BadRow, match=r"Sheet1!B3: column 'fee': '1\.5' is not bigint, which the tab"
    ):
        list(
            formats.open(path.store, [str(path)], Xlsx(), BadRows.fail(), target).batches(str(path))
        )


def test_a_sheet_without_rows(folder: Folder) -> None:
    found = table(folder / "f.xlsx", workbook(HEAD), columns={"a": "date"})
    assert (found.num_rows, found.schema.types) == (0, [pa.date32(), pa.null()])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", NUMBER),
        ("0.00E+00", NUMBER),
        ("#,##0.00 [$€-407]", NUMBER),
        ("0%", NUMBER),
        ('0 "days"', NUMBER),
        ("[Red]-0", NUMBER),
        ("@", NUMBER),
        ("_-* #,##0.00_-", NUMBER),
        ("# ?/?", NUMBER),
        ("0.0\\h", NUMBER),
        ("yyyy-mm-dd", DATE),
        ("d/m/yy", DATE),
        ("mmm", DATE),
        ("[$-409]mmmm d, yyyy;@", DATE),
        ("dddd", DATE),
        ('yyyy"年"m"月"d"日"', DATE),
        ("yy\\-mm", DATE),
        ("yyyy-mm-dd hh:mm", STAMP),
        ("d.m.yy h:mm AM/PM", STAMP),
        ('yyyy-mm-dd"T"hh:mm:ss.000', STAMP),
        ("h:mm", TIME),
        ("mm:ss.0", TIME),
        ("h AM/PM", TIME),
        ("[$-F400]h:mm:ss", TIME),
        ("[h]:mm:ss", ELAPSED),
        ("[mm]:ss", ELAPSED),
        ("[ss]", ELAPSED),
    ],
)
def test_what_a_format_shows(code: str, kind: int) -> None:
    assert kind_of(code) == kind
    assert (kind != NUMBER) == bool(is_datetime(code) or kind == ELAPSED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.0", "5"),
        ("5E0", "5"),
        ("1.2345678901234E+16", "12345678901234000"),
        ("1E+20", "1e+20"),
        ("0.10000000000000001", "0.1"),
        ("19.989999999999998", "19.99"),
        ("12345678901234567", "12345678901234567"),
        ("0.12345678901234567891", "0.12345678901234567891"),
        ("-0", "0"),
        ("-1.50", "-1.5"),
        ("1e-7", "1e-07"),
    ],
)
def test_numbers_in_the_fewest_digits(text: str, expected: str) -> None:
    assert number(text) == expected


@given(st.integers(1, 16_384))
def test_letters_of_columns(number: int) -> None:
    assert column_number(column_letters(number)) == number


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(10**15), 10**15),  # openpyxl writes 16 digits
    "double": st.floats(-1e300, 1e300).map(lambda x: float(f"{x:.15g}")),
    "text": st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1
    ).filter(lambda text: text.strip() and not text.startswith("=")),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
    "date": st.dates(dt.date(1900, 3, 1)),
}


@settings(max_examples=80, deadline=None)
@given(data=st.data(), words=st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
def test_what_openpyxl_writes_comes_out(data: st.DataObject, words: list[str]) -> None:
    rows = data.draw(
        st.lists(st.tuples(*(st.none() | VALUES[word] for word in words)), min_size=1, max_size=5)
    )
    columns = {f"c{number}": word for number, word in enumerate(words)}
    content = written([list(columns), *rows])
    found = table(Folder(Place(Memory("sheets"), "f.xlsx")), content, columns=columns)
    expected = [row for row in rows if any(value is not None for value in row)]
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


VALUE = st.sampled_from(
    ["5", "0.1", "-1.5", "0.30000000000000004", "1E-7", "12345678901234567", ""]
)
WORD = st.sampled_from(["x", " y ", "a &amp; b", "_x0041_", "a\r\nb", "é\n", "<", ""])
CELL = st.one_of(
    VALUE.map(lambda v: f"<c><v>{v}</v></c>"),
    VALUE.map(lambda v: f'<c s="1"><f>A1</f><v>{v}</v></c>'),
    WORD.map(lambda v: f'<c t="inlineStr"><is><t xml:space="preserve">{v}</t></is></c>'),
    WORD.map(lambda v: f'<c t="str"><v>{v}</v></c>'),
    st.sampled_from(
        [
            '<c t="s"><v>1</v></c>',
            '<c s="1" t="s"><v>0</v></c>',
            '<c t="b"><v>1</v></c>',
            '<c t="e"><v>#N/A</v></c>',
            '<c s="2"/>',
            "<c><f>1</f></c>",
            "<c><v>1</v> </c>",
            '<c t="n" s="2"><v>45292.25</v></c>',
            "<c><!-- </row><row> --></c>",
            "",
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=12),
    size=st.integers(1, 300),
    range=st.sampled_from([None, "A1:B6", "B1:B"]),
    plain=st.booleans(),
)
def test_both_ways_to_read_agree(
    rows: list[list[str]], size: int, range: str | None, plain: bool
) -> None:
    rows = rows[:1] * 9 if plain else rows  # rows that are alike
    strings = "<si><t>s</t></si><si><t xml:space='preserve'> é</t></si>" + "<si><t>x</t></si>" * 9
    content = workbook(cells(["|a", "|b"], *rows), strings=strings)
    path = Folder(Place(Memory("both ways of sheets"), "f.xlsx"))
    path.write_bytes(content)

    def result() -> object:
        out = io.BytesIO()
        try:
            options: dict[str, Any] = {"range": range, "columns": {"b": "text"}}
            found = table(path, None, BadRows.quarantine(out, 100), **options)
        except TransferError as error:
            return str(error).partition(": line ")[0]
        return found.schema, found.to_pylist(), out.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("factory.transfer.formats.xlsx.workbook.READ", size)
        fast = result()
        patch.setattr(sheet, "parsed", lambda rows: None)
        patch.setattr(quick, "texts", lambda whole: None)
        assert repr(result()) == repr(fast)
