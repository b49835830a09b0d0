"""What is not the file at all: refused as a whole, with what it begins with."""

import io
import json
import zipfile
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.first_bytes import known

from ...stores.folders import Folder
from .reading import column, read
from .test_holds import parquet

PAGE = b"""
<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Your link, it has expired</h1></body></html>
"""
POINTER = b"""version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""


def packed(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "<a/>")
    return out.getvalue()


OTHERS = {
    "page": (PAGE, "an HTML page", "'<!DOCTYPE html>'"),
    "page in capitals": (b"\xef\xbb\xbf<HTML lang='en'>\n", "an HTML page", "\"<HTML lang='en'>\""),
    "page after a comment": (b"<!-- build 7 -->\n<html>", "an HTML page", "'<!-- build 7 -->'"),
    "warning before the rows": (b"<br />\n<b>Warning</b>: x\na,b\n", "an HTML page", "'<br />'"),
    "table": (b"<table border=1><tr><td>a</td>", "an HTML page", "'<table border=1>"),
    "title": (b"\r\n<title>502 Bad Gateway</title>", "an HTML page", "'<title>502 Bad"),
    "page in utf-16": ("\ufeff<html>\n".encode("utf-16-le"), "an HTML page", "'<html>'"),
    "xml": (b"<?xml version='1.0'?><Error><Code>x</Code></Error>", "an XML document", '"<?xml ve'),
    "xml without a head": (b'<Error xmlns="urn:x">\n', "an XML document", "'<Error xmlns"),
    "pointer": (POINTER, "a Git LFS pointer", "'version https://git-lfs"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF", "'%PDF-1.7'"),
    "image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "an image", r"'\ufffdPNG'"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Office file", "'\ufffd"),
    "xlsx": (packed("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", r"'PK\x03"),
    "sqlite": (b"SQLite format 3\0" + bytes(100), "a SQLite database", "'SQLite format 3"),
}


KINDS = ("csv", "json", "jsonl", "parquet", "xlsx")
ELSEWHERE = {  # told by who opens it
    ("xlsx", "csv"): "is a document of an office program, .*`format: xlsx`",
    ("xlsx", "json"): "is a document of an office program, .*`format: xlsx`",
    ("xlsx", "jsonl"): "is a document of an office program, .*`format: xlsx`",
    ("xlsx", "xlsx"): "shows no sheet",
    ("xls", "xlsx"): r"is an old Excel workbook \(\.xls\), which is not read",
    ("page in utf-16", "json"): "it is UTF-16",
}


@pytest.mark.parametrize(("case", "kind"), ELSEWHERE)
def test_another_file_for_who_opens_it(case: str, kind: str, folder: Folder) -> None:
    with pytest.raises(BadRow, match=ELSEWHERE[case, kind]):
        read(kind, folder / f"f.{kind}", OTHERS[case][0])


@pytest.mark.parametrize(
    ("case", "kind"), [(c, k) for c in OTHERS for k in KINDS if (c, k) not in ELSEWHERE]
)
def test_another_file(case: str, kind: str, folder: Folder) -> None:
    content, what, begins = OTHERS[case]
    path = folder / f"f.{kind}"
    for bad in (BadRows.fail(), BadRows.quarantine(io.BytesIO(), 1000)):
        with pytest.raises(BadRow) as raised:
            read(kind, path, content, bad)
        said = raised.value.message.replace("�", r"\ufffd")
        assert f"f.{kind} is {what}" in said
        assert f": it begins with {begins}".replace("�", r"\ufffd") in said


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_of_several(kind: str, folder: Folder) -> None:
    """All rows of an error page would be set aside, and the others published without it."""
    one, other = folder / f"1.{kind}", folder / f"2.{kind}"
    one.write_bytes(b"a\n1\n" if kind == "csv" else b'{"a": 1}\n')
    other.write_bytes(PAGE)
    with pytest.raises(BadRow, match=rf"2\.{kind} is an HTML page"):
        read(kind, [one, other], None, BadRows.quarantine(io.BytesIO(), 1000))


JSON = {
    "object": b'{"error":"rate limit exceeded","code":429}\n',
    "spaced": b'\n { "error" : "rate limit, exceeded" }',
    "pretty": b'{\n  "error": "x",\n  "code": 429\n}\n',
    "array": b'[{"id": 1}, {"id": 2}]',
    "pretty array": b'[\n  {\n    "id": 1\n  }\n]',
    "nothing": b"{}",
    "no rows": b"[]\n",
}


@pytest.mark.parametrize("case", JSON)
def test_json_is_no_csv(case: str, folder: Folder) -> None:
    path = folder / "f.csv"
    with pytest.raises(BadRow, match=r"f\.csv is a JSON document, not CSV: it begins") as raised:
        read("csv", path, JSON[case])
    assert "say `format: json" in str(raised.value.hint)
    columns = {"a": "text", "b": "text"}
    quarantine = BadRows.quarantine(io.BytesIO(), 1000)
    with pytest.raises(BadRow, match=r"f\.csv is a JSON document"):
        read("csv", path, None, quarantine, header=False, columns=columns)


@pytest.mark.parametrize("content", [*JSON.values(), PAGE, POINTER])
def test_lines_of_one_text_may_be_anything(content: bytes, folder: Folder) -> None:
    options: dict[str, Any] = {"header": False, "quote": None, "delimiter": "|"}
    options["columns"] = {"line": "text"}
    found = read("csv", folder / "f.csv", content, **options)
    assert column(found, "line")[-1] == content.decode().rstrip("\n").rpartition("\n")[2]


def test_a_parquet_file_says_which_format_it_is(folder: Folder) -> None:
    content = parquet({"a": [1]})
    for kind in ("csv", "jsonl"):
        with pytest.raises(BadRow, match=r"is a Parquet file, not .*`format: parquet`"):
            read(kind, folder / f"f.{kind}", content)


USUAL = {
    "finam": (b"<TICKER>,<PER>,<DATE>\nX,1,20240101\n", ["ticker", "per", "date"]),
    "metatrader": (b"<DATE>\t<OPEN>\n2024.01.01\t1\n", ["date", "open"]),
    "html columns": (b"<HEAD>,<BODY>\n1,2\n", ["head", "body"]),
    "title": (b"<TITLE>;<P>\n1;2\n", ["title", "p"]),
    "brackets": (b"[id],[name]\n1,x\n", ["id", "name"]),
    "par1": (b"PAR1,PAR2\n1,2\n", ["par1", "par2"]),
    "version": (b"version,size\n1,2\n", ["version", "size"]),
    "json within": (b'a,b\n{},"{""x"": 1}"\n', ["a", "b"]),
    "quoted": (b'"{""x""}",b\n1,2\n', ["x", "b"]),
}


@pytest.mark.parametrize("case", USUAL)
def test_what_a_header_may_be(case: str, folder: Folder) -> None:
    content, names = USUAL[case]
    delimiter = {"metatrader": "\t", "title": ";"}.get(case, ",")
    assert read("csv", folder / "f.csv", content, delimiter=delimiter).column_names == names


def test_json_may_be_the_first_field(folder: Folder) -> None:
    content = b'{"id": 1, "x": [2]}\t2024-01-01\n{"id": 2}\t2024-01-02\n'
    options: dict[str, Any] = {"header": False, "quote": None, "delimiter": "\t"}
    columns = {"event": "text", "day": "date"}
    found = read("csv", folder / "f.csv", content, columns=columns, **options)
    assert [json.loads(str(event)) for event in column(found, "event")][1] == {"id": 2}


def test_lines_before_the_header_may_be_anything(folder: Folder) -> None:
    content = b'{"made": "2024-01-01"}\na,b\n1,2\n'
    assert read("csv", folder / "f.csv", content, skip_rows=1).column_names == ["a", "b"]
    with pytest.raises(BadRow, match="is an HTML page"):
        read("csv", folder / "f.csv", PAGE.lstrip(), skip_rows=1)


def test_what_is_packed_is_known() -> None:
    import bz2
    import gzip
    import lzma

    for data in (gzip.compress(b"x"), bz2.compress(b"x"), lzma.compress(b"x"), packed("a.csv")):
        assert known(data).packed  # type: ignore[union-attr]
    assert known(pa.compress(b"x", "zstd", asbytes=True)).packed  # type: ignore[union-attr]
    assert known(packed("data/xl/a.csv", "b.csv")).packed  # type: ignore[union-attr]
    for text in (b"", b"a,b\n", b"BZh,x\n", b"<x>", b"{x}", b"(1)", b"\xff\xfea", b"[1, 2]"):
        assert known(text) is None
