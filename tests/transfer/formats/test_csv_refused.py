"""CSV that is no CSV, or of another dialect: refused, and read when the hint is followed."""

import codecs
import io
import json
from functools import partial
from typing import Any

import pytest

from factory.stores.memory import Memory
from factory.stores.model import Place
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.formats.csv import blocks
from factory.transfer.formats.csv import table as table_module

from ...stores.folders import Folder
from .reading import column, read

table = partial(read, "csv")


def at(name: str) -> Folder:
    return Folder(Place(Memory(name), "f.csv"))


MANY = b"".join(b"%d,x,y\n" % n for n in range(900))  # of three columns, more than one block

ROWS: dict[str, tuple[bytes, dict[str, Any], str, str, dict[str, Any], list[tuple[Any, ...]]]] = {
    # content, options; what is said, what the hint says; the options of the hint, and the rows
    "another delimiter": (
        b"id;name;town\n1;Anna;Ulm\n",
        {},
        r":1: the header is one column, and holds 'id;name;town'",
        r"`delimiter: ';'`: it gives 3 columns",
        {"delimiter": ";"},
        [(1, "Anna", "Ulm")],
    ),
    "decimal commas": (
        b"id;name,first;amount\n1;Anna;12,50\n",
        {},
        r":1: the header is 2 columns, and holds 'id;name'",
        r"`delimiter: ';'`: it gives 3 columns",
        {"delimiter": ";", "decimal_point": ","},
        [(1, "Anna", 12.5)],
    ),
    "another delimiter further on": (
        b"id;last, first;amount\n1;Anna;12\n",
        {},
        r":1: the header is 2 columns, and holds 'id;last'",
        r"`delimiter: ';'`: it gives 3 columns",
        {"delimiter": ";"},
        [(1, "Anna", 12)],
    ),
    "tabs": (
        b"a\tb\n1\t2\n",
        {},
        ":1: the header",
        "`delimiter: tab`",
        {"delimiter": "tab"},
        [(1, 2)],
    ),
    "tabs as YAML has them": (b"a\tb\n1\t2\n", {}, ":1:", "tab", {"delimiter": "\\t"}, [(1, 2)]),
    "bars": (
        b"a|b\n1|2\n",
        {},
        ":1: the header",
        r"`delimiter: '\|'`",
        {"delimiter": "|"},
        [(1, 2)],
    ),
    "bars, the last behind the last name": (
        b"id|name|\n1|a|\n",
        {},
        r":1: the header is one column, and holds 'id\|name\|'",
        r"`delimiter: '\|'`: it gives 3 columns",
        {"delimiter": "|", "extra_fields": "ignore_empty"},
        [(1, "a")],
    ),
    "an index without a name": (
        b";name;qty\n0;a;5\n",
        {},
        ":1: the header is one column, and holds ';name;qty'",
        "`delimiter: ';'`: it gives 3 columns",
        {"delimiter": ";", "rename": {"": "row"}},
        [(0, "a", 5)],
    ),
    "two bars": (
        b"a||b\n1||2|\n",
        {},
        ":1: the header",
        r"`delimiter: '\|\|'`",
        {"delimiter": "||"},
        [(1, "2|")],
    ),
    "Hive": (
        b"1\x01x\n",
        {"header": False, "columns": {"a": "int", "b": "text"}},
        ":1: 1 fields, expected 2",
        r'`delimiter: "\\x01"`',
        {"delimiter": "\x01"},
        [(1, "x")],
    ),
    "commas for semicolons": (
        b"a,b\n1,2\n",
        {"delimiter": ";"},
        ":1: the header is one column",
        "`delimiter: ','`",
        {"delimiter": ","},
        [(1, 2)],
    ),
    "without a header": (
        b"1;x\n",
        {"header": False, "columns": {"a": "int", "b": "text"}},
        ":1: 1 fields, expected 2",
        "`delimiter: ';'`: it gives 2 fields",
        {"delimiter": ";"},
        [(1, "x")],
    ),
    "Excel": (
        b"sep=;\r\nid;name\r\n1;A\r\n",
        {},
        r":1: the first line is Excel's `sep=;`",
        "`skip_rows: 1` and `delimiter: ';'`",
        {"skip_rows": 1, "delimiter": ";"},
        [(1, "A")],
    ),
    "Excel, its delimiter known": (
        b"sep=;\r\nid;name\r\n1;A\r\n",
        {"delimiter": ";"},
        ":1: the first line is Excel's",
        "`skip_rows: 1`",
        {"skip_rows": 1},
        [(1, "A")],
    ),
    "TPC-H": (
        b"0|AFRICA|\n1|AMERICA|\n",
        {"delimiter": "|", "header": False, "columns": {"key": "bigint", "name": "text"}},
        ":1: 3 fields, expected 2",
        "`extra_fields: ignore_empty`",
        {"extra_fields": "ignore_empty"},
        [(0, "AFRICA"), (1, "AMERICA")],
    ),
    "Excel with a comma": (
        b"\xef\xbb\xbfsep=,\r\nid,name\r\n1,A\r\n",
        {},
        ":1: the first line is Excel's",
        "`skip_rows: 1`",
        {"skip_rows": 1},
        [(1, "A")],
    ),
    "lines before the header": (
        b"# made by hand\n#\nid,name\n1,A\n",
        {},
        ":3: 2 fields, expected 1",
        "`skip_rows: 2`",
        {"skip_rows": 2},
        [(1, "A")],
    ),
    "backslashes": (
        b'id,t,n\n1,"He said \\"hi\\" ok",5\n2,"{\\"a\\":1}",6\n',
        {},
        r":2: column 't': text follows the closing quote \(character 13: `hi",
        r"`escape: '\\'`",
        {"escape": "\\"},
        [(1, 'He said "hi" ok', 5), (2, '{"a":1}', 6)],
    ),
    "backslashes and delimiters": (
        b'id,t\n1,"say \\"a, b\\" now"\n',
        {},
        ":2: column 't': text follows",
        r"`escape: '\\'`",
        {"escape": "\\"},
        [(1, 'say "a, b" now')],
    ),
    "a backslash at the end of a text": (
        b'id,t\n1,"a\\",b"\n2,"c"\n',
        {},
        ":2: 3 fields",
        r"`escape: '\\'`",
        {"escape": "\\"},
        [(1, 'a",b'), (2, "c")],
    ),
    "a quoted word": (
        b'a,b,c\n1,"pipe" of 5,x\n',
        {},
        r":2: column 'b': text follows the closing quote \(character 8: ` of 5,x`\)",
        "`quote: null`",
        {"quote": None},
        [(1, '"pipe" of 5', "x")],
    ),
    "late": (
        b"a,b,c\n" + MANY + b'1,"pipe"s,x\n',
        {},
        r":902: column 'b': text follows the closing quote \(character 8: `s,x`\)",
        "`quote: null`",
        {"quote": None, "select": ["b"]},
        [("x",)] * 900 + [('"pipe"s',)],
    ),
    "in the header": (
        b'a,"b"c\n1,2\n',
        {},
        r":1: column 2: text follows the closing quote \(character 5: `c`",
        "`quote: null`",
        {"quote": None, "names": "as_is"},
        [(1, 2)],
    ),
    "two ends": (
        b'a,b,c\n1,"pipe,10\n2,"valve",20\n',
        {},
        r":3: column 'b': text .*`valve.*; the quote opens in line 2, character 3",
        "`quote: null`",
        {"quote": None},
        [(1, '"pipe', 10), (2, '"valve"', 20)],
    ),
    "rows in a value": (
        b'a,b,c\n1,"pipe,10\n2,valve,20\n3,bolt",30\n4,x,5\n',
        {},
        ":2: column 'b': a quote that opens here is closed in line 4",
        "`quote: null`",
        {"quote": None},
        [(1, '"pipe', 10), (2, "valve", 20), (3, 'bolt"', 30), (4, "x", 5)],
    ),
    "rows in a value, meant": (
        b'a,b,c\n1,"pipe,10\r\n2,valve,20\r\n3,bolt",30\n',
        {},
        ":2: column 'b': a quote that opens here is closed in line 4",
        "`multiline: true`",
        {"multiline": True},
        [(1, "pipe,10\r\n2,valve,20\r\n3,bolt", 30)],
    ),
    "rows in the header": (
        b'a,"b,c\n1,2,3\n4,5",6\n',
        {},
        ":1: column 2: a quote that opens here is closed in line 3",
        "`quote: null`",
        {"quote": None, "names": "as_is"},
        [(1, "2", 3), (4, '5"', 6)],
    ),
    "spaces before quotes": (
        b'a, b\n1, "x, y"\n',
        {},
        ":2: 3 fields, expected 2",
        "`skip_space: true`",
        {"skip_space": True},
        [(1, "x, y")],
    ),
    "spaces behind quotes": (
        b'a,b\n"1" ,"x"\n',
        {},
        ":2: column 'a': text follows",
        "`skip_space: true`",
        {"skip_space": True},
        [(1, "x")],
    ),
    "empty fields at the end": (
        b"a,b\r\n\r\n1,2,,\r\n3,4,,\r\n",
        {},
        ":3: 4 fields, expected 2",
        "`extra_fields: ignore_empty`",
        {"extra_fields": "ignore_empty"},
        [(1, 2), (3, 4)],
    ),
    "of some rows": (
        b"a,b\n1,2\n3,4,\n",
        {},
        ":3: 3 fields, expected 2",
        "`extra_fields: ignore_empty`",
        {"extra_fields": "ignore_empty"},
        [(1, 2), (3, 4)],
    ),
    "of the header, too": (
        b"a,b,\n1,2,\n3,4,\n",
        {},
        ":1: 1 fields behind the last name have none",
        "`extra_fields: ignore_empty`",
        {"extra_fields": "ignore_empty"},
        [(1, 2), (3, 4)],
    ),
    "the header once more": (
        b"id,name\n1,x\nid,name\n2,y\n",
        {},
        ":3: the row is the header once more",
        "`header: false`, `skip_rows: 1` and `columns`",
        {"header": False, "skip_rows": 1, "columns": {"id": "text", "name": "text"}},
        [("1", "x"), ("id", "name"), ("2", "y")],
    ),
    "single quotes": (
        b"a,b\n1,'x, y'\n",
        {},
        ":2: 3 fields, expected 2",
        '`quote: "\'"`',
        {"quote": "'"},
        [(1, "x, y")],
    ),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", 4096)
    monkeypatch.setattr(table_module, "SMALL", 256)


@pytest.mark.parametrize("case", ROWS)
def test_the_hint_leads_out(case: str) -> None:
    content, options, said, hint, more, rows = ROWS[case]
    path = at(case)
    with pytest.raises(BadRow, match=said) as refused:
        table(path, content, **options)
    assert refused.match(hint)
    found = table(path, content, **{**options, **more})
    assert [tuple(row.values()) for row in found.to_pylist()] == rows


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"id;name\n1;x\n", {"rename": {"id;name": "a"}}),
        (b"id;name\n1;x\n", {"columns": {"a": "text"}, "rename": {"id_name": "a"}}),
        (b'"a;b"\n1;x\n', {"names": "as_is", "rename": {"a;b": "a"}}),
        (b'a,"b;c"\n1;x,2;y\n', {}),
    ],
)
def test_a_delimiter_in_a_name_can_be_meant(content: bytes, options: dict[str, Any]) -> None:
    found = table(at("meant"), content, **options)
    assert column(found) == ["1;x"]


