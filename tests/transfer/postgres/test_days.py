"""The data of the day never decides whether a load succeeds, where the table can hold it."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.transfer.errors import BadRow, SchemaChanged, TransferError

from .conftest import APPEND, REPLACE, Warehouse
from .days import Days

MERGE = {"mode": "merge", "key": ["zip"]}
EACH = pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE], ids=lambda write: write["mode"])
CSV, JSONL, PARQUET = {"type": "csv"}, {"type": "jsonl"}, {"type": "parquet"}


@pytest.fixture
def csv(warehouse: Warehouse) -> Days:
    return Days(warehouse, CSV)


@pytest.fixture
def parquet(warehouse: Warehouse) -> Days:
    return Days(warehouse, PARQUET)


@EACH
def test_codes_that_are_digits_today_and_amounts_that_are_whole(
    write: dict[str, Any], csv: Days
) -> None:
    csv.ingest("zip,fee\n01234,2.75\n99501,0\n", write=write)
    csv.ingest("zip,fee\n99501,1\n10001,5\n", write=write)
    january = [("01234", 2.75), ("99501", 0.0)]
    february = [("10001", 5.0), ("99501", 1.0)]
    expected = {
        "append": [*january, *february],
        "replace": february,
        "merge": [january[0], *february],
    }
    assert csv.warehouse.rows() == sorted(expected[write["mode"]])
    csv.ingest('zip,fee\n1E5,1E5\n007,7.50\n1.50,\n"",3\n', write=write)
    assert ("1E5", 1e5) in csv.warehouse.rows()
    assert {"007", "1.50", ""} <= {code for code, _ in csv.warehouse.rows()}


def test_only_what_would_change_is_refused(csv: Days) -> None:
    csv.warehouse.run("CREATE TABLE {} (n bigint, x double precision, d numeric(5,2), b boolean)")
    csv.ingest("n,x,d,b\n5.0,9007199254740992,1.5,1\n-7,-0,0.00,f\n,,,\n")
    assert set(csv.warehouse.run("SELECT n, x, d, b FROM {}")) == {
        (5, 2.0**53, Decimal("1.50"), True),
        (-7, -0.0, Decimal("0.00"), False),
        (None, None, None, None),
    }
    for row, column, kind in (
        ("007,,,", "n", "bigint"),
        ("5.5,,,", "n", "bigint"),
        ("-0.0,,,", "n", "bigint"),
        ("1E5,,,", "n", "bigint"),
        (",9007199254740993,,", "x", "double"),
        (",,1.555,", "d", r"decimal\(5, 2\)"),
        (",,1000,", "d", r"decimal\(5, 2\)"),
        (",,007,", "d", r"decimal\(5, 2\)"),
        (",,,2", "b", "boolean"),
    ):
        with pytest.raises(BadRow, match=rf"csv:2: column '{column}': .* {kind}, which the table"):
            csv.ingest(f"n,x,d,b\n{row}\n")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_singles_have_what_is_written_or_refuse_it(kind: str, warehouse: Warehouse) -> None:
    """The nearest single of 0.1 is shown as 0.1, that of 16777217 as another number."""

    def file(word: str) -> str:
        return f"x\n{word}\n" if kind == "csv" else f'{{"x": {word}}}\n'

    warehouse.run("CREATE TABLE {} (x real)")
    days = Days(warehouse, {"type": kind})
    for word in ("0.1", "52.520008", "1e-05", "3.4e+38", "-0", "16777216"):
        days.ingest(file(word), write=REPLACE)
        ((found,),) = warehouse.run("SELECT x::text FROM {}")
        assert (float(found), found[0] == "-") == (float(word), word[0] == "-")
    for word in ("16777217", "0.123456789", "1e-50"):
        with pytest.raises(BadRow, match=r"real.* Declare the column .*real"):
            days.ingest(file(word), write=REPLACE)
    days.format["columns"] = {"x": "real"}
    days.ingest(file("0.123456789"), write=REPLACE)
    assert warehouse.run("SELECT x::text FROM {}") == [("0.12345679",)]


@pytest.mark.parametrize(
    ("kind", "first", "second", "said"),
    [
        (CSV, "a\n1\n", "a\n01220\n", "'01220' would be changed by the type bigint, which the"),
        (JSONL, '{"a": 1}', '{"a": "foo"}', '"foo" is not bigint, which the table has'),
        (JSONL, '{"a": true}', '{"a": 5}', "5 is not boolean, which the table has"),
        (JSONL, '{"a": 1}', '{"a": 10254939386542155531}', "the range of bigint, which the table"),
    ],
)
def test_a_value_of_another_type_than_the_table_s_has_a_way_in(
    warehouse: Warehouse, kind: dict[str, Any], first: str, second: str, said: str
) -> None:
    days = Days(warehouse, kind)
    days.ingest(first)
    with pytest.raises(BadRow, match=said) as refused:
        days.ingest(second)
    written = re.search("`(ALTER COLUMN [^`]*)`", str(refused.value))
    assert written is not None
    days.warehouse.run(f"ALTER TABLE {{}} {written[1]}")
    days.ingest(second)
    assert len(days.warehouse.rows()) == 2


def test_a_value_that_is_far_from_the_start_fits_the_table(csv: Days) -> None:
    csv.ingest("id,zip\n1,01234\n")
    rows = [f"{n},{10000 + n % 89999}\n" for n in range(300_000)]
    csv.ingest("".join(["id,zip\n", *rows, "7,00501\n"]))
    assert csv.warehouse.run("SELECT count(*) FROM {} WHERE zip LIKE '0%'") == [(2,)]


def test_dates_of_a_column_of_texts_and_of_timestamps(csv: Days) -> None:
    csv.warehouse.run("CREATE TABLE {} (a text, t timestamp, z timestamptz, p timestamp(0))")
    csv.ingest("a,t,z,p\n2024-01-31,2024-01-31,2024-01-31T10:00Z,2024-01-31 10:00:00\n")
    assert csv.warehouse.run("SELECT a, t::text, z::text, p::text FROM {}") == [
        ("2024-01-31", "2024-01-31 00:00:00", "2024-01-31 10:00:00+00", "2024-01-31 10:00:00")
    ]
    with pytest.raises(BadRow, match=r"'p' of 1 row is not timestamp\(0\).* \(row 2 of .*csv\)"):
        csv.ingest("a,t,z,p\n,,,2024-01-31 10:00:00\n,,,2024-01-31 10:00:00.5\n")
    with pytest.raises(BadRow, match="has no offset"):
        csv.ingest("a,t,z,p\n,,2024-01-31 10:00:00,\n")


def test_a_partition_by_a_timestamp_of_which_a_file_has_dates(csv: Days) -> None:
    write = {"mode": "partition", "column": "t", "start": "2024-01-01", "end": "2024-02-01"}
    csv.ingest("t,zip\n2024-01-31 10:00:00,01234\n", write=write)
    csv.ingest("t,zip\n2024-01-30,99501\n2024-01-31,10001\n", write=write)
    assert csv.warehouse.rows("t::text, zip") == [
        ("2024-01-30 00:00:00", "99501"),
        ("2024-01-31 00:00:00", "10001"),
    ]
    with pytest.raises(BadRow, match="outside the interval"):
        csv.ingest("t,zip\n2024-02-01,99501\n", write=write)


def test_a_table_that_could_not_be_asked(csv: Days) -> None:
    """The load gives way as far as nothing is changed by it."""
    csv.ingest("zip,day,fee,n\n01234,x,2.75,1\n")
    csv.asks = False
    csv.ingest("zip,day,fee,n\n99501,2024-01-31,1,5\n")
    assert csv.warehouse.rows()[-1] == ("99501", "2024-01-31", 1.0, 5)
    with pytest.raises(SchemaChanged, match="'zip' is text, the load's is double"):
        csv.ingest("zip,day,fee,n\n1.50,x,2.75,1\n")


def test_a_day_that_is_repeated_is_known_whatever_the_table_s_types_are_by_now(csv: Days) -> None:
    """The ledger compares values only where the same types were read."""
    day, other = "id,fee,x\n1,5,\n2,7,\n", "id,fee,x\n1,5,\n2,8,\n"
    csv.ingest(day, load_id="first")
    assert not csv.ingest(day, load_id="first").published
    with pytest.raises(TransferError, match="are not the same"):
        csv.ingest(other, load_id="first")
    csv.ingest("id,fee,x\n3,5,0.5\n", load_id="second")
    assert not csv.ingest(day, load_id="first").published
    csv.warehouse.run("ALTER TABLE {} ALTER fee TYPE numeric(9,2)")
    assert not csv.ingest(day, load_id="first").published
    assert len(csv.warehouse.run("SELECT * FROM {}")) == 3


def test_a_declared_type_counts_more_than_the_table_s(warehouse: Warehouse) -> None:
    days = Days(warehouse, {"type": "csv", "columns": {"zip": "bigint"}})
    warehouse.run("CREATE TABLE {} (zip text)")
    with pytest.raises(SchemaChanged, match="'zip' is text, the load's is bigint"):
        days.ingest("zip\n10001\n")


def test_json_lines(warehouse: Warehouse) -> None:
    days = Days(warehouse, JSONL)
    days.ingest('{"id": 1, "zip": "01234", "fee": 2.75, "note": "x"}\n')
    days.ingest('{"id": 2, "zip": 99501, "fee": 1}\n')
    days.ingest('{"id": 3, "zip": 1.50, "fee": null, "note": {"a": [1]}}\n')
    assert warehouse.rows() == [
        (1, "01234", 2.75, "x"),
        (2, "99501", 1.0, None),
        (3, "1.50", None, '{"a": [1]}'),
    ]
    with pytest.raises(BadRow, match="has more digits than a double"):
        days.ingest('{"id": 4, "zip": "", "fee": 9007199254740993}\n')


@EACH
def test_a_column_of_nulls_takes_the_type_of_its_first_value(
    write: dict[str, Any], parquet: Days, caplog: pytest.LogCaptureFixture
) -> None:
    def month(zip_: int, fee: pa.Array) -> pa.Table:
        return pa.table({"zip": [zip_], "ehail_fee": fee})

    parquet.ingest(month(1, pa.nulls(1)), write=write)
    assert "nothing tells the types of ['ehail_fee']" in caplog.text
    parquet.ingest(month(2, pa.nulls(1)), write=write)
    parquet.ingest(month(3, pa.array([1.5])), write=write)
    assert "has the first value's type now: double precision" in caplog.text
    assert parquet.warehouse.rows()[-1] == (3, 1.5)
    parquet.ingest(month(4, pa.nulls(1)), write=write)
    with pytest.raises(SchemaChanged, match="'ehail_fee' is double precision, the load's is text"):
        parquet.ingest(month(5, pa.array(["x"])), write=write)


def test_a_column_of_nulls_by_csv(csv: Days) -> None:
    csv.ingest("id,fee,day\n1,,\n")
    csv.ingest("id,fee,day\n2,2.75,\n")
    csv.ingest("id,fee,day\n3,1,2024-01-31\n")
    assert csv.warehouse.rows() == [
        (1, None, None),
        (2, 2.75, None),
        (3, 1.0, dt.date(2024, 1, 31)),
    ]


def test_the_first_value_may_be_a_text(csv: Days) -> None:
    csv.ingest("id,code\n1,\n")
    csv.ingest("id,code\n2,x\n")
    csv.ingest("id,code\n3,99501\n")
    assert csv.warehouse.run("SELECT code FROM {} ORDER BY id") == [(None,), ("x",), ("99501",)]


def test_a_person_s_text_column_stays_one(parquet: Days) -> None:
    parquet.warehouse.run("CREATE TABLE {} (zip bigint, fee text)")
    parquet.ingest(pa.table({"zip": [1], "fee": pa.nulls(1)}), write=REPLACE)
    with pytest.raises(SchemaChanged, match="'fee' is text, the load's is double"):
        parquet.ingest(pa.table({"zip": [1], "fee": [1.5]}))


@EACH
def test_nulls_of_any_type_fit_a_column_of_any_other(write: dict[str, Any], parquet: Days) -> None:
    """A column of texts that is empty, pandas writes as doubles."""
    parquet.ingest(pa.table({"zip": [1], "code": ["01234"], "day": [dt.date(2024, 1, 31)]}))
    none = {"code": pa.nulls(1, pa.float64()), "day": pa.nulls(1, pa.string())}
    for _ in range(2):
        parquet.ingest(pa.table({"zip": [2], **none}), write=write)
        assert parquet.warehouse.rows()[-1] == (2, None, None)
        assert parquet.warehouse.rows("pg_typeof(code)::text")[0] == ("text",)
        parquet.warehouse.run("DELETE FROM {} WHERE zip = 2")


def test_a_text_column_that_someone_wrote_into_stays_one(parquet: Days) -> None:
    parquet.ingest(pa.table({"id": [1], "fee": pa.nulls(1)}))
    parquet.warehouse.run("UPDATE {} SET fee = 'free'")
    for _ in range(2):
        with pytest.raises(SchemaChanged, match="'fee' is text, the load's is double"):
            parquet.ingest(pa.table({"id": [2], "fee": [1.5]}))


@pytest.mark.parametrize("together", [True, False], ids=["one task", "several"])
def test_files_of_one_load_agree(together: bool, parquet: Days) -> None:
    """Also a whole number that the other file has a double for, if one is the other exactly."""
    one = {"id": pa.array([1], pa.int32()), "fee": pa.nulls(1), "n": pa.array([5])}
    two = {"id": pa.array([2]), "fee": pa.array([1.5]), "n": pa.array([0.5])}
    files = [pa.table(one), pa.table(two)]
    tasks = [files] if together else files
    parquet.ingest(*tasks)
    assert parquet.warehouse.rows() == [(1, None, 5.0), (2, 1.5, 0.5)]
    files[0] = pa.table({**one, "n": pa.array([2**53 + 1])})
    with pytest.raises(BadRow, match="9007199254740993"):
        parquet.ingest(*[files] if together else files, write=REPLACE)


def test_tasks_that_infer_otherwise(csv: Days) -> None:
    csv.ingest("zip,n\n99501,1\n", "zip,n\n01234,1.5\n")
    assert csv.warehouse.rows() == [("01234", 1.5), ("99501", 1.0)]
    csv.warehouse.run("DROP TABLE {}")
    with pytest.raises(BadRow, match=r"'zip' is double in .*, but string in .*`columns`"):
        csv.ingest("zip\n1.50\n", "zip\n01234\n")


def test_parquet_of_pandas_is_whole_one_day_and_not_the_next(parquet: Days) -> None:
    whole, floats = pa.array([1, 2]), pa.array([3.0, None])
    parquet.ingest(pa.table({"n": whole, "x": floats}))
    parquet.ingest(pa.table({"n": floats, "x": whole}))
    assert parquet.warehouse.rows("coalesce(n, 0), x") == [(0, 2.0), (1, 3.0), (2, None), (3, 1.0)]
    for wrong, said in ((1.5, "1.5"), (-0.0, "-0"), (float("nan"), "nan"), (1e300, "10000")):
        with pytest.raises(BadRow, match=rf"row 2 of \S+parquet: column 'n' .*{said}"):
            parquet.ingest(pa.table({"n": [1.0, wrong], "x": [0.5, 0.5]}))


def test_codes_with_an_exponent_are_texts(csv: Days) -> None:
    csv.ingest("code,measured,mixed\n1E5,1e-05,1.5\n2E10,1.5E10,2E3\n3E1,100,7\n")
    assert csv.warehouse.rows() == [
        ("1E5", 1e-5, "1.5"),
        ("2E10", 1.5e10, "2E3"),
        ("3E1", 100.0, "7"),
    ]
    csv.warehouse.run("DROP TABLE {}")
    rows = "0.5\n" * 1_000_000
    with pytest.raises(BadRow, match="'1E5' would be changed by the type double"):
        csv.ingest(f"x\n{rows}1E5\n")


WORDS = ["007", "1", "1.50", "1E5", "true", "2024-01-31", "", "x", "-0", "9007199254740993", "NaN"]
CELLS = st.lists(st.sampled_from(WORDS) | st.integers().map(str), min_size=1, max_size=5)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=CELLS, second=CELLS)
def test_any_two_days(first: list[str], second: list[str], warehouse: Warehouse) -> None:
    """What is read is what was written, and a column of texts takes every day."""
    days = Days(warehouse, CSV)
    days.number = len(list(warehouse.stage.iterdir()))
    warehouse.run("DROP TABLE IF EXISTS {}")
    header = "n,code\n"
    days.ingest(header + "".join(f"{n},{code}\n" for n, code in enumerate(first)))
    ((kind,),) = warehouse.run(
        "SELECT coalesce(max(format_type(atttypid, -1)), '') FROM pg_attribute"
        " WHERE attrelid = '{}'::regclass AND attname = 'code'"
    )
    try:
        days.ingest(header + "".join(f"{n + 10},{code}\n" for n, code in enumerate(second)))
    except TransferError:
        assert kind != "text"
        return
    read = dict(warehouse.run("SELECT n, code::text FROM {}"))
    for n, code in [*enumerate(first), *enumerate(second, 10)]:
        if kind == "text" and read[n] is not None:
            assert read[n] == code
        elif code:
            assert read[n] is not None


OTHERS = {
    "a guess": ("id,note\n1,\n2,\n", "id,note\n7,x\n8,y\n"),
    "only what had no value": ("id,note\n1,\n2,\n", "id,note\n1,x\n2,\n"),
    "a time": ("id,at\n1,2024-01-01\n", "id,at\n1,2024-01-02\n"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_rows_are_told_from_those_that_made_the_table(what: str, csv: Days) -> None:
    first, other = OTHERS[what]
    csv.ingest(first, load_id="first")
    with pytest.raises(TransferError, match="are not the same"):
        csv.ingest(other, load_id="first")
    assert not csv.ingest(first, load_id="first").published
