"""Columns that stand in the names of folders."""

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.definitions.formats import Csv, Format, Parquet
from factory.definitions.warehouses import Holds
from factory.transfer.errors import BadOption, BadRow, TransferError
from factory.transfer.folders import Wanted
from factory.transfer.lake.partitions import split
from factory.transfer.postgres.columns import columns
from factory.transfer.target import ANY, Target
from factory.transfer.to_parquet import to_parquet
from factory.transfer.values.types import Known, own_type
from factory.transfer.warehouse import parquet

from ..stores.folders import Folder

DAYS = Target(known={"day": Known(pa.date32()), "id": Known(pa.int64())})


def put(folder: Folder, name: str, *ids: int) -> str:
    (folder / name).write_text("".join(f"{n}\n" for n in ("id", *ids)))
    return str(folder / name)


def read(
    folder: Folder,
    sources: Sequence[str],
    wanted: Wanted,
    into: Target = ANY,
    format: Format | None = None,
) -> pa.Table:
    target = folder / "out.parquet"
    to_parquet(
        *(folder.store, sources, folder.store, str(target)),
        format=format or Csv(),
        into=into,
        partitions=wanted,
    )
    return target.parquet().read()


def test_all_of_them_are_texts(folder: Folder) -> None:
    sources = [
        put(folder, "in/country=DE/day=2024-01-02/a.csv", 1, 2),
        put(folder, "in/country=__HIVE_DEFAULT_PARTITION__/day=a%3Db%2Fc%C3%BC/a.csv", 3),
    ]
    assert read(folder, sources, True).to_pylist() == [
        {"id": 1, "country": "DE", "day": "2024-01-02"},
        {"id": 2, "country": "DE", "day": "2024-01-02"},
        {"id": 3, "country": None, "day": "a=b/cü"},
    ]


def test_those_that_are_named_have_their_types(folder: Folder) -> None:
    sources = [
        put(folder, "in/country=DE/day=2024-01-02/n=007/a.csv", 1),
        put(folder, "in/country=DE/day=__HIVE_DEFAULT_PARTITION__/n=8/a.csv", 2),
    ]
    found = read(folder, sources, {"n": "integer", "day": "date", "country": "uuid"})
    assert found.schema.names == ["id", "n", "day", "country"]
    assert found.to_pylist() == [
        {"id": 1, "n": 7, "day": dt.date(2024, 1, 2), "country": "DE"},
        {"id": 2, "n": 8, "day": None, "country": "DE"},
    ]
    assert own_type(found.schema.field("country")) == "uuid"
    assert read(folder, sources[:1], {"n": "text"}).to_pylist() == [{"id": 1, "n": "007"}]


def test_the_table_tells_types(folder: Folder) -> None:
    sources = [put(folder, "in/day=2024-01-02/a.csv", 1)]
    assert read(folder, sources, True, DAYS).to_pylist() == [{"id": 1, "day": dt.date(2024, 1, 2)}]
    sources = [put(folder, "in/day=yesterday/a.csv", 1)]
    with pytest.raises(BadRow, match=r"`day=yesterday` is not date, which the table has"):
        read(folder, sources, True, DAYS)
    assert read(folder, sources, {"day": "text"}, DAYS).to_pylist() == [
        {"id": 1, "day": "yesterday"}
    ]


def test_rows_are_told_from_others_whether_the_table_is_there_or_not(folder: Folder) -> None:
    format = Csv(columns={"id": "bigint"})

    def digest(into: Target, *ids: int) -> str:
        read(folder, [put(folder, "in/k=a/1.csv", *ids)], True, into, format)
        files = parquet.read(folder.store, [str(folder / "out.parquet")])
        return files.digest(columns(files.schema))

    there = Target(known={"k": Known(pa.string())})
    first = digest(ANY, 1, 2)
    assert digest(there, 1, 2) == first
    assert parquet.others(2, first, 2, lambda: digest(there, 7, 8))


NUMBERS: Mapping[str, tuple[Known, Sequence[object]]] = {
    "integer": (Known(pa.int32()), [1, 7, -2]),
    "double": (Known(pa.float64()), [1.0, 7.0, -2.0]),
    "decimal": (Known(pa.decimal128(38, 0)), [Decimal(1), Decimal(7), Decimal(-2)]),
    "numeric": (Known(pa.string(), number=True), ["1", "7", "-2"]),
    "text": (Known(pa.string()), ["01", "007", "-02"]),
}


@pytest.mark.parametrize(("known", "values"), NUMBERS.values(), ids=list(NUMBERS))
def test_zeros_before_a_number_of_the_table(
    folder: Folder, known: Known, values: Sequence[object]
) -> None:
    months = ("01", "007", "-02", "__HIVE_DEFAULT_PARTITION__")
    sources = [put(folder, f"in/month={month}/a.csv", 1) for month in months]
    found = read(folder, sources, True, Target(known={"month": known}))["month"]
    assert (found.type, found.to_pylist()) == (known.type, [*values, None])


