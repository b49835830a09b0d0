import datetime as dt
import gzip
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from factory.transfer import formats
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats.csv import blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", 4096)
    monkeypatch.setattr(blocks, "LONGEST", 8192)


def table(path: Path | list[Path], content: bytes | None = None, **options: object) -> pa.Table:
    paths = path if isinstance(path, list) else [path]
    if content is not None:
        paths[0].write_bytes(content)
    options = {"type": "csv", **options}
    sources = [str(path) for path in paths]
    reader = formats.find(options).open(fsspec.filesystem("file"), sources, options, BadRows.fail())
    batches = (batch for source in sources for batch in reader.batches(source))
    return pa.Table.from_batches(batches, reader.schema)


def column(table: pa.Table, name: str = "a") -> list[object]:
    values: list[object] = table.column(name).to_pylist()
    return values


def test_inferred_types(tmp_path: Path) -> None:
    content = (
        b"\xef\xbb\xbfi,f,b,t,d,ts,tz,ti,n\r\n"
        b'1,1.5,true,"x, ""y""\nz",2024-02-29,2024-01-01 00:00:00,2024-01-01T00:00:00+01:00,'
        b"01:02:03,\r\n"
        b",,,,,,,,\r\n"
    )
    found = table(tmp_path / "f.csv", content)
    assert [str(kind) for kind in found.schema.types] == [
        *("int64", "double", "bool", "string", "date32[day]"),
        *("timestamp[us]", "timestamp[us, tz=UTC]", "time64[us]", "null"),
    ]
    first, second = found.to_pylist()
    assert first["t"] == 'x, "y"\nz'
    assert first["tz"] == dt.datetime(2023, 12, 31, 23, tzinfo=dt.timezone.utc)
    assert set(second.values()) == {None}


@pytest.mark.parametrize("value", ["007", "-01", "12345678901234567890", "00.5"])
def test_what_a_number_would_change_stays_text(value: str, tmp_path: Path) -> None:
    found = table(tmp_path / "f.csv", f"a,b\n1,x\n{value},y\n".encode())
    assert column(found) == ["1", value]


def test_empty_text_and_null(tmp_path: Path) -> None:
    found = table(tmp_path / "f.csv", b'a,b\n"",1\n,2\nNA,3\n')
    assert column(found) == ["", None, "NA"]
    found = table(tmp_path / "f.csv", b"a,b\nNA,1\n2,2\n", nulls=["NA", ""])
    assert column(found) == [None, 2]


def test_declared_types(tmp_path: Path) -> None:
    content = b"Amount;Day;Zip;Raw\n1.50;2024-01-01;012;'x;y'\n"
    columns = {"amount": "decimal(10, 3)", "day": "timestamp", "zip": "text", "raw": "binary"}
    found = table(tmp_path / "f.csv", content, delimiter=";", quote="'", columns=columns)
    assert found.to_pylist() == [
        {"amount": Decimal("1.500"), "day": dt.datetime(2024, 1, 1), "zip": "012", "raw": b"x;y"}
    ]


def test_without_a_header(tmp_path: Path) -> None:
    found = table(
        tmp_path / "f.csv", b"1,x\n2,y\n", header=False, columns={"n": "int", "t": "text"}
    )
    assert found.to_pylist() == [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]
    with pytest.raises(BadOption, match="without a header needs `columns`"):
        table(tmp_path / "f.csv", b"1,x\n", header=False)


@pytest.mark.parametrize("content", [b"a,b\n", b"a,b", b"a,b\r\n\r\n"])
def test_a_header_alone(content: bytes, tmp_path: Path) -> None:
    found = table(tmp_path / "f.csv", content)
    assert (found.num_rows, found.column_names) == (0, ["a", "b"])
    found = table(tmp_path / "f.csv", content, columns={"a": "int"})
    assert found.schema.field("a").type == pa.int32()


def test_several_files_have_one_schema(tmp_path: Path) -> None:
    one, two, three = (tmp_path / f"{n}.csv" for n in (1, 2, 3))
    one.write_bytes(b"a,b\n,x\n")
    two.write_bytes(b"a,b\n")
    three.write_bytes(b"a,b\n5,y\n")
    assert column(table([one, two, three])) == [None, 5]
    two.write_bytes(b"b,a\n")
    with pytest.raises(BadRow, match=r"2\.csv has the columns \['b', 'a'\]"):
        table([one, two, three])


def test_gzip(tmp_path: Path) -> None:
    content = b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(20_000))
    packed = gzip.compress(content)
    path = tmp_path / "f.csv.gz"
    assert table(path, packed).num_rows == 20_000
    more = gzip.compress(b"20000,x\n")
    assert column(table(path, packed + more))[-1] == 20_000
    for broken in (packed[:-20], packed[:-8] + b"\0" * 8, content, packed + b"garbage"):
        with pytest.raises(BadRow, match=r"f\.csv\.gz is not a whole gzip file"):
            table(path, broken)


MANY = b"".join(b"%d,x\n" % n for n in range(3000))  # more than one block

BAD: dict[str, tuple[bytes, str, Mapping[str, object]]] = {
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
    "empty": (b"", r" is empty", {}),
    "undeclared": (b"a,b\n1,2\n", "Did you mean 'b'", {"columns": {"bb": "text"}}),
    "type": (b"a,b\n1,2\n", "Did you mean 'bigint'", {"columns": {"a": "bigit"}}),
    "option": (b"a,b\n1,2\n", "Did you mean 'delimiter'", {"delimeter": ";"}),
    "delimiter": (b"a,b\n1,2\n", "must be one ASCII character", {"delimiter": "||"}),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str, tmp_path: Path) -> None:
    content, message, options = BAD[case]
    with pytest.raises((BadRow, BadOption), match=message):
        table(tmp_path / "f.csv", content, **options)


def test_a_lone_quote_in_a_text_is_no_fault(tmp_path: Path) -> None:
    assert column(table(tmp_path / "f.csv", b'a,b\n5" pipe,x\n'), "a") == ['5" pipe']
