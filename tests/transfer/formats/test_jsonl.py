import datetime as dt
import gzip
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.stores.memory import Memory
from factory.stores.model import Place
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow, TransferError
from factory.transfer.formats.jsonl import infer, lines
from factory.transfer.formats.jsonl.converters import holds
from factory.transfer.formats.jsonl.decode import Doubtful, Fast

from ...stores.folders import Folder
from .reading import column, read

table = partial(read, "jsonl")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 4096)
    monkeypatch.setattr(infer, "SAMPLE", 4096)
    monkeypatch.setattr(lines, "LONGEST", 20_000)


def test_inferred_types(folder: Folder) -> None:
    content = (
        b'\xef\xbb\xbf{"i": 1, "f": 1.5, "b": true, "t": "x\\n\\u00e9", "d": "2024-02-29", '
        b'"ts": "2024-01-01 00:00:00", "tz": "2024-01-01T00:00:00+01:00", "ti": "01:02:03", '
        b'"n": null, "o": {"x": [1, 2.50]}, "digits": "1"}\r\n'
        b"\n  \r\n"
        b'{"new": 2, "o": [ 1 ], "f": 7}'
    )
    found = table(folder / "f.jsonl", content)
    assert dict(zip(found.column_names, map(str, found.schema.types), strict=True)) == {
        "i": "int64",
        "f": "double",
        "b": "bool",
        "t": "string",
        "d": "date32[day]",
        "ts": "timestamp[us]",
        "tz": "timestamp[us, tz=UTC]",
        "ti": "time64[us]",
        "n": "null",
        "o": "string",
        "digits": "string",
        "new": "int64",
    }
    first, second = found.to_pylist()
    assert first["t"] == "x\né"
    assert first["tz"] == dt.datetime(2023, 12, 31, 23, tzinfo=dt.timezone.utc)
    assert (first["o"], second["o"]) == ('{"x": [1, 2.50]}', "[ 1 ]")
    assert (first["new"], second["new"], second["i"], second["f"]) == (None, 2, None, 7.0)


def test_declared_types(folder: Folder) -> None:
    content = (
        b'{"Amount": 1.50, "Big": 123456789012345678901234567890, "Raw": "x", "Any": 1.50, '
        b'"Doc": "x", "When": "31.12.2024 10:00", "More": true, "Real": 0.1, "Nan": 1}\n'
        b'{"Amount": 1e2, "Any": "1.50", "Doc": {"a" : 1}, "More": [1]}\n'
    )
    columns = {
        "amount": "decimal(10, 3)",
        "big": "decimal(38, 0)",
        "raw": "binary",
        "any": "text",
        "doc": "json",
        "when": "timestamptz",
        "more": "text",
        "real": "real",
        "late": "date",
    }
    found = table(
        folder / "f.jsonl",
        content,
        columns=columns,
        timestamp_formats=["%d.%m.%Y %H:%M"],
        timezone="Europe/Berlin",
    )
    assert found.schema.field("late").type == pa.date32()
    first, second = found.to_pylist()
    assert first["amount"] == Decimal("1.500")
    assert first["big"] == 123456789012345678901234567890
    assert first["raw"] == b"x"
    assert first["when"] == dt.datetime(2024, 12, 31, 9, tzinfo=dt.timezone.utc)
    assert first["real"] == pytest.approx(0.1)
    assert (first["any"], second["any"]) == ("1.50", "1.50")
    assert (first["doc"], second["doc"]) == ('"x"', '{"a" : 1}')
    assert (first["more"], second["more"]) == ("true", "[1]")
    assert second["amount"] == 100


MANY = b'{"a": 1, "b": "x"}\n' * 1000  # more than the sample and one block

