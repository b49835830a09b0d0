"""What is told of a file's columns before its rows are read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer.values.agreement import empty_columns
from tests.growth import measure


def test_columns_that_hold_nothing(tmp_path: Path) -> None:
    table = pa.table(
        {
            "none": pa.array([None, None], pa.int64()),
            "null": pa.nulls(2),
            "half": [None, 1],
            "list": pa.array([None, None], pa.list_(pa.int64())),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=1)
    assert empty_columns(pq.ParquetFile(tmp_path / "x.parquet")) == {"none", "null"}
    pq.write_table(table.slice(0, 0), tmp_path / "y.parquet")
    assert empty_columns(pq.ParquetFile(tmp_path / "y.parquet")) == set(table.column_names)


def test_a_wide_file_takes_as_long_as_it_has_columns(tmp_path: Path) -> None:
    work = []
    for size in measure.sizes(1600):
        path = tmp_path / f"{size}.parquet"
        pq.write_table(pa.table({f"column_{n}": [n] for n in range(size)}), path)
        work.append(partial(empty_columns, pq.ParquetFile(path)))
    measure.require_growth(work)
