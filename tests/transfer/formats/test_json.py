import io
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.stores.memory import Memory
from factory.stores.model import Place
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats.json import array
from factory.transfer.formats.json.array import elements
from factory.transfer.formats.jsonl import document, infer
from factory.transfer.formats.jsonl.document import Document

from ...stores.folders import Folder
from .reading import column, read

table = partial(read, "json")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "CHUNK", 512)
    monkeypatch.setattr(infer, "SAMPLE", 1024)
    monkeypatch.setattr(array, "LONGEST", 20_000)


ROWS = b'[{"a": 1, "b": "x"}, {"b": "y]},", "a": 2}]'


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (ROWS, None),
        (b"\xef\xbb\xbf \n" + ROWS + b"\n\n", None),
        (json.dumps(json.loads(ROWS), indent=4).encode().replace(b"\n", b"\r\n"), None),
        (b'{"data": ' + ROWS + b"}", "data"),
        (
            b'{"n": 2, "next": null, "data" : ' + ROWS + b', "x": [{"data": [{}]}], "s": "]"}',
            "data",
        ),
        (b'{"data": {"total": 2, "it\\u0065ms": \n' + ROWS + b', "z": -1.5e3}}', "data.items"),
        (b'{"skipped": "' + b"]}" * 2000 + b'", "data": ' + ROWS + b"}", "data"),
        (b'{"skipped": ' + b"[" * 3000 + b"]" * 3000 + b',"data":' + ROWS + b"}", "data"),
    ],
)
def test_where_the_array_stands(content: bytes, records: str | None, folder: Folder) -> None:
    found = table(folder / "f.json", content, records=records)
    assert found.to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": "y]},"}]


def test_values_are_as_those_of_lines(folder: Folder) -> None:
    content = b"""[
      {"Amount": 1.50, "Big": 123456789012345678901234567890, "o": {"x": [ 1, 2.50]}, "t": "1.50"},
      {"Amount": 1e2, "late": [1,
         2]}
    ]"""
    columns = {"amount": "decimal(10, 3)", "big": "text", "late": "json"}
    found = table(folder / "f.json", content, columns=columns)
    first, second = found.to_pylist()
    assert first["amount"] == Decimal("1.500")
    assert first["big"] == "123456789012345678901234567890"
    assert (first["o"], first["t"]) == ('{"x": [ 1, 2.50]}', "1.50")
    assert second["amount"] == 100
    assert json.loads(second["late"]) == [1, 2]


def test_a_document_that_is_one_row(folder: Folder) -> None:
    content = b'{\n "id": 7,\n "items": [{"sku": "x"}]\n}\n'
    found = table(folder / "f.json", content, records=".")
    assert found.to_pylist() == [{"id": 7, "items": '[{"sku": "x"}]'}]


MANY = b'[{"a": 1, "b": "x"}' + b',\n{"a": 1, "b": "x"}' * 499  # more than the sample