BAD: dict[str, tuple[bytes, str, Mapping[str, Any]]] = {
    "text": (MANY + b'{"a": "1"}', r":1001: column 'a': \"1\" is not bigint\. .* `text`", {}),
    "float in ints": (MANY + b'{"a": 1.5}', r":1001: column 'a': 1\.5 is not bigint", {}),
    "1.0 in ints": (MANY + b'{"a": 1.0}', r":1001: column 'a': 1\.0 is not bigint", {}),
    "true in ints": (MANY + b'{"a": true}', r":1001: column 'a': true is not bigint", {}),
    "number in texts": (MANY + b'{"b": 1}', r":1001: column 'b': 1 is not text", {}),
    "65 bits": (
        MANY + b'{"a": 9223372036854775808}',
        r":1001: column 'a': 9223372036854775808 is out of .* `decimal\(38, 0\)` or `text`",
        {},
    ),
    "65 bits first": (b'{"a": -9223372036854775809}', r":1: column 'a': -922.* out of the", {}),
    "digits": (
        b'{"a": 1.5}\n{"a": 0.12345678901234567}',
        r":2: column 'a': 0\.12345678901234567 has more digits than a double .* `decimal",
        {},
    ),
    "whole digits": (b'{"a": 1.5}\n{"a": 9007199254740993}', r":2: column 'a': .*digits", {}),
    "underflow": (b'{"a": 1.5}\n{"a": 1e-400}', r":2: column 'a': 1e-400 has more digits", {}),
    "overflow": (
        b'{"a": 1.5}\n{"a": 1e400}',
        r":2: column 'a': 1e400 is out of the range of double",
        {"columns": {"a": "double"}},
    ),
    "real": (b'{"a": 1e39}', r":1: column 'a': 1e39 is out of", {"columns": {"a": "real"}}),
    "decimal": (
        b'{"a": 1.25}\n{"a": 1.256}',
        r":2: column 'a': 1\.256 is not decimal\(9, 2\)",
        {"columns": {"a": "decimal(9,2)"}},
    ),
    "decimal text": (
        b'{"a": "1.25"}',
        r":1: column 'a': \"1\.25\" is not decimal\(9, 2\)",
        {"columns": {"a": "decimal(9,2)"}},
    ),
    "smallint": (
        b'{"a": 32768}',
        r":1: column 'a': 32768 is out of the range of smallint",
        {"columns": {"a": "smallint"}},
    ),
    "no date": (
        b'{"a": "2024-02-29"}\n{"a": "2023-02-29"}',
        r":2: column 'a': \"2023-02-29\" is not date",
        {"columns": {"a": "date"}},
    ),
    "year 0": (b'{"a": "0000-01-01"}', r":1: column 'a': .* not date", {"columns": {"a": "date"}}),
    "empty date": (b'{"a": ""}', r":1: column 'a': \"\" is not date", {"columns": {"a": "date"}}),
    "epoch": (b'{"a": 1700000000}', r":1: .* is not timestamp", {"columns": {"a": "timestamp"}}),
    "no zone": (
        b'{"a": "2024-01-01 00:00:00Z"}\n{"a": "2024-01-01 00:00:00"}',
        r":2: column 'a': \"2024-01-01 00:00:00\" is not timestamptz",
        {"columns": {"a": "timestamptz"}},
    ),
    "late value": (
        b'{"a": null, "b": 1}\n' * 1000 + b'{"a": 7}',
        r":1001: column 'a': 7 is the first value, far from the start",
        {},
    ),
    "late key": (
        MANY + b'{"a": 1, "B2": 2}',
        r":1001: the key 'B2' is not in the first rows\. .*`columns: \{b2: …\}`\), or `select`",
        {},
    ),
    "twice": (MANY + b'{"a": 1, "a": 1}', r":1001: the key 'a' stands there twice", {}),
    "twice, one missing": (b'{"a":1,"b":1}\n{"a":2,"a":3}', r":2: the key 'a' stands", {}),
    "twice, escaped": (b'{"a":1,"\\u0061":2}', r":1: the key 'a' stands there twice", {}),
    "twice, spaced": (b'{"a"  \t :1,"a"\t:2,"b":"\\": :"}', r":1: the key 'a' stands", {}),
    "twice, nested": (b'{"a":{"x":1},"b":2,"b":3}', r":1: the key 'b' stands there twice", {}),
    "nan": (MANY + b'{"a": NaN}', r":1001: .* NaN is no number\. Write null where", {}),
    "several in a line": (MANY + b'{"a": 1}{"a": 2}', r":1001: .*trailing.*Several objects", {}),
    "infinity": (b'{"a": -Infinity}', r":1: it is not JSON: -Infinity is no number", {}),
    "surrogate": (b'{"a": "\\ud800"}', r":1: .* half of a surrogate pair", {}),
    "surrogates": (b'{"a": "\\udc00\\ud800"}', r":1: .* half of a surrogate pair", {}),
    "nul": (b'{"a": "x"}\n{"a": "\\u0000"}', r":2: column 'a': a text with a NUL", {}),
    "nul in a key": (b'{"a\\u0000": 1}', r": the column .* NUL.* PostgreSQL", {"names": "as_is"}),
    "control": (b'{"a": "\t"}', r":1: it is not JSON: invalid character \(byte 7\)", {}),
    "array": (MANY + b"[1]", r":1001: it is not an object", {}),
    "two": (MANY + b'{"a": 1} {"a": 2}', r":1001: it is not JSON", {}),
    "cut short": (MANY + b'{"a": 1', r":1001: it is not JSON: it ends too soon", {}),
    "over lines": (MANY + b'{"a":\n1}', r":1001: it is not JSON", {}),
    "leading zero": (b'{"a": 01}', r":1: it is not JSON: invalid number", {}),
    "latin-1": (MANY + b'{"b": "\xe9"}', r":1001: byte 8 of the row \(0xe9\) is not UTF-8", {}),
    "utf-16": ('{"a": 1}\n'.encode("utf-16"), r":1: byte 1 of the row \(0xff\) is not", {}),
    "deep": (b'{"a": ' + b"[" * 9000 + b"]" * 9000 + b"}", r":1: it is nested too deeply", {}),
    "long": (MANY + b'{"b": "' + b"x" * 30_000 + b'"}\n', r":1001: a row of more than", {}),
    "empty": (b"", r"holds no rows. Declare `columns`", {}),
    "blank": (b"\n \n", r"holds no rows", {}),
    "no key": (b'{"": 1}', "column 1 has no name", {}),
    "clash": (b'{"Ab": 1, "ab": 2}', "'Ab' and 'ab' would both be 'ab'", {}),
    "type": (b'{"a": 1}', "Did you mean 'bigint'", {"columns": {"a": "bigit"}}),
    "select": (b'{"ab": 1}', "Did you mean 'ab'", {"select": ["abc"]}),
    "zone": (b'{"a": 1}', "unknown time zone", {"timezone": "Europe/Berlim"}),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str, folder: Folder) -> None:
    content, message, options = BAD[case]
    with pytest.raises((BadRow, BadOption), match=message):
        table(folder / "f.jsonl", content, **options)