@pytest.mark.parametrize(
    "content",
    [
        b'a,b,c\n1,"Dear all,\n\nI came, I saw, I left.\nBo",x\n2,y,z\n',
        b'a,b\n1,"x\ny"\n2,"one\ntwo\nthree"\n3,z\n',
        b'a,b\n1,"I came\nI saw, I\nleft, Bo"\n2,"Yes\nand\nno"\n',  # alone it would look like rows
        b'a,b\n1,x\n\n\n\n2,"y"\n',
    ],
)
def test_texts_of_several_lines_are_texts(content: bytes) -> None:
    assert table(at("texts"), content).num_rows == 2 + (b"3,z" in content)


def test_bad_rows_go_aside_and_the_others_stay() -> None:
    rows = [b"%d,x,y" % number for number in range(1000)]
    rows[500], rows[700] = b'500,"x"y,z', b'700,"x,y\n701,x,y\n702,x",y'
    rows[900], rows[950] = b"900,x,y,", b"q,x,y"
    out = io.BytesIO()
    bad = BadRows.quarantine(out, 10)
    content = b"a,b,c\n" + b"\n".join(rows)
    found = table(at("aside"), content, bad, columns={"a": "int"})
    assert column(found) == [n for n in range(1000) if n not in (500, 700, 900, 950)]
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(entry["line"], entry["row"]) for entry in lines] == [
        (502, '500,"x"y,z'),
        (702, '700,"x,y\n701,x,y\n702,x",y'),
        (904, "900,x,y,"),
        (954, "q,x,y"),
    ]