BAD: dict[str, tuple[bytes, str, Mapping[str, Any]]] = {
    "value": (
        MANY + b',\n{"a": "x"}]',
        r":501: row 501 of the array: column 'a': \"x\" is not",
        {},
    ),
    "two in a line": (b'[{"a": 1},{"a": 1}, {"a": "x"}\n]', r":1: row 3 of the array: column", {}),
    "nan": (MANY + b', {"a": NaN}]', r":500: row 501 of the array: it is not JSON: NaN is no", {}),
    "twice": (b'[{"a": 1, "a": 2}]', r":1: row 1 of the array: the key 'a' stands there twice", {}),
    "scalar": (MANY + b",\n7]", r":501: row 501 of the array: it is not an object", {}),
    "scalars": (b"[1, 2, 3]", r":1: row 1 of the array: it is not an object", {}),
    "arrays": (b'[["a"], [1]]', r":1: row 1 of the array: it is not an object", {}),
    "brackets": (MANY + b',\n{"a": [1}}]', r":501: row 501 of the array: it is not JSON", {}),
    "latin-1": (MANY + b',\n{"b": "\xe9"}]', r":501: row 501 .* byte 8 of the row \(0xe9\)", {}),
    "comment": (b'[{"a": 1}, // x\n{"a": 2}]', r":1: row 2 of the array: it is not JSON", {}),
    "single quotes": (b"[{'a': 1}]", r":1: row 1 of the array: it is not JSON", {}),
    "deep": (b'[{"a": ' + b"[" * 9000 + b"]" * 9000 + b"}]", r":1: row 1 .* too deeply", {}),
    "long": (MANY + b',\n{"b": "' + b"x" * 30_000 + b'"}]', r":501: row 501 .* is longer than", {}),
    "trailing comma": (MANY + b",\n]", r":501: a comma stands before the closing `\]`", {}),
    "comma alone": (b"[ ,]", r":1: a comma stands before the closing `\]`", {}),
    "comma too many": (b'[{"a": 1},, {"a": 2}]', r":1: row 2 of the array: it is not JSON", {}),
    "no comma": (b'[{"a": 1} {"a": 2}]', r":1: row 1 of the array: it is not JSON", {}),
    "no comma later": (
        MANY + b'\n{"b": "x"}]',
        r":50[01]: (no comma stands before row 501|row 500)",
        {},
    ),
    "cut short": (MANY + b',\n{"a": 1', r":501: the file ends in row 501 of the array", {}),
    "cut after a row": (MANY, r":500: the file ends in row 501 of the array", {}),
    "no closing quote": (
        MANY + b',\n{"b": "x}' + b",\n{}" * 9,
        r":501: the file ends in row 501",
        {},
    ),
    "cut envelope": (
        b'{"d": [{"a": 1}]',
        r":1: the file ends here, in the middle",
        {"records": "d"},
    ),
    "cut before the array": (
        b'{"d":',
        r":1: `records: d` leads to the end of the file, expected an array",
        {"records": "d"},
    ),
    "cut sibling": (b'{"d": [{"a": 1}], "e": [', r":1: the file ends here", {"records": "d"}),
    "two arrays": (MANY + b"]\n[{}]", r":501: behind the document stands `\[\{\}\]`", {}),
    "lines": (
        b'{"a": 1}\n{"a": 2}',
        r"(?s):1: .* begins with `\{\"a\": 1\}…`, expected .*`format: jsonl`",
        {},
    ),
    "lines, records": (
        b'{"a": 1}\n{"a": 2}',
        r":1: .*no key 'd'.*`format: jsonl`",
        {"records": "d"},
    ),
    "envelope": (b'{\n"n": 1, "d": {"x": [], "rows": ' + ROWS + b"}}", r"records: d\.rows\}", {}),
    "envelopes": (b'{"x": ' + ROWS + b', "z": ' + ROWS + b"}", r"records: x\}` \(or: z\)", {}),
    "one object": (b'{"a": 1, "b": [1]}', r"\{type: json, records: \.\}", {}),
    "no envelope": (ROWS, r":1: expected an object .* leave `records` out", {"records": "d"}),
    "no such key": (
        b'{"date": 1, "dat": 2}',
        r":1: .*no key 'data'.*Did you mean 'dat",
        {"records": "data"},
    ),
    "no such key at all": (b'{"x": 1, "y": 2}', r"It has x, y", {"records": "data"}),
    "null": (b'{"data": null}', r"`records: data` leads to `null", {"records": "data"}),
    "an object": (
        b'{"data": {"a": 1}}',
        r":1: `records: data` leads to `\{.*expected an array.*`data\.items`; `records: \.`",
        {"records": "data"},
    ),
    "two keys": (
        b'{"d": [{"a": 1}], "d": [{"a": 2}]}',
        r":1: the key 'd' stands",
        {"records": "d"},
    ),
    "utf-16": (ROWS.decode().encode("utf-16"), r":1: it is UTF-16. JSON is UTF-8", {}),
    "odd key": (b'{"@graph": [{"a": 1}]}', r"records: \"@graph\"\}", {}),
    "key that no text is": (b'{"on": [{"a": 1}]}', r"records: \"on\"\}", {}),
    "key with a point": (b'{"a.b": [{"a": 1}]}', r"records: \.\}", {}),
    "page": (b"<html>", r"is an HTML page, not JSON", {}),
    "text": (b"hello", r":1: the document begins with `hello`", {}),
    "empty": (b" \n", r":2: the file is empty. An array without rows is `\[\]`", {}),
    "no rows": (b"[ ]", r"holds no rows. Declare `columns`", {}),
    "late key": (MANY + b',\n{"c": 1}]', r":501: row 501 of the array: the key 'c' is not in", {}),
    "two documents": (b'{"a": 1}\n{"a": 2}', r":1: it is not JSON: trailing", {"records": "."}),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str, folder: Folder) -> None:
    content, message, options = BAD[case]
    with pytest.raises((BadRow, BadOption), match=message):
        table(folder / "f.json", content, **options)


