import datetime as dt
import gzip
import io
import json
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats.csv import blocks
from factory.transfer.formats.csv import table as table_module

from ...stores.folders import Folder
from .reading import column, read

table = partial(read, "csv")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", 4096)
    monkeypatch.setattr(blocks, "LONGEST", 8192)
    monkeypatch.setattr(table_module, "SMALL", 256)


def test_inferred_types(folder: Folder) -> None:
    content = (
        b"\xef\xbb\xbfi,f,b,t,d,ts,tz,ti,n\r\n"
        b'1,1.5,true,"x, ""y""\nz",2024-02-29,2024-01-01 00:00:00,2024-01-01T00:00:00+01:00,'
        b"01:02:03,\r\n"
        b",,,,,,,,\r\n"
    )
    found = table(folder / "f.csv", content)
    assert [str(kind) for kind in found.schema.types] == [
        *("int64", "double", "bool", "string", "date32[day]"),
        *("timestamp[us]", "timestamp[us, tz=UTC]", "time64[us]", "null"),
    ]
    first, second = found.to_pylist()
    assert first["t"] == 'x, "y"\nz'
    assert first["tz"] == dt.datetime(2023, 12, 31, 23, tzinfo=dt.timezone.utc)
    assert set(second.values()) == {None}


def test_an_empty_end_of_a_file_is_null_behind_a_quoted_value(folder: Folder) -> None:
    """pyarrow alone has an empty text there."""
    found = table(folder / "f.csv", b'a,b\n"x",\n"y",')
    assert column(found, "b") == [None, None]
    found = table(folder / "f.csv", b'a,b\n"x",""', columns={"b": "text"})
    assert column(found, "b") == [""]