HEADERS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "of Windows": (b"id,name\r\n", {}),
    "with quotes": (b'"id","name"\n', {}),
    "of old Macs": (b"id,name\r", {}),
    "with a mark": (codecs.BOM_UTF8 + b"id,name\n", {}),
    "of two bars": (b"id||name\n", {"delimiter": "||"}),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_files_that_were_joined_go_aside(case: str) -> None:
    header, options = HEADERS[case]
    between = b"||" if options else b","
    end = header[-2:] if case == "of Windows" else header[-1:]
    rows = [b"%d%sx" % (number, between) + end for number in range(2000)]
    bad = BadRows.quarantine(io.BytesIO(), 10)
    parts = [header, *rows[:1000], header, *rows[1000:], header.removesuffix(end)]
    found = table(at(case), b"".join(parts), bad, **options)
    assert column(found, "id") == list(range(2000))
    assert bad.count == 2
    bad = BadRows.quarantine(io.BytesIO(), 10)
    texts = table(at(case), b"".join(parts), bad, columns={"id": "text"}, **options)
    assert (texts.num_rows, bad.count) == (2000, 2)


def test_a_word_that_is_the_header_is_a_value() -> None:
    assert column(table(at("word"), b"word\nthe\nword\n"), "word") == ["the", "word"]
    content = b'id,text\n1,"say\nid,text\n"\n2,id\n'
    assert column(table(at("text"), content), "text") == ["say\nid,text\n", "id"]