def test_bad_rows_are_set_aside(folder: Folder) -> None:
    wrong = [b'{"a": "x"}', b"nonsense", b'{"a": [1}}', b'{"a":\n3, "z": 1}']
    content = MANY + b"".join(b", " + one + b",\n{}" for one in wrong) + MANY.replace(b"[", b",\n")
    out = io.BytesIO()
    found = table(folder / "f.json", content + b"]", BadRows.quarantine(out, 10))
    assert column(found) == [1] * 500 + [None] * 4 + [1] * 500
    entries = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [entry["row"].encode() for entry in entries] == wrong
    assert [entry["line"] for entry in entries] == [500, 501, 502, 503]
    places = [entry["reason"].partition(" of the array: ")[0] for entry in entries]
    assert places == ["row 501", "row 503", "row 505", "row 507"]


def test_an_empty_array_with_declared_columns(folder: Folder) -> None:
    found = table(folder / "f.json", b'{"d": []}', records="d", columns={"a": "date"})
    assert (found.num_rows, found.schema.types) == (0, [pa.date32()])


def test_several_files_have_one_schema(folder: Folder) -> None:
    one, two = folder / "1.json", folder / "2.json"
    one.write_bytes(b'[{"a": null}]')
    two.write_bytes(b'[{"b": "x", "a": 5}]')
    assert table([one, two]).to_pylist() == [{"a": None, "b": None}, {"a": 5, "b": "x"}]


LINES: dict[str, tuple[bytes, str]] = {
    "array": (b'[{"a": 1}, {"a": 2}]', r":1: this is an array, not JSON Lines. .*`format: json`"),
    "array over lines": (b'\n[\n{"a": 1},\n{"a": 2}\n]\n', r":2: this is an array"),
    "array of scalars": (b"[1, 2]\n", r":1: this is an array, not JSON Lines$"),
    "object over lines": (
        b'{\n "a": 1,\n "b": [1]\n}\n',
        r":1: .* over several lines.*records: \.\}",
    ),
    "envelope over lines": (b'{"data": [\n {"a": 1},\n {"a": 2}\n]}', r":1: .*records: data\}"),
    "envelope": (
        b'{"data": [{"a": 1}, {"a": 2}]}\n',
        r":1: the file is one object, .* in 'data'.*"
        r"`format: \{type: json, records: data\}`; if .* `columns: \{data: json\}`",
    ),
    "columns, as pandas writes them": (
        b'{"x": {"0": 1, "1": 2}, "y": {"0": 3, "1": 4}}',
        r":1: the file is one object, .* table.*orient='records'.*`columns: \{x: json\}`",
    ),
    "rows by number": (b'{"0": {"a": 1, "b": [2]}, "1": {"a": 3, "b": 4}}', "a whole table"),
    "columns as arrays": (b'{"x": [1, 2], "y": ["a", "b"]}', "a whole table"),
    "deep envelope": (b'{"n": 1, "r": {"hits": [{"a": 1}]}}', r":1: .*records: r\.hits\}`"),
}


@pytest.mark.parametrize("quarantine", [False, True])
@pytest.mark.parametrize("case", LINES)
def test_documents_are_no_json_lines(case: str, quarantine: bool, folder: Folder) -> None:
    content, message = LINES[case]
    bad = BadRows.quarantine(io.BytesIO(), 10) if quarantine else None
    with pytest.raises(BadRow, match=message):
        read("jsonl", folder / "f.jsonl", content, bad)