def test_the_table_tells_names(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sources = [put(folder, f"in/{name}=2024-01-02/a.csv", 1) for name in ("Day", "DAY")]
    row = {"id": 1, "day": dt.date(2024, 1, 2)}
    assert read(folder, sources, True, DAYS).to_pylist() == [row, row]
    assert "not read" not in caplog.text
    both = [put(folder, "in/Day=x/day=2024-01-02/a.csv", 1)]
    assert read(folder, both, True, DAYS).to_pylist() == [{"id": 1, "Day": "x", **row}]
    of_both = Target(known={**DAYS.known, "Day": Known(pa.string())})
    assert read(folder, sources[:1], True, of_both).to_pylist() == [{"id": 1, "Day": "2024-01-02"}]
    with pytest.raises(BadOption, match="'id' of the folders is in the files already"):
        read(folder, [put(folder, "in/ID=1/a.csv", 1)], True, DAYS)


WAYS: Sequence[tuple[str, Wanted, Known | None, str]] = [
    ("x", {"a": "integer"}, None, "declare the column `text` under"),
    ("x", {"a": "integer"}, Known(pa.string()), "declare the column `text` under"),
    ("x", {"a": "integer"}, Known(pa.int32()), "alter the column of the table"),
    ("x", True, Known(pa.int32()), "alter the column of the table"),
    ("%00", True, None, "declare the column another type under"),
    ("%00", True, Known(pa.string()), "alter the column of the table"),
]


@pytest.mark.parametrize(("text", "wanted", "known", "way"), WAYS)
def test_the_hint_is_what_the_table_takes(
    folder: Folder, text: str, wanted: Wanted, known: Known | None, way: str
) -> None:
    holds = Holds(name="PostgreSQL", longest_name=63, nul=False)
    into = Target(holds, {} if known is None else {"a": known})
    with pytest.raises(BadRow) as raised:
        read(folder, [put(folder, f"in/a={text}/1.csv", 1)], wanted, into)
    assert f"Rename the folder, or {way}" in str(raised.value.hint)


def test_members_of_an_archive_stand_where_it_does(folder: Folder) -> None:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("day=no/1.csv", "id\n1\n")
        archive.writestr("2.csv", "id\n2\n")
    (folder / "in/day=2024-01-02/a.zip").write_bytes(packed.getvalue())
    found = read(
        folder, [str(folder / "in/day=2024-01-02/a.zip")], True, format=Csv(member="*.csv")
    )
    assert sorted(found["id"].to_pylist()) == [1, 2]
    assert set(found["day"].to_pylist()) == {"2024-01-02"}


TYPES = {"text": "text", "day": "date", "n": "bigint", "yes": "boolean"}
SCHEMA = pa.schema(
    [
        *(("id", pa.int64()), ("text", pa.string()), ("day", pa.date32())),
        *(("n", pa.int64()), ("yes", pa.bool_())),
    ]
)
REFUSED: Sequence[tuple[Sequence[str], Wanted, type[TransferError], str]] = [
    (["a=1/1.csv", "2.csv"], True, BadRow, r"2\.csv stands in no folder `a=…`"),
    (["a=1/1.csv", "a=1/b=2/2.csv"], True, BadRow, r"1\.csv stands in no folder `b=…`"),
    (["a=1/1.csv", "b=2/2.csv"], {"a": "text"}, BadRow, r"2\.csv stands in no folder `a=…`"),
    (["a=1/1.csv"], {"A": "text"}, BadOption, "unknown column in 'hive_partitioning'.* 'A'"),
    (["x/1.csv"], True, BadOption, "no folder of it names a column"),
    (["a=1/a=2/1.csv"], True, BadRow, "two of its folders name 'a'"),
    (["id=1/1.csv"], True, BadOption, "'id' of the folders is in the files already"),
    (["a=%FF/1.csv"], True, BadRow, "is no UTF-8"),
    (["a=x/1.csv"], {"a": "integer"}, BadRow, r"the folder `a=x` is not integer"),
    (["a=%00/1.csv"], True, BadRow, "is nothing that PostgreSQL holds"),
    (["a" * 64 + "=1/1.csv"], True, BadRow, "64 bytes long, and PostgreSQL takes 63"),
]


@pytest.mark.parametrize(("names", "wanted", "error", "said"), REFUSED)
def test_refused(
    folder: Folder, names: Sequence[str], wanted: Wanted, error: type[TransferError], said: str
) -> None:
    into = Target(holds=Holds(name="PostgreSQL", longest_name=63, nul=False))
    with pytest.raises(error, match=said):
        read(folder, [put(folder, f"in/{name}", 1) for name in names], wanted, into)
    assert not (folder / "out.parquet").exists()


def test_what_is_not_read_is_told(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sources = [put(folder, "in/a=1/b%20c=2/1.csv", 1)]
    read(folder, sources, {"a": "text"})
    assert "folders name 'b c', which no file has: not read; `hive_partitioning: true`" in (
        caplog.text
    )


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(0, 99),
                "text": st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
                "day": st.none() | st.dates(),
                "n": st.none() | st.integers(-(2**63), 2**63 - 1),
                "yes": st.none() | st.booleans(),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_the_target_writes_is_read_as_it_was(
    folder: Folder, rows: list[Mapping[str, Any]]
) -> None:
    lake = folder / "lake"
    lake.store.delete_below(str(lake))
    batch = pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=SCHEMA)
    sources = []
    for name, table in split(batch, list(TYPES)):
        (lake / f"{name}/x.parquet").write_table(table)
        sources.append(str(lake / f"{name}/x.parquet"))
    found = read(folder, sources, TYPES, format=Parquet()).to_pylist()
    assert sorted(map(repr, found)) == sorted(map(repr, batch.to_pylist()))


def test_parquet_and_a_table_of_types(folder: Folder) -> None:
    path = folder / "in/day=2024-01-02/a.parquet"
    path.write_table(pa.table({"id": pa.array([1], pa.int32())}))
    found = read(folder, [str(path)], True, DAYS, Parquet())
    assert found.to_pylist() == [{"id": 1, "day": dt.date(2024, 1, 2)}]