def test_a_field_behind_the_last_column_that_is_not_empty() -> None:
    path = at("extra")
    content = b"a,b\n1,2,\n3,4,,\n5,6\n7,8,x\n"
    with pytest.raises(BadRow, match=r":5: 3 fields, expected 2\. Only empty ones are ignored"):
        table(path, content, extra_fields="ignore_empty")


def test_a_null_behind_the_last_column_is_not_empty() -> None:
    options: dict[str, Any] = {"extra_fields": "ignore_empty", "nulls": ["", "NA"]}
    with pytest.raises(BadRow, match=":2: 3 fields, expected 2"):
        table(at("null"), b"a,b\n1,2,NA\n", **options)


def test_fields_of_texts_are_not_those_of_rows() -> None:
    content = b'a,b\n1,"x\ny,z,,\nv"\n2,"w"\n3,"u",\n'
    found = table(at("texts"), content, extra_fields="ignore_empty", multiline=True)
    assert column(found, "b") == ["x\ny,z,,\nv", "w", "u"]


def test_the_byte_that_stands_in() -> None:
    path = at("byte")
    with pytest.raises(BadRow, match=r":2: the byte 0x1f, which stands in for `delimiter`"):
        table(path, b"a||b\n1||x\x1fy\n", delimiter="||")


def test_quoted_nulls() -> None:
    path = at("nulls")
    content = b'"a","b"\r\n"N/A",""\r\n"x","y"\r\n'
    options: dict[str, Any] = {"nulls": ["", "N/A"]}
    found = table(path, content, **options)
    assert (column(found), column(found, "b")) == (["N/A", "x"], ["", "y"])
    for more in (b"", b'"x"\r\n'):  # with a bad row, each is read by itself
        bad = BadRows.quarantine(io.BytesIO(), 1)
        found = table(path, content + more, bad, quoted_nulls=True, **options)
        assert (column(found), column(found, "b")) == ([None, "x"], [None, "y"])
