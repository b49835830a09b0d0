"""Any table, written by the standard library in any dialect, comes out as it went in."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from factory.definitions.formats import Csv
from factory.stores.memory import Memory
from factory.transfer import formats
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import TransferError
from factory.transfer.formats.csv import blocks, table
from factory.transfer.formats.csv.blocks import cut
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.dialect import dialect as dialect_of
from factory.transfer.formats.csv.rows import split

MEMORY = Memory("any csv")
RELAXED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# Everything that UTF-8 and PostgreSQL can hold, with what matters to a CSV more often.
TEXT = st.text(
    st.one_of(
        st.sampled_from("\",;|\t \n\r\\'a0é€😀"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=12,
)
MICROSECONDS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))

VALUES: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], str]]] = {
    "text": (TEXT, str),
    "bigint": (st.integers(-(2**63), 2**63 - 1), str),
    "smallint": (st.integers(-(2**15), 2**15 - 1), str),
    "double": (st.floats(allow_nan=False), repr),
    "decimal(38, 10)": (st.decimals(1 - 10**27, 10**27 - 1, places=10), str),
    "boolean": (st.booleans(), str),
    "date": (st.dates(dt.date(1, 1, 1)), dt.date.isoformat),
    "timestamp": (MICROSECONDS, dt.datetime.isoformat),
    "timestamptz": (
        st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=ZONES),
        dt.datetime.isoformat,
    ),
    "time": (st.times(), dt.time.isoformat),
}


def read(
    content: bytes, size: int, monkeypatch: pytest.MonkeyPatch, bad: BadRows, **given: object
) -> pa.Table:
    monkeypatch.setattr(blocks, "SIZE", size)
    monkeypatch.setattr(table, "SMALL", size // 3)
    with MEMORY.writer("f.csv") as out:
        out.write(content)
    options: Any = {"names": "as_is", **given}
    reader = formats.open(MEMORY, ["f.csv"], Csv(**options), bad)
    return pa.Table.from_batches(reader.batches("f.csv"), reader.schema)


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, str], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=5))
    rows = st.tuples(*(st.none() | VALUES[kind][0] for kind in kinds))
    columns = {f"c{number}": kind for number, kind in enumerate(kinds)}
    return columns, [list(row) for row in draw(st.lists(rows, max_size=20))]


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    delimiter, quote = draw(st.permutations(",;|\t\"'~"))[:2]
    return {
        "delimiter": delimiter,
        "quotechar": quote,
        "lineterminator": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "escapechar": draw(st.sampled_from([None, "\\"])),
    }


def written(columns: dict[str, str], rows: list[list[Any]], dialect: dict[str, Any]) -> bytes:
    """By the standard library, but for the difference between `""` and nothing."""
    out = io.StringIO(newline="")
    plain = csv.writer(out, quoting=csv.QUOTE_MINIMAL, **dialect)
    plain.writerow(columns)
    delimiter, end = dialect["delimiter"], dialect["lineterminator"]
    for row in rows:
        fields = []
        for value, kind in zip(row, columns.values(), strict=True):
            one = io.StringIO(newline="")
            if value is not None:
                words = VALUES[kind][1](value)
                alone = {**dialect, "lineterminator": ""}
                if kind == "text":
                    csv.writer(one, quoting=csv.QUOTE_ALL, **alone).writerow([words])
                else:
                    csv.writer(one, **alone).writerow([words])
            fields.append(one.getvalue())
        out.write(delimiter.join(fields) + end)
    return out.getvalue().encode()


def same(one: Any, other: Any) -> bool:
    return bool(one == other) and (not isinstance(one, float) or repr(one) == repr(other))


@RELAXED
@given(tables(), dialects(), st.sampled_from([16, 50, 300, 1 << 20]))
@example(
    ({"c0": "text"}, [["a"], [None], [""]]),
    {"delimiter": ",", "quotechar": '"', "lineterminator": "\n", "escapechar": None},
    16,
)
def test_declared(
    monkeypatch: pytest.MonkeyPatch,
    table: tuple[dict[str, str], list[list[Any]]],
    dialect: dict[str, Any],
    size: int,
) -> None:
    columns, rows = table
    found = read(
        written(columns, rows, dialect),
        size,
        monkeypatch,
        BadRows.fail(),
        columns=columns,
        delimiter=dialect["delimiter"],
        quote=dialect["quotechar"],
        escape=dialect["escapechar"],
    )
    result = [list(row.values()) for row in found.to_pylist()]
    assert len(result) == len(rows)
    for one, other in zip(result, rows, strict=True):
        assert all(same(*pair) for pair in zip(one, other, strict=True)), (one, other)


PLAIN = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=8)


@RELAXED
@given(
    st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=30),
    st.sampled_from(["latin-1", "utf-16", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"]),
    st.sampled_from([7, 64, 1 << 20]),
)
def test_encodings(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]], encoding: str, size: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    content = out.getvalue().encode(encoding)
    columns = {"a": "text", "b": "text"}
    found = read(content, size, monkeypatch, BadRows.fail(), encoding=encoding, columns=columns)
    assert [tuple(row.values()) for row in found.to_pylist()] == rows


# Words that are, or nearly are, of a type: an inferred column must give them back.
ODD = (
    "0 -0 007 +5 1.50 1e5 .5 5. 00.5 0x1F 12345678901234567890 0.1 1e400 1e-400 nan inf true t no "
    "TRUE 2024-02-29 2023-02-29 0000-01-01 2024-01-01T10:00 2024-01-01T10:00:00.1234567 10:00 "
    "2024-01-01T10:00:00+01:00 24:00:00 NULL 0.30000000000000004 9007199254740993"
)
WORDS = st.one_of(
    st.sampled_from(ODD.split(" ")),
    st.integers().map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)


@RELAXED
@given(st.lists(WORDS, min_size=1, max_size=40), st.sampled_from([8, 30, 1 << 20]))
def test_inferred(monkeypatch: pytest.MonkeyPatch, words: list[str], size: int) -> None:
    """Every value says the same as the word it was read from, or is refused."""
    content = ("a,b\n" + "".join(f"{word},x\n" for word in words)).encode()
    out = io.BytesIO()
    bad = BadRows.quarantine(out, 1000)
    found = read(content, size, monkeypatch, bad).column("a")
    aside = [int(line) for line in re.findall(rb'"line": ([0-9]+)', out.getvalue())]
    kept = [word for line, word in enumerate(words, 2) if line not in aside]
    assert len(kept) == len(found)
    for word, value in zip(kept, found.to_pylist(), strict=True):
        assert says(value, word), (value, word)


def says(value: Any, word: str) -> bool:
    if isinstance(value, str):
        return value == word
    if isinstance(value, bool):
        return str(value).lower() == word.lower()
    if isinstance(value, int):
        return str(value) == word
    if isinstance(value, float):
        if value != value:
            return word.lower() == "nan"
        return Decimal(repr(value)) == Decimal(word)
    if isinstance(value, dt.datetime):
        return value == dt.datetime.fromisoformat(word)
    return bool(value == type(value).fromisoformat(word))


NOISE = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r", b"\r\n", b"\\", b"a", b"1", b"\xe9", b"\0", b'""', b" "]
    ),
    max_size=60,
).map(b"".join)


@RELAXED
@given(
    st.one_of(st.binary(max_size=200), NOISE),
    st.sampled_from([1, 5, 17, 1 << 20]),
    st.sampled_from(
        [
            {},
            {"quote": None},
            {"escape": "\\"},
            {"header": False, "columns": {"a": "int"}},
            {"columns": {"a": "bigint"}},
            {"encoding": "utf-16"},
            {"quote": None, "escape": "\\"},
        ]
    ),
)
def test_noise(
    monkeypatch: pytest.MonkeyPatch, content: bytes, size: int, options: dict[str, Any]
) -> None:
    """Any bytes are read, or refused by an error of ours; never twice, never in silence."""
    with contextlib.suppress(TransferError):
        read(content, size, monkeypatch, BadRows.quarantine(io.BytesIO(), 1000), **options)


@RELAXED
@given(
    NOISE,
    st.integers(1, 40),
    st.sampled_from([Csv(), Csv(escape="\\"), Csv(quote=None)]).map(dialect_of),
)
def test_blocks(
    monkeypatch: pytest.MonkeyPatch, content: bytes, size: int, dialect: Dialect
) -> None:
    """Wherever chunks end, the blocks hold the same rows on the same lines."""
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    try:
        parts = list(cut(chunks, dialect, "f"))
    except TransferError:
        with pytest.raises(TransferError):
            list(cut([content], dialect, "f"))
        return
    whole = list(cut([content], dialect, "f"))
    assert b"".join(part.data for part in parts) == content
    rows = [(row.line, row.data, row.values) for part in parts for row in split(part, dialect)]
    assert rows == [(r.line, r.data, r.values) for part in whole for r in split(part, dialect)]
    if dialect == dialect_of(Csv()) and b"\0" not in content:
        text = content.decode("latin-1")
        expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        found = [[value.data.decode("latin-1") for value in values] for _, _, values in rows]
        assert found == expected


@RELAXED
@given(
    NOISE.map(lambda noise: noise.replace(b"\0", b"").replace(b"\xe9", b"e")),
    st.sampled_from([1, 5, 17, 1 << 20]),
    st.sampled_from([{}, {"delimiter": "1"}, {"skip_space": True}]),
)
@example(b'a,b\n1,"x"y\n', 5, {})
@example(b'a,"b"c\n', 5, {})
@example(b'a,b\n"1" ,2\n', 5, {})
@example(b'a,b\n1, "x,\ny"\n', 5, {"skip_space": True})
def test_what_the_strict_reader_refuses(
    monkeypatch: pytest.MonkeyPatch, content: bytes, size: int, options: dict[str, Any]
) -> None:
    """The standard library's strict reader refuses no file that we take with other values."""
    content = b"a,b\n".replace(b",", options.get("delimiter", ",").encode()) + content
    columns = {"a": "text", "b": "text"}
    try:
        found = read(
            content, size, monkeypatch, BadRows.fail(), columns=columns, multiline=True, **options
        )
    except TransferError:
        return
    reader = csv.reader(
        io.StringIO(content.decode(), newline=""),
        strict=True,
        delimiter=options.get("delimiter", ","),
        skipinitialspace="skip_space" in options,
    )
    text = content.decode()
    if "skip_space" in options:  # which also leaves out what stands behind a quote
        assert len(found) <= text.count("\n") + text.count("\r")
        return
    expected = [row for row in reader if row][1:]
    assert [[v or "" for v in row.values()] for row in found.to_pylist()] == expected


