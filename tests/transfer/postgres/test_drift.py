"""What the readers make of files that drift, and of columns as people write them, in the server."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.definitions import formats
from factory.stores.disk import Disk
from factory.transfer.to_parquet import to_parquet

from .conftest import Warehouse


def stage(files: list[Path], folder: Path, format: dict[str, Any]) -> pa.Table:
    disk, target = Disk(), folder / "staged.parquet"
    to_parquet(disk, list(map(str, files)), disk, str(target), format=formats.of(format))
    with pq.ParquetFile(target) as file:
        table: pa.Table = file.read().replace_schema_metadata(file.metadata.metadata)
        return table


def test_a_month_that_lacks_an_optional_column_and_one_of_another_case(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    january, february = tmp_path / "1.csv", tmp_path / "2.csv"
    january.write_text("PULocationID,ehail_fee\n1,0.5\n")
    february.write_text("PUlocationID\n2\n")
    taxi = {
        "type": "csv",
        "aliases": {"pu_location_id": ["PULocationID", "PUlocationID"]},
        "optional": ["ehail_fee"],
    }
    for number, file in enumerate((january, february)):
        warehouse.load(stage([file], tmp_path, taxi), load_id=f"run {number}")
    assert warehouse.rows("pu_location_id, ehail_fee") == [(1, 0.5), (2, None)]


def test_moments_of_any_year_from_int96_and_numbers(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "f.parquet"
    years = [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]
    content = {
        "at": pa.array(years, pa.timestamp("us")),
        "seen": [-62135596800000, 253402300799999],
    }
    pq.write_table(pa.table(content), file, use_deprecated_int96_timestamps=True)
    columns = {"seen": {"type": "timestamp", "unit": "ms"}}
    warehouse.load(stage([file], tmp_path, {"type": "parquet", "columns": columns}))
    assert warehouse.rows("at, seen") == [
        (years[0], years[0]),
        (years[1], years[1].replace(microsecond=999000)),
    ]


def test_money_as_people_write_it(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text('amount,share\n"$1,234.50",12.5%\n"(€7)",0%\n')
    money = {"type": "decimal(12, 2)", "thousands": ",", "strip": ["$", "€"], "parentheses": True}
    share = {"type": "decimal(5, 3)", "percent": True}
    written: dict[str, Any] = {"type": "csv", "columns": {"amount": money, "share": share}}
    warehouse.load(stage([file], tmp_path, written))
    assert warehouse.rows("amount, share") == [
        (Decimal("-7.00"), Decimal("0.000")),
        (Decimal("1234.50"), Decimal("0.125")),
    ]
