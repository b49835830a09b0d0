"""The demo's fifth example: taxi trips, CSV files of the web, into a lake and then into BigQuery.

What stands in for BigQuery keeps its tables, so that a second demo shows that the same months
loaded again leave the same rows.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError

from factory.amounts import counted, size
from factory_embedded import samples
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo.example import Example
from factory_embedded.demo.results import Table
from factory_embedded.demo.screen import Screen, format_table, month
from factory_embedded.demo.taxi import MONTHS, write_samples
from factory_embedded.demo.web_files import published
from factory_embedded.service import Connection
from factory_embedded.services import bigquery, files
from factory_embedded.stop import Stop

PIPELINE = "yellow_taxi_to_bigquery"
BUCKET = "lake"
DATASET = "trips"
TABLE = f"{DATASET}.yellow_taxi"

_ROWS = f"SELECT vendor_id, CAST(pickup_at AS STRING), total_amount FROM {TABLE}"


class Trip(NamedTuple):
    """What tells one trip from the others, and what it cost."""

    vendor: int
    pickup: str
    total: Decimal


@dataclass(frozen=True)
class Trips:
    """The CSV files and their server, and what stands in for Google Cloud."""

    folder: Path
    files: files.Server
    google: bigquery.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One of each: the bucket is reached as BigQuery is."""
        return {"taxi_files": self.files.connection, "google": self.google.connection}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What a browser shows."""
        return [
            ("the CSV files", self.files.url),
            ("the bucket", f"{self.google.storage.look}/{BUCKET}/o"),
            ("BigQuery", self.google.look),
        ]

    def start(self, api: AirflowApi) -> None:
        """The scheduler makes a run for each month by itself."""
        api.pause(PIPELINE, False)

    def problems(self, show: Screen) -> list[str]:
        """Each month at its three places: the lake by its counts, BigQuery trip by trip."""
        counts, found = [], []
        arrived = self._arrived()
        for year, number in MONTHS:
            name = f"{year:04}-{number:02}"
            there = _of_file(self.folder / samples.taxi_month_name(year, number))
            lake = published(self.google.storage, BUCKET, f"yellow_taxi/month={name}").get(
                "rows", 0
            )
            loaded = [trip for trip in arrived if trip.pickup.startswith(name)]
            counts.append((name, len(there), lake, len(loaded)))
            if lake != len(there):
                found.append(f"{name}: the lake has {lake:,} rows, not {len(there):,}")
            if sorted(loaded) != sorted(there):
                lacks, more = len({*there} - {*loaded}), len({*loaded} - {*there})
                found.append(
                    f"{name}: BigQuery lacks {counted(lacks, 'trip')}, has {more:,} others"
                )
        table = Table(("month", "rows of CSV", "rows in the lake", f"rows of {TABLE}"), counts)
        show.say("\n".join(["", *format_table(table), ""]))
        return found

    def _arrived(self) -> list[Trip]:
        try:
            rows = [*self.google.ask(_ROWS)]
        except HTTPError:  # there is no table
            return []
        return [
            Trip(int(vendor or 0), str(pickup)[:19].replace("T", " "), Decimal(total or 0))
            for vendor, pickup, total in rows
        ]


def _of_file(path: Path) -> list[Trip]:
    with gzip.open(path, "rt", newline="") as file:
        return [
            Trip(int(row["VendorID"]), row["tpep_pickup_datetime"], Decimal(row["total_amount"]))
            for row in csv.DictReader(file)
        ]


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Trips]:
    """A server of sample files, and what stands in for BigQuery and its Cloud Storage."""
    if not bigquery.is_at_hand():
        whole = size(bigquery.DOWNLOAD)
        with show.waiting(f"what stands in for BigQuery is downloaded, this first time: {whole}"):
            bigquery.made(stop.received)
    trips = write_samples(home / "samples", show, stop)
    with (
        files.running(trips) as web,
        bigquery.running(home / "bigquery", cancelled=stop.received) as google,
    ):
        show.say(f"the sample data is served on {web.url}", since=True)
        google.create_bucket(BUCKET)
        google.create_dataset(DATASET)
        show.say(f"what stands in for BigQuery is ready on {google.endpoint}", since=True)
        yield Trips(trips, web, google)


EXAMPLE = Example(PIPELINE, len(MONTHS), month, services)
