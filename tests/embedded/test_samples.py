import csv
import gzip
import hashlib
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from factory_embedded import samples

AMOUNTS = (
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "congestion_surcharge",
)
KEY = ("VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime")


def trips(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="ascii") as text:
        yield from csv.DictReader(text)


def test_the_same_month_is_the_same_file(tmp_path: Path) -> None:
    first = samples.write_taxi_month(tmp_path, 2024, 1, rows=5_000)
    before = first.read_bytes()
    again = samples.write_taxi_month(tmp_path, 2024, 1, rows=5_000)
    assert first == again == tmp_path / "yellow_tripdata_2024-01.csv.gz"
    assert again.read_bytes() == before
    assert list(tmp_path.iterdir()) == [again]


def test_the_text_is_the_same_on_every_machine() -> None:
    text = samples.taxi_month_csv(2024, 2, 5_000)
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "cb562886a368c76d29b18ae247f2490e1e4c858c66ce12154f97b37977054de9"
    )


def test_gzip_header_holds_no_time_and_no_name(tmp_path: Path) -> None:
    header = samples.write_taxi_month(tmp_path, 2024, 1, rows=10).read_bytes()[:8]
    assert header[3] == 0
    assert header[4:8] == bytes(4)


def test_columns_are_those_of_the_published_files() -> None:
    reader = csv.reader(io.StringIO(samples.taxi_month_csv(2024, 1, 10)))
    assert tuple(next(reader)) == samples.COLUMNS
    assert len(samples.COLUMNS) == 18
    assert [len(row) for row in reader] == [18] * 10


def test_the_key_is_unique_over_three_full_months(tmp_path: Path) -> None:
    seen = set()
    for month in (1, 2, 3):
        path = samples.write_taxi_month(tmp_path, 2024, month)
        for trip in trips(path):
            seen.add(tuple(trip[column] for column in KEY))
            assert trip["tpep_pickup_datetime"].startswith(f"2024-{month:02}-")
    assert len(seen) == 300_000


def test_every_trip_ends_after_it_began_and_its_amounts_add_up(tmp_path: Path) -> None:
    for trip in trips(samples.write_taxi_month(tmp_path, 2024, 3, rows=20_000)):
        assert trip["tpep_pickup_datetime"] < trip["tpep_dropoff_datetime"]
        amounts = [Decimal(trip[column] or 0) for column in AMOUNTS]
        assert sum(amounts) == Decimal(trip["total_amount"])
        assert all(amount >= 0 for amount in amounts)


def test_more_rows_than_a_month_can_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one a second"):
        samples.taxi_month_csv(2024, 1, 5_000_000)
