import datetime as dt
import io
import json
import math
import re
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.transfer.errors import BadOption, BadRow
from factory.transfer.values.cast import cast
from factory.transfer.values.spelling import PLAIN
from factory.transfer.values.types import arrow_type

from ...stores.folders import Folder
from .reading import read

table = partial(read, "parquet")


def test_select_and_rename(folder: Folder) -> None:
    path = folder / "f.parquet"
    columns = {"a": [1, 2], "a.b": ["x", None], "Long Name": [True, False], "n": [None, None]}
    path.write_table(pa.table(columns))
    assert table(path).to_pydict() == {
        "a": [1, 2],
        "a_b": ["x", None],
        "long_name": [True, False],
        "n": [None, None],
    }
    found = table(path, names="as_is", rename={"a": "id"}, select=["Long Name", "id"])
    assert list(found.to_pydict().items()) == [("Long Name", [True, False]), ("id", [1, 2])]
    with pytest.raises(BadOption, match=r"column in 'select', .* Did you mean 'long_name'"):
        table(path, select=["longname"])


def test_clashes(folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"Id": [1], "id": [2], "x": [3]}))
    with pytest.raises(BadOption, match="'Id' and 'id' would both be 'id'"):
        table(path)
    assert table(path, select=["x"]).to_pydict() == {"x": [3]}
    assert table(path, rename={"Id": "one"}).column_names == ["one", "id", "x"]


def test_files_must_agree(folder: Folder) -> None:
    one, two = folder / "1.parquet", folder / "2.parquet"
    one.write_table(pa.table({"a": [1], "b": ["x"]}))
    two.write_table(pa.table({"a": ["1"], "b": ["x"]}))
    with pytest.raises(BadRow, match=r"'a' is int64 in .*1\.parquet, but string in .*2\.parquet"):
        table([one, two])
    assert table([one, two], select=["b"]).num_rows == 2
    assert table([one, two], columns={"a": "double"}).column("a").to_pylist() == [1, 1]


def test_damaged(folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"a": list(range(100_000))}), use_dictionary=False)
    data = path.read_bytes()
    for broken in (data[:-4], data[: len(data) // 2], b"", b"a,b\n"):
        path.write_bytes(broken)
        with pytest.raises(BadRow, match=r"f\.parquet is not a Parquet file"):
            table(path)
    path.write_bytes(data[:1000] + b"\xff" * 5000 + data[6000:])
    with pytest.raises(BadRow, match=r"f\.parquet is damaged"):
        table(path)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([0, -(2**63)], pa.int64()).cast(pa.timestamp("us")),
        pa.array([-(2**40)], pa.int64()).cast(pa.timestamp("s", "UTC")),
        pa.array([-(2**31)], pa.int32()).cast(pa.date32()),
    ],
)
def test_before_the_first_day(array: pa.Array, folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"t": array}))
    with pytest.raises(BadRow, match=r"column 't' holds a .* before 4713 BC"):
        table(path)
    path.write_table(pa.table({"t": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]}))
    assert table(path).num_rows == 3


NANOS = pa.array([1704067200123456789, 0, None, -1], pa.timestamp("ns"))
CUT = {"at": {"type": "timestamp", "truncate": True}}


def test_nanoseconds_are_exact_or_refused(folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"id": [1, 2, 3, 4], "at": NANOS}))
    message = r"f\.parquet: row 1, column 'at': 2024-01-01 00:00:00\.123456789 has nine digits"
    for columns in ({}, {"at": "timestamp"}):
        with pytest.raises(BadRow, match=message) as told:
            table(path, columns=columns)
        assert told.value.hint is not None
        assert "`columns: {at: {type: timestamp, truncate: true}}`" in told.value.hint
    assert table(path, columns=CUT).column("at").to_pylist() == [
        dt.datetime(2024, 1, 1, 0, 0, 0, 123456),
        dt.datetime(1970, 1, 1),
        None,
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
    ]
    as_text = table(path, columns={"at": "text"}).column("at").to_pylist()
    assert as_text[0] == "2024-01-01 00:00:00.123456789"
    path.write_table(pa.table({"at": NANOS.slice(1, 2)}))
    assert table(path).schema.field("at").type == pa.timestamp("us")
    path.write_table(pa.table({"at": pa.array([1], pa.time64("ns"))}))
    with pytest.raises(BadRow, match=r"00:00:00\.000000001 has nine digits of a second, a time"):
        table(path)


