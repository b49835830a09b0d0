"""The files of `ingest`: made-up taxi trips, 18 columns."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory_embedded.samples import taxi_month_csv

YEAR = 2024
MONTHS = (1, 3, 4, 5)  # every year has all of their days


def write_csv(path: Path, rows: int) -> None:
    """Four months, of each the same number of trips."""
    with ProcessPoolExecutor(2) as pool:
        months = pool.map(partial(_month, rows=rows // len(MONTHS)), MONTHS)
        with path.open("w") as out:
            for number, text in enumerate(months):
                out.write(text if number == 0 else text.partition("\n")[2])


def _month(month: int, rows: int) -> str:
    return taxi_month_csv(YEAR, month, rows)


def write_years(one: Path, all_: Path, years: Sequence[int]) -> None:
    """The same trips once for each year."""
    head, _, rows = one.read_bytes().partition(b"\n")
    with all_.open("wb") as out:
        out.write(head + b"\n")
        for year in years:
            out.write(rows.replace(b",%d-" % YEAR, b",%d-" % year))


def write_changed(parquet: Path, changed: Path, added: float) -> int:
    """Every fiftieth row with a greater total; gives their number."""
    file, rows = pq.ParquetFile(parquet, pre_buffer=False), 0
    with pq.ParquetWriter(changed, file.schema_arrow) as out:
        for batch in file.iter_batches(100_000):
            few = batch.take(pa.array(range(0, batch.num_rows, 50)))
            place = few.schema.get_field_index("total_amount")
            total = pc.add(few.column(place), added).cast(few.field(place).type)
            out.write_batch(few.set_column(place, few.field(place), total))
            rows += few.num_rows
    return rows
