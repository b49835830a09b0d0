"""The demo's second example: a table of PostgreSQL through Apache NiFi into an S3 server.

NiFi and the S3 server begin anew each time; the table is written anew.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

import psycopg

from factory.amounts import counted, size
from factory.errors import FactoryError
from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.demo.example import Example
from factory_embedded.demo.screen import Screen
from factory_embedded.service import Connection
from factory_embedded.services import postgres, s3
from factory_embedded.services.nifi import assemble, flows
from factory_embedded.services.nifi import server as nifi
from factory_embedded.stop import Stop

PIPELINE = "orders_to_s3"
DAYS = (date(2024, 1, 1), date(2024, 1, 2))
ROWS_A_DAY = 25_000
BUCKET = "lake"

_DEFINITION = Path("examples/nifi/postgres_to_s3.json")
_GROUP = "Orders"
_TABLE = "shop.orders"
_FILL = f"""
    CREATE SCHEMA IF NOT EXISTS shop;
    DROP TABLE IF EXISTS {_TABLE};
    CREATE TABLE {_TABLE} (
        order_id bigint PRIMARY KEY,
        ordered_on date NOT NULL,
        customer text NOT NULL,
        amount numeric(12, 2) NOT NULL,
        note text
    );
    INSERT INTO {_TABLE}
    SELECT n, date '{DAYS[0]}' + n % {len(DAYS)}, 'customer ' || n % 997, n % 9973 / 100.0,
           CASE WHEN n % 3 = 0 THEN E'leave it "at the door",\\nplease' END
    FROM generate_series(1, {len(DAYS) * ROWS_A_DAY}) AS n;
"""


@dataclass(frozen=True)
class Orders:
    """The database, NiFi with its process group, and the S3 server."""

    database: postgres.Server
    nifi: nifi.Server
    group: str
    lake: s3.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One of each."""
        return {
            "warehouse": self.database.connection,
            "nifi": self.nifi.connection,
            "lake": self.lake.connection,
        }

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What may be asked by hand."""
        return [
            ("the database", self.database.uri),
            ("NiFi's API", f"{self.nifi.base_url}/nifi-api"),
            ("NiFi's user", self.nifi.user),
            ("its password", self.nifi.password),
        ]

    def start(self, api: AirflowApi) -> None:
        """Run the days; once more, when an Airflow that was kept has run them."""
        api.pause(PIPELINE, False)
        before = api.dag_runs(PIPELINE)
        for run in before:
            api.clear(PIPELINE, run.dag_run_id)
        done = {_label(run) for run in before}
        for day in DAYS:
            if str(day) not in done:
                api.trigger(PIPELINE, logical_date=datetime.combine(day, time(), timezone.utc))

    def problems(self, show: Screen) -> list[str]:
        """What arrived, and whether NiFi rests."""
        show.say()
        found = []
        for day in DAYS:
            prefix = f"orders/day={day}/"
            objects = _objects(self.lake, prefix)
            rows = sum(objects.values())
            show.say(
                f"{BUCKET}/{prefix}: {counted(len(objects), 'object')}, {counted(rows, 'row')}"
            )
            if rows != ROWS_A_DAY:
                found.append(f"{rows:,} rows of {day} arrived, not {ROWS_A_DAY:,}")
        if running := self._running():
            found.append(f"{running} components of NiFi's group {_GROUP} still run")
        else:
            show.say(f"NiFi's group {_GROUP} is stopped")
        return found

    def _running(self) -> int:
        with flows.rest(self.nifi) as api:
            answer = api.get(f"/process-groups/{self.group}")
            answer.raise_for_status()
            return int(answer.json()["runningCount"])


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Orders]:
    """A database with orders, an S3 server, and a NiFi that has the flow."""
    definition = project / _DEFINITION
    if not definition.is_file():
        raise FactoryError(f"{definition} is missing", "run the demo in a checkout")
    with (
        postgres.running(
            home / "postgres", log=home / "postgres.log", cancelled=stop.received
        ) as database,
        s3.running(home / "s3", cancelled=stop.received) as lake,
    ):
        with psycopg.connect(database.uri) as connection:
            connection.execute(_FILL)
        show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
        rows = len(DAYS) * ROWS_A_DAY
        show.say(f"{_TABLE} has {rows:,} orders of {len(DAYS)} days", since=True)
        target = lake.create_bucket(BUCKET, anyone_may_write=True)
        show.say(f"the S3 server is ready on {lake.endpoint}", since=True)
        stop.obey()
        if not assemble.is_at_hand():
            whole = size(assemble.DOWNLOAD)
            with show.waiting(
                f"NiFi's parts are downloaded, this first time: {whole}",
                lambda: f"({size(assemble.downloaded())} of {whole})",
            ):
                assemble.distribution(cancelled=stop.received)
        shutil.rmtree(home / "nifi", ignore_errors=True)
        with ExitStack() as running:
            with show.waiting("NiFi starts, which takes 10 to 60 seconds"):
                server = running.enter_context(nifi.running(home / "nifi", cancelled=stop.received))
            group = flows.install(
                server, definition, _GROUP, parameters=_parameters(database, server, target)
            )
            show.say(f"NiFi is ready on {server.base_url}, with the group {_GROUP}", since=True)
            stop.obey()
            yield Orders(database, server, group, lake)


def _parameters(database: postgres.Server, server: nifi.Server, target: str) -> dict[str, str]:
    """What the flow has in NiFi; the day comes from Airflow."""
    return {
        "table": _TABLE,
        "target": f"{target}/orders",
        "jdbc_url": f"jdbc:postgresql://{database.host}:{database.port}/{database.database}",
        "jdbc_user": database.user,
        "jdbc_password": "not looked at",
        "jdbc_driver": str(server.driver),
    }


def _label(run: DagRun) -> str:
    return f"{run.logical_date or run.run_after:%Y-%m-%d}"


def _objects(lake: s3.Server, prefix: str) -> dict[str, int]:
    """The rows of each object."""
    client = lake.client()
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return {one["Key"]: _rows(client.get_object(Bucket=BUCKET, Key=one["Key"])) for one in found}


def _rows(answer: Mapping[str, Any]) -> int:
    text = answer["Body"].read().decode("utf-8")
    return sum(1 for _ in csv.DictReader(io.StringIO(text, newline="")))


EXAMPLE = Example(PIPELINE, len(DAYS), _label, services)