@pytest.mark.parametrize("kind", ["json", "jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        b'[{"a": 1}, {"a": 1}]',
        b'[\n{"a": 1},\n{"a": 1}]',
        b'{"n": 2, "result": {"items": [{"a": 1}, {"a": 1}]}}',
        b'{"@graph": [\n{"a": 1}, {"a": 1}]}',
        b'{"null": [{"a": 1}, {"a": 1}]}',
        b'{"a.b": 1,\n "on": [{"a": 1}, {"a": 1}]}',
        b'{"a": 1}\n{"a": 1}\n',
    ],
)
def test_the_format_of_a_hint_reads_the_file(content: bytes, kind: str, folder: Folder) -> None:
    try:
        found = read(kind, folder / "f", content)
    except BadRow as error:
        written = re.search(r"`format: ([^`]+)`", str(error))
        assert written is not None
        format = yaml.safe_load(written[1])
        options = {"type": format} if isinstance(format, str) else format
        found = read(options.pop("type"), folder / "f", **options)
    assert column(found) == [1, 1]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b'{"id": 1, "items": [{"a": 1}]}', {"columns": {"items": "json"}}),
        (b'{"id": 1, "items": [{"a": 1}]}', {"select": ["id"]}),
        (b'{"id": 1, "items": [{"a": 1}]}\n{"id": 1, "items": []}', {}),
        (b'{"id": 1, "items": [1, 2], "o": {"x": 1}}', {}),
        (b'{"id": [1, 2], "o": ["x"]}', {"columns": {"id": "json"}}),
        (b'{"id": {"x": 1}, "to": {"x": 2}}', {}),
        (b'{"id": {"0": 1}, "to": {"0": 2}}', {"columns": {"to": "json"}}),
        (b'{"id": {"0": 1}, "to": {"1": 2}}', {}),
        (b'\n{"id": 1}\n{"id":\n', {"columns": {"id": "bigint"}}),
    ],
)
def test_objects_that_are_rows(content: bytes, options: dict[str, Any], folder: Folder) -> None:
    found = read(
        "jsonl", folder / "f.jsonl", content, BadRows.quarantine(io.BytesIO(), 1), **options
    )
    assert found.column("id")[0].as_py() in (1, '{"x": 1}', '{"0": 1}', "[1, 2]")


def test_a_fault_in_the_first_line_is_that_of_a_row(folder: Folder) -> None:
    with pytest.raises(BadRow, match=r":1: it is not JSON"):
        read("jsonl", folder / "f.jsonl", b'{"a": 1\n{"a": 2}\n')


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('ab"\\[]{},: \n\u00e9')),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('a"]', max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(JSON, max_size=8),
    indent=st.sampled_from([None, 0, 2]),
    ascii=st.booleans(),
    size=st.integers(1, 40),
    deep=st.booleans(),
)
def test_any_array_is_cut_into_its_elements(
    rows: list[Any], indent: int | None, ascii: bool, size: int, deep: bool
) -> None:
    content = json.dumps(rows, indent=indent, ensure_ascii=ascii).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "CHUNK", size)
        one = Document(io.BytesIO(content + b" , more" * deep), "f")
        one.expect(b"[")
        blocks = list(elements(one))
    assert one.next() == (b"," if deep else b"")
    assert [json.loads(text) for block in blocks for text in block.texts()] == rows
    found = [row for block in blocks for row in block.rows()]
    assert [json.loads(row.text) for row in found] == rows
    assert [row.place for row in found] == [
        f"row {n} of the array: " for n in range(1, len(rows) + 1)
    ]
    at = 0
    for row in found:
        at = content.index(row.text, at)
        assert row.line == content.count(b"\n", 0, at) + 1
        at += len(row.text)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["a", "b"]), JSON, min_size=1), min_size=2, max_size=6
    ),
    indent=st.sampled_from([None, 1]),
)
def test_an_array_is_read_as_the_same_lines_are(
    rows: list[dict[str, Any]], indent: int | None
) -> None:
    place = Place(Memory("arrays"), "x")
    columns = {"a": "json", "b": "json"}
    array = table(Folder(place), json.dumps(rows, indent=indent).encode(), columns=columns)
    content = "\n".join(map(json.dumps, rows)).encode()
    expected = read("jsonl", Folder(place), content, columns=columns)
    for one, other in zip(array.to_pylist(), expected.to_pylist(), strict=True):
        for key in columns:
            assert json.loads(one[key] or "null") == json.loads(other[key] or "null")
