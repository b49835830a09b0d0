"""The demo's first example: three months of taxi trips, from a file server into PostgreSQL.

The database is kept between demos, so that a second one shows that the same months loaded again
leave the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from factory_embedded import samples
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo import results as demo_results
from factory_embedded.demo.example import Example, Stop
from factory_embedded.demo.screen import Screen, format_table, month
from factory_embedded.services import files, postgres

PIPELINE = "yellow_taxi_ingest"
MONTHS = ((2024, 1), (2024, 2), (2024, 3))
ROWS_A_MONTH = 100_000


@dataclass(frozen=True)
class Taxi:
    """The database and the file server."""

    database: postgres.Server
    url: str

    @property
    def connections(self) -> Mapping[str, str]:
        """The warehouse and the files."""
        place = urlsplit(self.url)
        taxi_files = {"conn_type": "http", "host": place.hostname, "port": place.port}
        return {"warehouse": warehouse(self.database), "taxi_files": json.dumps(taxi_files)}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """The database."""
        return [("the database", self.database.uri)]

    def start(self, api: AirflowApi) -> None:
        """The scheduler makes a run for each month by itself."""
        api.pause(PIPELINE, False)

    def problems(self, show: Screen) -> list[str]:
        """The rows of the table, and the report."""
        results = demo_results.read(self.database.uri)
        if results.months.rows:
            show.say("\n".join(["", demo_results.REPORT, *format_table(results.months)]))
        show.say(f"\n{demo_results.RAW}: {results.loaded:,} rows")
        return results.problems(len(MONTHS), ROWS_A_MONTH)


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Taxi]:
    """A database, and a server of sample files."""
    trips = _write_samples(home / "samples", show, stop)
    with (
        postgres.running(home / "postgres", log=home / "postgres.log") as database,
        files.serving(trips) as url,
    ):
        _welcome(database, url, show)
        yield Taxi(database, url)


EXAMPLE = Example(PIPELINE, len(MONTHS), month, services)


def warehouse(database: postgres.Server) -> str:
    """Airflow's connection to the database, in JSON."""
    fields = {
        "conn_type": "postgres",
        "host": database.host,
        "port": database.port,
        "login": database.user,
        "schema": database.database,
    }
    return json.dumps(fields)


def _write_samples(folder: Path, show: Screen, stop: Stop) -> Path:
    folder.mkdir(exist_ok=True)
    show.say(f"sample data: {len(MONTHS)} months of {ROWS_A_MONTH:,} taxi trips", since=True)
    for year, number in MONTHS:
        samples.write_taxi_month(folder, year, number, ROWS_A_MONTH)
        stop.check()
    return folder


def _welcome(database: postgres.Server, url: str, show: Screen) -> None:
    show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
    show.say(f"the sample data is served on {url}", since=True)
    before = demo_results.loaded_rows(database.uri)
    if before:
        text = f"{demo_results.RAW} still holds {before:,} rows of the last demo"
        show.say(f"{text}; loading them again must leave the same", since=True)