def test_a_mark_between_two_files_stays(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyarrow leaves a byte order mark out where a block begins; blocks begin anywhere."""
    rows = [f"\ufeff{number},x" for number in range(20)]
    for size in (8, 16, 1 << 20):
        monkeypatch.setattr(blocks, "SIZE", size)
        found = table(folder / "f.csv", "\n".join(["a,b", *rows]).encode())
        assert column(found) == [row.removesuffix(",x") for row in rows]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a\nx\r \ny\n", {"skip_space": True}),
        (b"a\nx\r,\ny\n", {"extra_fields": "ignore_empty"}),
        (b"a\nx,\r,\ny\n", {"extra_fields": "ignore_empty"}),
    ],
)
def test_a_row_of_nothing_between_two_kinds_of_line_ends(
    content: bytes, options: dict[str, Any], folder: Folder
) -> None:
    assert column(table(folder / "f.csv", content, **options)) == ["x", None, "y"]


@pytest.mark.parametrize("value", ["007", "-01", "12345678901234567890", "00.5"])
def test_what_a_number_would_change_stays_text(value: str, folder: Folder) -> None:
    found = table(folder / "f.csv", f"a,b\n1,x\n{value},y\n".encode())
    assert column(found) == ["1", value]


def test_empty_text_and_null(folder: Folder) -> None:
    found = table(folder / "f.csv", b'a,b\n"",1\n,2\nNA,3\n')
    assert column(found) == ["", None, "NA"]
    found = table(folder / "f.csv", b"a,b\nNA,1\n2,2\n", nulls=["NA", ""])
    assert column(found) == [None, 2]


def test_declared_types(folder: Folder) -> None:
    content = b"Amount;Day;Zip;Raw\n1.50;2024-01-01;012;'x;y'\n"
    columns = {"amount": "decimal(10, 3)", "day": "timestamp", "zip": "text", "raw": "binary"}
    found = table(folder / "f.csv", content, delimiter=";", quote="'", columns=columns)
    assert found.to_pylist() == [
        {"amount": Decimal("1.500"), "day": dt.datetime(2024, 1, 1), "zip": "012", "raw": b"x;y"}
    ]


def test_without_a_header(folder: Folder) -> None:
    found = table(folder / "f.csv", b"1,x\n2,y\n", header=False, columns={"n": "int", "t": "text"})
    assert found.to_pylist() == [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]
    with pytest.raises(BadOption, match="without a header needs `columns`"):
        table(folder / "f.csv", b"1,x\n", header=False)


@pytest.mark.parametrize("content", [b"a,b\n", b"a,b", b"a,b\r\n\r\n"])
def test_a_header_alone(content: bytes, folder: Folder) -> None:
    found = table(folder / "f.csv", content)
    assert (found.num_rows, found.column_names) == (0, ["a", "b"])
    found = table(folder / "f.csv", content, columns={"a": "int"})
    assert found.schema.field("a").type == pa.int32()


def test_several_files_have_one_schema(folder: Folder) -> None:
    one, two, three = (folder / f"{n}.csv" for n in (1, 2, 3))
    one.write_bytes(b"a,b\n,x\n")
    two.write_bytes(b"a,b\n")
    three.write_bytes(b"a,b\n5,y\n")
    assert column(table([one, two, three])) == [None, 5]
    two.write_bytes(b"b,a\nz,7\n")
    assert table([one, two, three]).to_pydict() == {"a": [None, 7, 5], "b": ["x", "z", "y"]}
    two.write_bytes(b"b\n")
    with pytest.raises(BadRow, match=r"2\.csv has other columns .*1\.csv: without the column 'a'"):
        table([one, two, three])


def test_gzip(folder: Folder) -> None:
    content = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(20_000))
    packed = gzip.compress(content)
    path = folder / "f.csv.gz"
    assert table(path, packed).num_rows == 20_000
    more = gzip.compress(b"20000,x\n")
    assert column(table(path, packed + more))[-1] == 20_000
    for broken in (packed[:-20], packed[:-8] + b"\0" * 8, packed + b"garbage"):
        with pytest.raises(BadRow, match=r"f\.csv\.gz is not a whole gzip file"):
            table(path, broken)


def test_blank_lines(folder: Folder) -> None:
    path = folder / "f.csv"
    assert table(path, b"\n\na,b\n\n1,2\n\n\n3,4\n\n").num_rows == 2
    # A null in a single column is written as nothing.
    assert column(table(path, b"a\n1\n\n\n2\n")) == [1, None, None, 2]
    assert column(table(path, b"a\r\n\r\nx\r\n")) == [None, "x"]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_skipped_rows_are_counted(newline: bytes, folder: Folder) -> None:
    path = folder / "f.csv"
    content = newline.join([b'a "title', b"", b"a,b", b"1,2", b"x,3", b""])
    columns = {"a": "int"}
    with pytest.raises(BadRow, match=r":5: column 'a': 'x' is not integer"):
        table(path, content, skip_rows=2, columns=columns)
    assert column(table(path, newline.join([b"t", b"a", b"1"]), skip_rows=1)) == [1]
    with pytest.raises(BadRow, match=r"has no more than 1 lines, `skip_rows` is 3"):
        table(path, b"a\n1", skip_rows=3)


def test_all_is_quoted(folder: Folder) -> None:
    """A number can't be a quoted text: `""` is then nothing. A text can."""
    found = table(folder / "f.csv", b'"a","b"\n"1","x"\n"",""\n')
    assert (column(found), column(found, "b")) == ([1, None], ["x", ""])


def test_select(folder: Folder) -> None:
    path = folder / "f.csv"
    content = b"Id,x,x,\n1,\xff,q,\n2,5,,\n"
    assert column(table(path, content, select=["id"]), "id") == [1, 2]
    assert table(path, content, select=["n"], rename={"Id": "n"}).column_names == ["n"]
    with pytest.raises(BadOption, match=r"2 columns are named 'x'.*skip_rows: 1"):
        table(path, content, select=["x"])
    with pytest.raises(BadOption, match=r"'x' and 'x' would both be 'x'.*skip_rows: 1"):
        table(path, b"Id,x,x\n1,2,3\n")


def test_odd_names(folder: Folder) -> None:
    names = ['say "hi"', "a.b", "😀", "x'); DROP TABLE t; --", "line\nbreak", " a "]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    found = table(folder / "f.csv", f"{header}\n1,2,3,4,5,6\n".encode(), names="as_is")
    assert found.to_pylist() == [dict(zip(names, range(1, 7), strict=True))]


def test_five_thousand_columns(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", 2 << 20)
    monkeypatch.setattr(blocks, "LONGEST", 32 << 20)
    header = ",".join(f"c{number}" for number in range(5000))
    row = ",".join(str(number) for number in range(5000))
    found = table(folder / "f.csv", f"{header}\n{row}\n{row}\n".encode())
    assert found.to_pylist()[1] == {f"c{number}": number for number in range(5000)}


def test_values_are_spelled_as_declared(folder: Folder) -> None:
    path = folder / "f.csv"
    content = b"n;d;t;z\n-1,5;01.02.2024;1.2.2024 3:04;27.10.2024 01:30\n"
    found = table(
        path,
        content,
        delimiter=";",
        decimal_point=",",
        timestamp_formats=["%d.%m.%Y", "%d.%m.%Y %H:%M"],
        timezone="Europe/Berlin",
        columns={"z": "timestamptz"},
    )
    assert found.to_pylist() == [
        {
            "n": -1.5,
            "d": dt.date(2024, 2, 1),
            "t": dt.datetime(2024, 2, 1, 3, 4),
            "z": dt.datetime(2024, 10, 26, 23, 30, tzinfo=dt.timezone.utc),
        }
    ]


@pytest.mark.parametrize(
    ("form", "word", "value"),
    [
        ("%d/%m/%Y", "1/2/2024", dt.datetime(2024, 2, 1)),
        (
            "%d/%m/%Y %H:%M:%S.%f",
            "31/12/1969 23:59:59.5",
            dt.datetime(1969, 12, 31, 23, 59, 59, 500000),
        ),
        ("%d-%b-%y %I:%M %p", "05-Mar-99 12:30 PM", dt.datetime(1999, 3, 5, 12, 30)),
        ("%Y%m%d", "20240229", dt.datetime(2024, 2, 29)),
        ("%FT%T%z", "2024-01-01T00:00:05Z", dt.datetime(2024, 1, 1, 0, 0, 5)),
        ("%m/%d/%Y %H:%M:%S%z", "1/2/2024 3:4:5Z", dt.datetime(2024, 1, 2, 3, 4, 5)),
        ("100%% %d.%m.%Y", "100% 01.02.2024", dt.datetime(2024, 2, 1)),
    ],
)
def test_timestamp_formats(form: str, word: str, value: dt.datetime, folder: Folder) -> None:
    kind = "timestamptz" if "%z" in form else "timestamp"
    value = value.replace(tzinfo=dt.timezone.utc) if "%z" in form else value
    content = f"a,b\n{word},x\n,y\n".encode()
    found = table(folder / "f.csv", content, timestamp_formats=["%y?", form], columns={"a": kind})
    assert column(found) == [value, None]


def test_quarantine(folder: Folder) -> None:
    """Bad rows go aside, each once and with its line; the good ones of their blocks stay."""
    path = folder / "f.csv"
    rows = [b'%d,"x\ny"' % number for number in range(2000)]
    rows[3], rows[700], rows[1500], rows[1999] = b"q,x", b"1,2,3", b"5,caf\xe9", b"1.5,x"
    out = io.BytesIO()
    bad = BadRows.quarantine(out, 4)
    found = table(path, b"a,b\n" + b"\n".join(rows), bad, columns={"a": "int"})
    assert [*column(found)] == [n for n in range(2000) if n not in (3, 700, 1500, 1999)]
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(e["line"], e["row"]) for e in lines] == [
        *((8, "q,x"), (1401, "1,2,3"), (3000, "5,caf\ufffd"), (3997, "1.5,x"))
    ]
    assert lines[1]["reason"] == "3 fields, expected 2"
    with pytest.raises(BadRow, match=r":3997: .*; 3 rows were set aside before it"):
        table(path, None, BadRows.quarantine(io.BytesIO(), 3), columns={"a": "int"})


MANY = b"".join(b"%d,x\n" % n for n in range(3000))  # more than one block

BAD: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "value": (b"a,b\n" + MANY + b"q,x\n", r":3002: column 'a': 'q' is not bigint", {}),
    "float in ints": (b"a,b\n" + MANY + b"1.5,x\n", r":3002: column 'a': '1.5' is not bigint", {}),
    "after newlines": (
        b'a,b\n1,"x\ny\n\nz"\n' + MANY + b"q,x\n",
        r":3006: column 'a': 'q' is not bigint",
        {},
    ),
    "first value late": (
        b"a,b\n" + b",x\n" * 20000 + b"7,x\n",
        r":20002: column 'a': '7' is the first value, far from the start",
        {},
    ),
    "decimal": (
        b"a,b\n1.25,x\n1.256,x\n",
        r":3: column 'a': '1\.256' is not decimal\(9, 2\)",
        {"columns": {"a": "decimal(9,2)"}},
    ),
    "decimal digits": (
        b"a,b\n1,x\n12345,x\n",
        r":3: column 'a': '12345' is not decimal\(4, 2\)",
        {"columns": {"a": "decimal(4,2)"}},
    ),
    "out of range": (
        b"a,b\n1,x\n99999,x\n",
        r":3: column 'a': '99999' is not smallint",
        {"columns": {"a": "smallint"}},
    ),
    "no zone": (
        b"a,b\n" + b"2024-01-01 00:00:00Z,x\n" * 3000 + b"2024-01-01 00:00:00,x\n",
        r":3002: column 'a': '2024-01-01 00:00:00' is not timestamptz",
        {},
    ),
    "zone": (
        b"a,b\n2024-01-01 00:00:00,x\n2024-01-01 00:00:00Z,x\n",
        r":3: column 'a': '2024-01-01 00:00:00Z' is not timestamp",
        {"columns": {"a": "timestamp"}},
    ),
    "too few": (b"a,b\n" + MANY + b"1\n", r":3002: 1 fields, expected 2", {}),
    "too many": (b"a,b\n" + MANY + b"1,2,3\n", r":3002: 3 fields, expected 2", {}),
    "latin-1": (b"a,b\n" + MANY + b"1,caf\xe9\n", r":3002: byte 6 of the line \(0xe9\)", {}),
    "latin-1 first": (b"a,b\n1,caf\xe9\n", r":2: byte 6 of the line \(0xe9\) is not UTF-8", {}),
    "latin-1 header": (b"a,caf\xe9\n1,2\n", r":1: byte 6 of the line \(0xe9\)", {}),
    "utf-16": (
        "\ufeffa,b\n1,2\n".encode("utf-16-be"),
        r"f\.csv begins with the byte order mark of UTF-16\. Set `encoding: utf-16`",
        {},
    ),
    "nul in a name": (b"a,b\0\n1,2\n", r": the column 'b\\x00' holds a NUL", {"names": "as_is"}),
    "quote in the header": (
        b'a,"b\n' + MANY * 20,
        r":1: a quote .* not closed within 8192 bytes",
        {},
    ),
    "quote at the end": (b"a,b\n1,x\n" + b'2,"y\n3,z\n', r":3: a quote .* is not closed", {}),
    "quote": (b'a,b\n1,"x\n' + MANY, r":2: a quote .* is not closed", {}),
    "long row": (
        b"a,b\n1," + b"x" * 20000 + b"\n",
        r":2: the row .* is longer than 8192 bytes",
        {},
    ),
    "empty": (b"", r"f\.csv is empty", {}),
    "only a mark": (b"\xef\xbb\xbf\n\n", r"f\.csv is empty", {}),
    "late zero": (b"a,b\n" + MANY + b"007,x\n", r":3002: .*'007' would be changed.*\{a: text", {}),
    "late plus": (b"a,b\n" + MANY + b"+5,x\n", r":3002: column 'a': '\+5' would be changed", {}),
    "late space": (b"a,b\n" + MANY + b" 5,x\n", r":3002: column 'a': ' 5' would be changed", {}),
    "late digits": (b"a,b\n" + MANY + b"9" * 19 + b",x\n", r":3002: .* is not bigint", {}),
    "late precision": (
        b"a,b\n0.5,x\n" + MANY + b"0.1234567890123456789,x\n",
        r":3003: .*'0\.1234567890123456789' would be changed by the type double",
        {},
    ),
    "infinity": (b"a,b\n1e400,x\n", r":2: .* is not double", {"columns": {"a": "double"}}),
    "hexadecimal": (b"a,b\n0x1F,x\n", r":2: .* is not bigint", {"columns": {"a": "bigint"}}),
    "nanoseconds": (
        b"a,b\n2024-01-01 00:00:00.1234560,x\n2024-01-01 00:00:00.1234567,x\n",
        r":3: .* has seven digits of a second, a timestamp holds six",
        {"columns": {"a": "timestamp"}},
    ),
    "naive": (
        b"a,b\n2024-01-01 00:00:00,x\n",
        r":2: .* is not timestamptz: it has no offset.*`timezone: ",
        {"columns": {"a": "timestamptz"}},
    ),
    "ambiguous": (
        b"a,b\n2024-10-27 02:30:00,x\n",
        r":2: .* is there twice in Europe/Berlin, where clocks go back",
        {"columns": {"a": "timestamptz"}, "timezone": "Europe/Berlin"},
    ),
    "day of no month": (
        b"a,b\n31/02/2024,x\n",
        r":2: column 'a': '31/02/2024' is not date",
        {"columns": {"a": "date"}, "timestamp_formats": ["%d/%m/%Y"]},
    ),
    "day of another form": (
        b"a,b\n31.12.2024,x\n",
        r":2: .*'31\.12\.2024' is not date.*a: {type: date, formats: \[\"%d\.%m\.%Y\"\]}}`; else",
        {"columns": {"a": "date"}},
    ),
    "one of two days": (
        b"a,b\n01/02/2024,x\n",
        r"formats: \[\"%d/%m/%Y\"\]}}`, or `columns: {a: {type: date, formats: \[\"%m/%d/%Y\"\]}}`",
        {"columns": {"a": "date"}},
    ),
    "time of another form": (
        b"a,b,c\n31.12.2024,2024-12-31 10:15:00,x\n",
        r"column 'b': .* is not timestamp.*formats: \[\"%d\.%m\.%Y\", \"%Y-%m-%d %H:%M:%S\"\]",
        {"columns": {"a": "date", "b": "timestamp"}, "timestamp_formats": ["%d.%m.%Y"]},
    ),
    "year zero": (b"a,b\n0000-01-01,x\n", r":2: .* is not date", {"columns": {"a": "date"}}),
    "thousands": (
        b"a;b\n1.234,5;x\n",
        r":2: .*'1\.234,5' is not double",
        {"delimiter": ";", "decimal_point": ",", "columns": {"a": "double"}},
    ),
    "nul": (b"a,b\n1,x\0y\n", r":2: column 'b': 'x\\x00y' holds a NUL, .* PostgreSQL", {}),
    "undefined in cp1252": (
        b"a,b\n1,\xe9\x81\n",
        r":2: character 4 of the line \(0x81\) is not cp1252",
        {"encoding": "cp1252"},
    ),
    "utf-16 without a mark": (b"a,b\n", r"is not utf-16", {"encoding": "utf-16"}),
    "encoding": (b"a,b\n", "unknown encoding 'utf-9'", {"encoding": "utf-9"}),
    "zone name": (b"a,b\n", "unknown time zone 'Nowhere'", {"timezone": "Nowhere"}),
    "no year": (b"a,b\n", "'%d.%m.' has no year", {"timestamp_formats": ["%d.%m."]}),
    "format": (b"a,b\n", "'%Y-%Q' is not a strptime", {"timestamp_formats": ["%Y-%Q"]}),
    "same characters": (b"a,b\n", "must differ", {"quote": ","}),
    "undeclared": (b"a,b\n1,2\n", "Did you mean 'b'", {"columns": {"bb": "text"}}),
    "type": (b"a,b\n1,2\n", "Did you mean 'bigint'", {"columns": {"a": "bigit"}}),
    "delimiter": (b"a,b\n1,2\n", "'delimiter' can't be 'comma'", {"delimiter": "comma"}),
    "cut behind an escape": (
        b"a,b\n1,x\\",
        r":2: the file ends behind an escape",
        {"escape": "\\"},
    ),
    "quote of two": (b"a,b\n1,2\n", "must be one ASCII character", {"quote": "''"}),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str, folder: Folder) -> None:
    content, message, options = BAD[case]
    with pytest.raises((BadRow, BadOption), match=message):
        table(folder / "f.csv", content, **options)


def test_a_lone_quote_in_a_text_is_no_fault(folder: Folder) -> None:
    assert column(table(folder / "f.csv", b'a,b\n5" pipe,x\n'), "a") == ['5" pipe']