def test_bad_rows_are_set_aside(folder: Folder) -> None:
    content = b'{"a": 1, "d": "2024-01-01"}\n' * 400
    wrong = [b'{"a": "x"}', b"nonsense", b'{"a": 2, "d": "2024-02-30"}', b'{"a": 3, "z": 1}']
    wrong.append(b'{"d": "' + b"y" * 30_000 + b'"}')
    content += b"".join(line + b"\n" + b'{"a": 4}\n' for line in wrong) + content
    out = io.BytesIO()
    found = table(folder / "f.jsonl", content, BadRows.quarantine(out, 10))
    assert column(found) == [1] * 400 + [4] * 5 + [1] * 400
    assert found.schema.types == [pa.int64(), pa.date32()]
    entries = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [entry["line"] for entry in entries] == [401, 403, 405, 407, 409]
    assert [entry["row"].encode() for entry in entries[:4]] == wrong[:4]
    assert len(entries[4]["row"]) < 2000


def test_a_key_that_is_declared_may_come_late(folder: Folder) -> None:
    content = MANY + b'{"LateOne": 5, "old name": 6}\n' + MANY
    options: dict[str, Any] = {"columns": {"late_one": "integer", "new": "text"}}
    options["rename"] = {"old name": "new"}
    found = table(folder / "f.jsonl", content, **options)
    assert found.column_names == ["a", "b", "late_one", "new"]
    assert found.slice(1000, 1).to_pylist() == [{"a": None, "b": None, "late_one": 5, "new": "6"}]
    assert found.num_rows == 2001