FIELD = st.text("ab ,|\"\n\r'", max_size=6)


@RELAXED
@given(
    st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=20),
    st.sampled_from([" ", "   "]),
    st.sampled_from([4, 30, 1 << 20]),
)
def test_spaces_around_quotes_are_left_out(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, ...]], space: str, size: int
) -> None:
    lines = ['"' + f'"{space},{space}"'.join(v.replace('"', '""') for v in row) for row in rows]
    content = "a,b,c\n" + "".join(f'{space}{line}"{space}\n' for line in lines)
    columns = dict.fromkeys("abc", "text")
    options = {"columns": columns, "skip_space": True, "multiline": True}
    found = read(content.encode(), size, monkeypatch, BadRows.fail(), **options)
    assert [tuple(row.values()) for row in found.to_pylist()] == rows


@RELAXED
@given(
    st.lists(st.tuples(FIELD, FIELD), max_size=20),
    st.sampled_from(["||", "~|~", "|~|", "::"]),
    st.sampled_from([1, 4, 30, 1 << 20]),
)
def test_a_delimiter_of_several_characters(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]], delimiter: str, size: int
) -> None:
    quoted = (['"' + value.replace('"', '""') + '"' for value in row] for row in rows)
    content = "\n".join([f"a{delimiter}b", *map(delimiter.join, quoted)])
    columns = {"a": "text", "b": "text"}
    options = {"columns": columns, "delimiter": delimiter, "multiline": True}
    found = read(content.encode(), size, monkeypatch, BadRows.fail(), **options)
    assert [tuple(row.values()) for row in found.to_pylist()] == rows


@RELAXED
@given(
    st.lists(st.tuples(st.integers(0, 99), FIELD, st.integers(0, 3)), max_size=20),
    st.sampled_from([4, 30, 1 << 20]),
)
def test_empty_fields_behind_the_last_column(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[int, str, int]], size: int
) -> None:
    """Whether all rows have them, or some."""
    lines = [f'{n},"{text.replace(chr(34), chr(34) * 2)}"' + "," * more for n, text, more in rows]
    content = "\n".join(["a,b", *lines])
    options = {"columns": {"a": "int", "b": "text"}, "extra_fields": "ignore_empty"}
    found = read(content.encode(), size, monkeypatch, BadRows.fail(), multiline=True, **options)
    assert [tuple(row.values()) for row in found.to_pylist()] == [row[:2] for row in rows]
