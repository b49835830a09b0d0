"""What the target's columns can't hold is refused by the readers; by none where it says nothing."""

import io
import json
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.definitions.warehouses import ANYTHING, POSTGRES, Capabilities, Holds, plain
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.holds import first_day, unheld

from ...stores.folders import Folder
from .reading import column, read

LATE = Holds(name="Acme", first_day=(date(1000, 1, 1) - date(1970, 1, 1)).days)
ROWS = {
    "csv": (b"a,b\n1,x\n2,y\0\n3,\0\n", b"a,b\n1,0999-12-31%b\n2,1000-01-01%b\n"),
    "jsonl": (
        b'{"a":1,"b":"x"}\n{"a":2,"b":"y\\u0000"}\n{"a":3,"b":"\\u0000"}\n',
        b'{"a":1,"b":"0999-12-31%b"}\n{"a":2,"b":"1000-01-01%b"}\n',
    ),
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_nul(kind: str, folder: Folder) -> None:
    path, (content, _) = folder / f"f.{kind}", ROWS[kind]
    for holds in (ANYTHING, LATE):
        assert column(read(kind, path, content, holds=holds), "b") == ["x", "y\0", "\0"]
    with pytest.raises(BadRow, match=r"column 'b': .* NUL.* PostgreSQL"):
        read(kind, path, content, holds=POSTGRES)
    out = io.BytesIO()
    assert read(kind, path, content, BadRows.quarantine(out, 2)).num_rows == 1
    first = 2 if kind == "csv" else 1
    lines = [json.loads(line)["line"] for line in out.getvalue().splitlines()]
    assert lines == [first + 1, first + 2]


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("time", [b"", b" 00:00:00", b" 00:00:00Z"])
def test_a_first_day(kind: str, time: bytes, folder: Folder) -> None:
    path, content = folder / f"f.{kind}", ROWS[kind][1].replace(b"%b", time)
    for holds in (ANYTHING, POSTGRES):
        assert read(kind, path, content, holds=holds).num_rows == 2
    with pytest.raises(BadRow, match=r"0999-12-31.* is before 1000-01-01, where Acme begins"):
        read(kind, path, content, holds=LATE)
    found = read(kind, path, content, BadRows.quarantine(io.BytesIO(), 1), holds=LATE)
    assert column(found) == [2]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_of_any_unit(unit: str) -> None:
    per_day = pa.scalar(86_400, pa.int64()).as_py() * 1000 ** ["s", "ms", "us", "ns"].index(unit)
    first = (LATE.first_day or 0) * per_day
    if first < -(2**63):  # no nanosecond is before it
        first = -(2**63) + 1
        expected = None
    else:
        expected = [True, False, False]
    values = pa.array([first - 1, first, None], pa.int64()).cast(pa.timestamp(unit, "UTC"))
    found = unheld(values, LATE)
    assert (None if found is None else found.to_pylist()) == expected
    assert unheld(values.slice(1), LATE) is None
    assert unheld(values, ANYTHING) is None


def test_a_first_day_in_words() -> None:
    assert first_day(LATE) == "1000-01-01"
    assert first_day(POSTGRES) == "4713 BC"
    assert first_day(Holds(first_day=-800_000)) == "222 BC"


def test_only_what_is_said_is_handed_on() -> None:
    assert plain(ANYTHING) == {}
    assert plain(LATE) == {"name": "Acme", "first_day": LATE.first_day}
    assert plain(POSTGRES) == {
        "name": "PostgreSQL",
        "longest_name": 63,
        "nul": False,
        "first_day": -2_440_588,
    }
    assert isinstance(POSTGRES, Capabilities)


LONG = "contracts_implementation_transactions_payer_additionalIdentifiers_scheme"
TABLES = {
    "csv": lambda names: ",".join(f'"{name}"' for name in names).encode() + b"\n1,2,3\n",
    "jsonl": lambda names: json.dumps(dict(zip(names, (1, 2, 3), strict=True))).encode(),
    "parquet": lambda names: parquet(dict(zip(names, ([1], [2], [3]), strict=True))),
}


def parquet(columns: dict[str, list[int]]) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), out)
    written: bytes = out.getvalue().to_pybytes()
    return written


@pytest.mark.parametrize("kind", TABLES)
def test_a_name_that_is_too_long(kind: str, folder: Folder) -> None:
    path, content = folder / f"f.{kind}", TABLES[kind]([LONG, "b", "ö" * 32])
    with pytest.raises(BadRow, match=rf"f\.{kind}: the column '{LONG}' .* 73 bytes") as raised:
        read(kind, path, content)
    assert "PostgreSQL takes 63, and 1 more" in raised.value.message
    assert raised.value.hint == (
        f'Give a shorter name: `rename: {{{LONG}: …, "{"ö" * 32}": …}}`'  # of 64 bytes
    )
    given = {LONG: "payer", "ö" * 32: "ö" * 31}
    assert read(kind, path, rename=given).column_names == ["payer", "b", "ö" * 31]
    assert read(kind, path, select=["b"]).column_names == ["b"]
    longer = Holds(name="SQLite", longest_name=200)
    for holds in (ANYTHING, longer):
        assert read(kind, path, holds=holds).num_columns == 3
    with pytest.raises(BadRow, match=r"is 73 bytes long, and Acme takes 8, and 1 more"):
        read(kind, path, holds=Holds(name="Acme", longest_name=8))


@pytest.mark.parametrize("kind", TABLES)
def test_a_name_with_a_nul(kind: str, folder: Folder) -> None:
    path, content = folder / f"f.{kind}", TABLES[kind](["a\0", "b", "c"])
    for holds in (ANYTHING, LATE):
        found = read(kind, path, content, names="as_is", holds=holds)
        assert found.column_names == ["a\0", "b", "c"]
    with pytest.raises(BadRow, match=rf"f\.{kind}: the column 'a\\x00' holds a NUL"):
        read(kind, path, names="as_is")
    assert read(kind, path, names="as_is", select=["b"]).column_names == ["b"]
    assert read(kind, path).column_names == ["a", "b", "c"]


def test_a_name_that_stays_as_it_is(folder: Folder) -> None:
    content = TABLES["csv"](["x" * 64, "y: " * 30, "no"])
    with pytest.raises(BadRow, match=rf"the column '{'x' * 64}' is 64 bytes long") as raised:
        read("csv", folder / "f.csv", content, names="as_is")
    assert f'{{{"x" * 64}: …, "{"y: " * 30}": …}}' in str(raised.value.hint)