def int96(folder: Folder, values: pa.Array, rows: int = 1) -> Folder:
    path = folder / "f.parquet"
    content = pa.table({"n": range(len(values) * rows), "at": pa.concat_arrays([values] * rows)})
    out = io.BytesIO()
    pq.write_table(content, out, use_deprecated_int96_timestamps=True)
    path.write_bytes(out.getvalue())
    return path


def test_int96_of_any_year(folder: Folder) -> None:
    years = [dt.datetime(1, 1, 1), dt.datetime.max, None, dt.datetime(1969, 12, 31, 23, 59, 59, 1)]
    path = int96(folder, pa.array(years, pa.timestamp("us")))
    assert table(path).column("at").to_pylist() == years
    assert table(path, select=["at"], columns={"at": "text"}).column("at").to_pylist()[:2] == [
        "0001-01-01 00:00:00.000000",
        "9999-12-31 23:59:59.999999",
    ]


def test_int96_is_never_cut_in_silence(folder: Folder) -> None:
    path = int96(folder, NANOS)
    with pytest.raises(
        BadRow, match=r"row 1, column 'at': 2024-01-01 00:00:00\.123456789 has nine"
    ):
        table(path)
    found = table(path, columns=CUT).column("at").to_pylist()
    assert found[3] == dt.datetime(1969, 12, 31, 23, 59, 59, 999999)
    good = pa.array([0, 1000, -1000], pa.timestamp("ns"))
    path = int96(folder, good, rows=50_000)
    assert table(path).num_rows == 150_000
    path = int96(folder, pa.concat_arrays([pa.array([0] * 99_999, pa.timestamp("ns")), NANOS]))
    with pytest.raises(BadRow, match="row 100000, column 'at': 2024"):
        table(path)


DECIMALS = pa.array([Decimal("0.10"), None], pa.decimal128(19, 2))


@pytest.mark.parametrize(
    ("array", "word", "expected"),
    [
        (pa.array([12.5, 0.1, None]), "decimal(10, 2)", [Decimal("12.50"), Decimal("0.10"), None]),
        (pa.array([3.0, None]), "integer", [3, None]),
        (pa.array([2**53, None]), "double", [2.0**53, None]),
        (pa.array([7, None]), "decimal(5, 1)", [Decimal("7.0"), None]),
        (pa.array([1, 0]), "boolean", [True, False]),
        (DECIMALS, "double", [0.1, None]),
        (DECIMALS, "decimal(5, 1)", [Decimal("0.1"), None]),
        (pa.array(["1", None]), "bigint", [1, None]),
        (pa.array(["007", "x"]).dictionary_encode(), "text", ["007", "x"]),
        (pa.array([1.5, None], pa.float32()), "double", [1.5, None]),
        (pa.array([True, None]), "text", ["true", None]),
        (pa.array([dt.datetime(2024, 1, 1)]), "date", [dt.date(2024, 1, 1)]),
        (pa.array([dt.date(2024, 1, 1)]), "timestamp", [dt.datetime(2024, 1, 1)]),
        (pa.array([b"x"]), "text", ["x"]),
        (pa.array([None, None]), "integer", [None, None]),
    ],
)
def test_types_that_are_declared(
    array: pa.Array, word: str, expected: list[object], folder: Folder
) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"a": array}))
    found = table(path, columns={"a": word})
    assert found.column("a").to_pylist() == expected
    assert found.schema.field("a").type == arrow_type(word)


@pytest.mark.parametrize(
    ("array", "word", "value"),
    [
        (pa.array([1.0, 12.345]), "decimal(10, 2)", "12.345"),
        (pa.array([1.0, 0.1]), "real", "0.1"),
        (pa.array([1.0, 1.5]), "bigint", "1.5"),
        (pa.array([1.0, float("nan")]), "decimal(5, 2)", "nan"),
        (pa.array([1, 2**53 + 1]), "double", "9007199254740993"),
        (pa.array([1, 40_000]), "smallint", "40000"),
        (pa.array([1, 2]), "boolean", "2"),
        (
            pa.array([Decimal("0.1"), Decimal("12345678901234567.89")]),
            "double",
            "12345678901234567.89",
        ),
        (pa.array(["1", "1.5"]), "integer", "1.5"),
        (pa.array([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 1)]), "date", "2024-01-01 01:"),
        (pa.array([b"x", b"\xff"]), "text", "xff"),
    ],
)
def test_values_that_a_declared_type_would_change(
    array: pa.Array, word: str, value: str, folder: Folder
) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"a": array}))
    with pytest.raises(BadRow, match=rf"f\.parquet: row 2, column 'a': .*{re.escape(value)}"):
        table(path, columns={"a": word})


