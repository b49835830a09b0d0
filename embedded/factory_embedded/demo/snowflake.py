"""The demo's sixth example: files of an S3 server into Snowflake, and a part of the rows back.

What stands in for Snowflake begins anew each time. The files fall into the landing zone anew; that
the same were loaded before changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from factory.amounts import counted, size
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo.days import DAYS, day_of, run_days
from factory_embedded.demo.example import Example
from factory_embedded.demo.results import Table
from factory_embedded.demo.screen import Screen, format_table
from factory_embedded.service import Connection
from factory_embedded.services import s3, snowflake
from factory_embedded.stop import Stop

PIPELINE = "orders_to_snowflake"
BUCKET = "lake"
FOLDER = "snowflake"
FILES = 3  # a day
ORDERS = 9_000  # a day
COLUMNS = ("order_id", "ordered_on", "customer", "amount", "note", "paid_at")

_NOTE = 'leave it "at the door",\nplease – 😀'

Row = tuple[str, ...]


def orders(day: date) -> list[Row]:
    """The orders of a day, as CSV has them."""
    first, start = day.toordinal() * ORDERS, datetime.combine(day, time())
    return [
        (
            str(first + n),
            str(day),
            f"customer {n % 97}",
            f"{Decimal(n % 9973) / 100:.2f}",
            "" if n % 3 else _NOTE,
            "" if n % 4 == 0 else str(start + n * timedelta(seconds=7, microseconds=1)),
        )
        for n in range(ORDERS)
    ]


def paid(day: date) -> list[Row]:
    """Those that come back."""
    return [row for row in orders(day) if row[-1]]


@dataclass(frozen=True)
class Orders:
    """The bucket, and what stands in for Snowflake."""

    lake: s3.Server
    warehouse: snowflake.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One of each."""
        return {"lake": self.lake.connection, "snowflake": self.warehouse.connection}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """Where they listen: neither has a page."""
        return [("the S3 server", self.lake.endpoint), ("Snowflake", self.warehouse.look)]

    def start(self, api: AirflowApi) -> None:
        """A run of each day."""
        run_days(api, PIPELINE)

    def problems(self, show: Screen) -> list[str]:
        """The landing zone, which is empty, and what came back, row by row."""
        counts, found = [], []
        for day in DAYS:
            there, back = paid(day), self._back(day)
            landing, loaded = self._keys(f"landing/{day}/"), self._keys(f"loaded/{day}/")
            counts.append((str(day), len(loaded), ORDERS, len(there), len(back)))
            if landing:
                found.append(f"{day}: {counted(len(landing), 'file')} still in the landing zone")
            if lacks := len({*there} - {*back}):
                found.append(f"{day}: {counted(lacks, 'paid order')} did not come back")
            if more := len(back) - len({*back} & {*there}):
                found.append(f"{day}: {counted(more, 'row')} came back that nobody sent")
        columns = ("day", "files loaded", "orders in them", "paid", "back in the lake")
        show.say("\n".join(["", *format_table(Table(columns, counts)), ""]))
        return found

    def _back(self, day: date) -> list[Row]:
        files = [key for key in self._keys(f"paid/day={day}/") if key.endswith(".csv")]
        return [row for key in files for row in _rows(self._read(key))]

    def _keys(self, folder: str) -> list[str]:
        prefix = f"{FOLDER}/{folder}"
        found = self.lake.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", ())]

    def _read(self, key: str) -> str:
        body: bytes = self.lake.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body.decode()


def _rows(text: str) -> Iterator[Row]:
    for row in csv.DictReader(io.StringIO(text, newline="")):
        yield tuple(row[name] for name in COLUMNS)


def fill(lake: s3.Server) -> None:
    """Let the files of all days fall into the landing zone."""
    lake.create_bucket(BUCKET)
    client = lake.client()
    for day in DAYS:
        rows = orders(day)
        for number in range(FILES):
            key = f"{FOLDER}/landing/{day}/orders_{number}.csv"
            client.put_object(Bucket=BUCKET, Key=key, Body=text_of(rows[number::FILES]))


def text_of(rows: Sequence[Row]) -> bytes:
    """As CSV, with its header."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    return text.getvalue().encode()


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Orders]:
    """An S3 server with the files, and what stands in for Snowflake."""
    if not snowflake.is_at_hand():
        whole = size(snowflake.DOWNLOAD)
        with show.waiting(f"what stands in for Snowflake is downloaded, this first time: {whole}"):
            snowflake.made(stop.received)
    with (
        s3.running(home / "s3", cancelled=stop.received) as lake,
        snowflake.running(home / "snowflake", cancelled=stop.received) as warehouse,
    ):
        fill(lake)
        text = f"{FILES} files of {ORDERS:,} orders for each of {len(DAYS)} days"
        show.say(f"the S3 server is ready on {lake.endpoint}, with {text}", since=True)
        show.say(f"what stands in for Snowflake is ready on 127.0.0.1:{warehouse.port}", since=True)
        yield Orders(lake, warehouse)


EXAMPLE = Example(PIPELINE, len(DAYS), day_of, services)
