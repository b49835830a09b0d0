"""The demo's first example: three months of taxi trips, from a file server into PostgreSQL.

The database is kept between demos, so that a second one shows that the same months loaded again
leave the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory_embedded import samples
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo import results as demo_results
from factory_embedded.demo.example import Example
from factory_embedded.demo.screen import Screen, format_table, month
from factory_embedded.service import Connection
from factory_embedded.services import files, postgres
from factory_embedded.stop import Stop

PIPELINE = "yellow_taxi_ingest"
MONTHS = ((2024, 1), (2024, 2), (2024, 3))
ROWS_A_MONTH = 100_000


@dataclass(frozen=True)
class Taxi:
    """The database and the file server."""

    database: postgres.Server
    files: files.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """The warehouse and the files."""
        return {"warehouse": self.database.connection, "taxi_files": self.files.connection}

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
    trips = write_samples(home / "samples", show, stop)
    with (
        postgres.running(
            home / "postgres", log=home / "postgres.log", cancelled=stop.received
        ) as database,
        files.running(trips) as server,
    ):
        _welcome(database, server.url, show)
        yield Taxi(database, server)


EXAMPLE = Example(PIPELINE, len(MONTHS), month, services)


def write_samples(folder: Path, show: Screen, stop: Stop) -> Path:
    """The months as CSV files in ``folder``, which it gives back."""
    folder.mkdir(exist_ok=True)
    show.say(f"sample data: {len(MONTHS)} months of {ROWS_A_MONTH:,} taxi trips", since=True)
    for year, number in MONTHS:
        samples.write_taxi_month(folder, year, number, ROWS_A_MONTH)
        stop.obey()
    return folder


def _welcome(database: postgres.Server, url: str, show: Screen) -> None:
    show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
    show.say(f"the sample data is served on {url}", since=True)
    before = demo_results.loaded_rows(database.uri)
    if before:
        text = f"{demo_results.RAW} still holds {before:,} rows of the last demo"
        show.say(f"{text}; loading them again must leave the same", since=True)
