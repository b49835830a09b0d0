"""Sample data for the demo: months of made-up New York yellow taxi trips.

The columns, their order and their names are those of the files that the city publishes; the trips
are drawn from a seeded generator. The same month always gives the same file.
"""

from __future__ import annotations

import calendar
import gzip
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

COLUMNS = (
    "VendorID",
    "tpep_pickup_datetime",
    "tpep_dropoff_datetime",
    "passenger_count",
    "trip_distance",
    "RatecodeID",
    "store_and_fwd_flag",
    "PULocationID",
    "DOLocationID",
    "payment_type",
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "total_amount",
    "congestion_surcharge",
)

_HOUR = 3600
# How busy each hour of the day is, Monday to Friday and at the weekend.
_WEEKDAY = (2, 1, 1, 1, 1, 2, 4, 7, 8, 8, 7, 7, 8, 8, 9, 9, 9, 10, 11, 10, 8, 8, 7, 5)
_WEEKEND = (9, 7, 5, 4, 2, 1, 2, 3, 4, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 8, 7, 7, 7, 6)
_MMSS = tuple(f"{second // 60:02}:{second % 60:02}" for second in range(_HOUR))
_JFK = 132
_MANHATTAN = (48, 68, 79, 90, 100, 107, 113, 138, 140, 141, 142, 161, 162, 163, 164, 170, 186,
              229, 230, 231, 234, 236, 237, 238, 239, 246, 249, 263)  # fmt: skip


_PAYMENT = (1,) * 80 + (2,) * 15 + (3,) + (4,) + (0,) * 3  # card, cash, no charge, dispute, app
_PASSENGERS = (1,) * 73 + (2,) * 15 + (3,) * 4 + (4,) * 3 + (5,) * 2 + (6,) * 2 + (0,)

Draw = Callable[[], float]


def taxi_month_name(year: int, month: int) -> str:
    """The file's name, as the city gives it."""
    return f"yellow_tripdata_{year:04}-{month:02}.csv.gz"


def write_taxi_month(folder: Path, year: int, month: int, rows: int = 100_000) -> Path:
    """Write one month of trips as a gzipped CSV file and return its path.

    (VendorID, tpep_pickup_datetime, tpep_dropoff_datetime) is unique in the month and, as every
    pickup lies in its month, over all months. Raises ValueError for more rows than that allows.
    """
    target = folder / taxi_month_name(year, month)
    data = taxi_month_csv(year, month, rows).encode("ascii")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(gzip.compress(data, compresslevel=3, mtime=0))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def taxi_month_csv(year: int, month: int, rows: int) -> str:
    """The month's trips as CSV text, ordered by pickup."""
    draw = Random(year * 100 + month).random
    counts = _trips_by_hour(year, month, rows)
    hours = _hour_prefixes(year, month, len(counts) + 4)
    lines = [",".join(COLUMNS)]
    for hour, count in enumerate(counts):
        rush = _extra(date(year, month, 1 + hour // 24), hour % 24)
        for place in range(count):
            first, after = place * _HOUR // count, (place + 1) * _HOUR // count
            pickup = hour * _HOUR + first + int(draw() * (after - first))
            lines.append(_trip(draw, hours, pickup, rush))
    lines.append("")
    return "\n".join(lines)


def _trips_by_hour(year: int, month: int, rows: int) -> list[int]:
    weights = [
        weight
        for day in range(1, calendar.monthrange(year, month)[1] + 1)
        for weight in (_WEEKEND if date(year, month, day).weekday() >= 5 else _WEEKDAY)
    ]
    total, seen, given = sum(weights), 0, 0
    counts = []
    for weight in weights:
        seen += weight
        counts.append(rows * seen // total - given)
        given += counts[-1]
    if max(counts) > _HOUR:
        raise ValueError(f"{rows} trips in a month: more than one a second in its busiest hour")
    return counts


def _hour_prefixes(year: int, month: int, count: int) -> list[str]:
    start = datetime(year, month, 1)
    return [f"{start + timedelta(hours=hour):%Y-%m-%d %H:}" for hour in range(count)]


def _extra(day: date, hour: int) -> int:
    if hour >= 20 or hour < 6:
        return 100
    return 250 if hour >= 16 and day.weekday() < 5 else 0


def _trip(draw: Draw, hours: list[str], pickup: int, extra: int) -> str:
    far = draw()
    distance = 30 + int(1200 * far * far * far)  # hundredths of a mile
    airport = draw() < 0.04
    if airport:
        distance += 1500
    dropoff = pickup + 120 + min(int(distance * (1.2 + 2.4 * draw())), 3 * _HOUR)
    start = _JFK if airport else _MANHATTAN[int(draw() * len(_MANHATTAN))]
    end = _MANHATTAN[int(draw() * len(_MANHATTAN))] if draw() < 0.9 else 1 + int(draw() * 263)
    payment = _PAYMENT[int(draw() * 100)]
    cost = _cost(draw, distance, airport, extra, payment)
    if payment:
        known = f"{_PASSENGERS[int(draw() * 100)]},{_cents(distance)},{2 if airport else 1},N"
    else:  # booked through an app: the meter's own fields are empty
        known = f",{_cents(distance)},,"
    return (
        f"{1 if draw() < 0.25 else 2},"
        f"{hours[pickup // _HOUR]}{_MMSS[pickup % _HOUR]},"
        f"{hours[dropoff // _HOUR]}{_MMSS[dropoff % _HOUR]},"
        f"{known},{start},{end},{payment},{cost}"
    )


def _cost(draw: Draw, distance: int, airport: bool, extra: int, payment: int) -> str:
    """The trip's six amounts, their total and the congestion surcharge, in the file's order."""
    fare = 7000 if airport else 300 + 70 * (distance // 20)
    congestion = 250 if payment and draw() < 0.95 else 0
    tolls = 694 if draw() < (0.6 if airport else 0.03) else 0
    before_tip = fare + extra + 50 + tolls + 100 + congestion
    tip = int(before_tip * (0.12 + 0.18 * draw())) if payment == 1 else 0
    return (
        f"{_cents(fare)},{_cents(extra)},0.50,{_cents(tip)},{_cents(tolls)},1.00,"
        f"{_cents(before_tip + tip)},{_cents(congestion) if payment else ''}"
    )


def _cents(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"