@pytest.mark.parametrize(
    ("array", "word", "message"),
    [
        (pa.array([[1]]), "text", "list.*, which is never text"),
        (pa.array([0], pa.timestamp("us")), "timestamptz", "timezone: Europe/Berlin"),
        (pa.array([0], pa.timestamp("us", "UTC")), "timestamp", "It has a zone"),
        (pa.array([0]), "timestamp", "unit: ms"),
        (pa.array([0], pa.timestamp("us")), "bigint", "never bigint"),
        (pa.array([dt.date(2024, 1, 1)]), "integer", "never integer"),
    ],
)
def test_types_that_are_never_another(
    array: pa.Array, word: str, message: str, folder: Folder
) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"a": array}))
    with pytest.raises(BadRow, match=rf"f\.parquet: the column 'a' is .*{message}"):
        table(path, columns={"a": word})


def test_epochs_and_local_times(folder: Folder) -> None:
    path = folder / "f.parquet"
    local = pa.array([dt.datetime(2024, 10, 27, 2, 30)], pa.timestamp("ms"))
    path.write_table(pa.table({"ms": [1704067200123], "s": [1704067200.5], "local": local}))
    columns: dict[str, dict[str, str]] = {
        "ms": {"type": "timestamptz", "unit": "ms"},
        "s": {"type": "timestamp", "unit": "s"},
        "local": {"type": "timestamptz", "timezone": "Europe/Berlin", "ambiguous": "earlier"},
    }
    assert [str(value) for value in table(path, columns=columns).to_pylist()[0].values()] == [
        "2024-01-01 00:00:00.123000+00:00",
        "2024-01-01 00:00:00.500000",
        "2024-10-27 00:30:00+00:00",
    ]
    del columns["local"]["ambiguous"]
    with pytest.raises(BadRow, match=r"row 1, column 'local': .* is there twice in Europe/Berlin"):
        table(path, columns=columns)


def test_a_column_of_nulls_has_the_type_of_the_others(folder: Folder) -> None:
    one, two = folder / "1.parquet", folder / "2.parquet"
    one.write_table(pa.table({"id": [1], "fee": pa.nulls(1)}))
    two.write_table(pa.table({"fee": [1.5], "id": [2]}))
    assert table([one, two]).to_pydict() == {"id": [1, 2], "fee": [None, 1.5]}
    assert table([two, one]).to_pydict() == {"fee": [1.5, None], "id": [2, 1]}


def test_units_that_drift(folder: Folder) -> None:
    one, two = folder / "1.parquet", folder / "2.parquet"
    for path, unit in ((one, "ns"), (two, "ms")):
        path.write_table(pa.table({"at": pa.array([0], pa.timestamp(unit))}))
    assert table([one, two]).column("at").to_pylist() == [dt.datetime(1970, 1, 1)] * 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.none() | st.floats(width=64) | st.decimals(-999, 999, places=2).map(float)),
    st.sampled_from(["decimal(12, 2)", "real", "integer", "bigint", "text", "decimal(60, 30)"]),
)
def test_a_cast_keeps_what_a_double_says(values: list[float | None], word: str) -> None:
    done = cast(pa.array(values, pa.float64()), arrow_type(word), PLAIN)
    bad = [False] * len(values) if done.bad is None else done.bad.to_pylist()
    for value, wrong, found in zip(values, bad, done.values.to_pylist(), strict=True):
        if value is None:
            assert found is None
            assert not wrong
        elif not wrong:
            assert float(found) == value or math.isnan(value)


def noted(folder: Folder, name: str | None, stop: int) -> Folder:
    """As pandas writes a frame of two rows: an even index stands in its notes alone."""
    index = {"kind": "range", "name": name, "start": 7, "stop": stop, "step": 1}
    notes = {b"pandas": json.dumps({"index_columns": [index], "columns": []}).encode()}
    path = folder / "f.parquet"
    path.write_table(pa.table({"fee": [1.5, 2.5]}).replace_schema_metadata(notes))
    return path


def test_an_index_that_pandas_has_only_noted(folder: Folder) -> None:
    with pytest.raises(BadRow, match="has noted its index 'order_id', and not written"):
        table(noted(folder, "order_id", 9))
    assert table(folder / "f.parquet", select=["fee"]).column_names == ["fee"]
    assert table(noted(folder, None, 9)).column_names == ["fee"]  # a row's number
    assert table(noted(folder, "order_id", 12)).column_names == ["fee"]  # of another table
    odd = pa.table({"fee": [1.5]}).replace_schema_metadata({b"pandas": b"{"})
    (folder / "f.parquet").write_table(odd)
    assert table(folder / "f.parquet").column_names == ["fee"]