def test_select_passes_over_other_keys(folder: Folder) -> None:
    content = b'{"a": 1, "b": {"c": 1}, "B": 2}\n' * 500 + b'{"z": 1, "a": 2}\n{"a":1,"b":2,"b":3}'
    with pytest.raises(BadRow, match=r":502: the key 'b' stands there twice"):
        table(folder / "f.jsonl", content, select=["a"], names="as_is")
    found = table(folder / "f.jsonl", content[:-20], select=["B", "a"], names="as_is")
    assert found.column_names == ["B", "a"]
    assert found.slice(499).to_pylist() == [{"B": 2, "a": 1}, {"B": None, "a": 2}]


def test_several_files_have_one_schema(folder: Folder) -> None:
    one, two, three = (folder / f"{n}.jsonl" for n in (1, 2, 3))
    one.write_bytes(b'{"a": null}\n')
    two.write_bytes(b"")
    three.write_bytes(b'{"b": "x", "a": 5}')
    found = table([one, two, three])
    assert found.to_pylist() == [{"a": None, "b": None}, {"a": 5, "b": "x"}]


def test_gzip(folder: Folder) -> None:
    packed = gzip.compress(b"".join(b'{"a":%d}\n' % n for n in range(20_000)))
    assert column(table(folder / "f.jsonl.gz", packed))[-1] == 19_999
    with pytest.raises(BadRow, match="is not a whole gzip file"):
        table(folder / "f.jsonl.gz", packed[:-20])


def test_an_empty_file_with_declared_columns(folder: Folder) -> None:
    found = table(folder / "f.jsonl", b"\n", columns={"a": "date"})
    assert (found.num_rows, found.schema.types) == (0, [pa.date32()])


@pytest.mark.parametrize("name", ['a "quoted" name', "back\\slash", "tab\t", "é😀", "x.y", " "])
def test_names_of_any_kind(name: str, folder: Folder) -> None:
    lines = "".join(json.dumps({name: n, "b": ": :"}) + "\n" for n in range(600))
    found = table(folder / "f.jsonl", lines.encode(), names="as_is")
    assert column(found, name) == list(range(600))
    doubled = json.dumps({name: 1})[:-1] + "," + json.dumps({name: 2}, ensure_ascii=False)[1:]
    with pytest.raises(BadRow, match=r":601: the key .* stands there twice"):
        table(folder / "f.jsonl", (lines + doubled).encode(), names="as_is")


def test_a_negative_zero_is_one_in_a_declared_double_too(folder: Folder) -> None:
    found = table(folder / "f", b'{"a":-0}\n{"a": -0 }\n{"a": 0}', columns={"a": "double"})
    assert [repr(value) for value in column(found)] == ["-0.0", "-0.0", "0.0"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.1", True),
        ("0.10000000000000001", False),  # as C prints it: the table would show 0.1
        ("0.1000000000000000055511151231257827", False),
        ("0.12345678901234567", False),
        ("-0.0", True),
        ("0e5", True),
        ("1e23", True),
        ("9007199254740993", False),
        ("100000000000000000000000", True),
        ("5e-324", True),
        ("4e-324", False),
        ("1e-400", False),
        ("1e-99999999999999999999", False),
        ("1.7976931348623157e308", True),
    ],
)
def test_what_a_double_holds(written: str, expected: bool) -> None:
    assert holds(written, repr(float(written))) is expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:", max_size=2), inner),
    max_leaves=4,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c d"]), JSON), min_size=1, max_size=6)
WORDS = ["text", "json", "bigint", "double", "boolean", "decimal(38, 10)", "date", "binary"]


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    declared=st.dictionaries(st.sampled_from(["a", "b", "c d"]), st.sampled_from(WORDS)),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
    ascii=st.booleans(),
)
def test_both_ways_to_read_agree(
    rows: list[dict[str, Any]],
    declared: dict[str, str],
    separators: tuple[str, str],
    ascii: bool,
) -> None:
    path = Folder(Place(Memory("both ways"), "both.jsonl"))
    lines = [json.dumps(row, separators=separators, ensure_ascii=ascii) for row in rows]
    path.write_text("\n".join(lines))

    def read() -> object:
        out = io.BytesIO()
        try:
            found = table(path, bad=BadRows.quarantine(out, 100), columns=declared, names="as_is")
        except TransferError as error:
            return str(error)
        return found.schema, found.to_pylist(), out.getvalue()

    def never(*args: object) -> None:
        raise Doubtful

    quick = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fast, "columns", never)
        assert repr(read()) == repr(quick)
