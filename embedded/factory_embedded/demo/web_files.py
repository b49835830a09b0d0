"""The demo's fourth example: taxi trips, CSV files of the web, into a GCS server as Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.amounts import size
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo.example import Example
from factory_embedded.demo.results import Table
from factory_embedded.demo.screen import Screen, format_table, month
from factory_embedded.demo.taxi import MONTHS, ROWS_A_MONTH, write_samples
from factory_embedded.service import Connection
from factory_embedded.services import files, gcs
from factory_embedded.stop import Stop

PIPELINE = "yellow_taxi_to_gcs"
BUCKET = "archive"
FOLDER = "yellow_taxi"


@dataclass(frozen=True)
class Trips:
    """The file server and the bucket."""

    files: files.Server
    archive: gcs.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One of each."""
        return {"taxi_files": self.files.connection, BUCKET: self.archive.connection}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What a browser shows."""
        objects = f"{self.archive.look}/{BUCKET}/o"
        return [("the CSV files", self.files.url), ("the bucket", objects)]

    def start(self, api: AirflowApi) -> None:
        """The scheduler makes a run for each month by itself."""
        api.pause(PIPELINE, False)

    def problems(self, show: Screen) -> list[str]:
        """The rows of each month, as its folder says what was published last."""
        counts, found = [], []
        for year, number in MONTHS:
            folder = f"{FOLDER}/month={year:04}-{number:02}"
            told = published(self.archive, BUCKET, folder)
            rows = told.get("rows", 0)
            counts.append((folder, told.get("files", 0), size(told.get("bytes", 0)), rows))
            if rows != ROWS_A_MONTH:
                found.append(f"gs://{BUCKET}/{folder} has {rows:,} rows, not {ROWS_A_MONTH:,}")
        table = Table((f"gs://{BUCKET}", "files", "size", "rows"), counts)
        show.say("\n".join(["", *format_table(table), ""]))
        return found


def published(store: gcs.Server, bucket: str, folder: str) -> dict[str, Any]:
    """What a folder says was published last; nothing where nothing was."""
    return dict(json.loads(store.read(bucket, f"{folder}/_SUCCESS") or "{}"))


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Trips]:
    """A server of sample files, and one with a bucket."""
    trips = write_samples(home / "samples", show, stop)
    with (
        files.running(trips) as web,
        gcs.running(home / "gcs", cancelled=stop.received) as archive,
    ):
        show.say(f"the sample data is served on {web.url}", since=True)
        archive.create_bucket(BUCKET)
        show.say(f"the GCS server is ready on {archive.endpoint}", since=True)
        yield Trips(web, archive)


EXAMPLE = Example(PIPELINE, len(MONTHS), month, services)
