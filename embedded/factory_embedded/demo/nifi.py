"""The demo's second example: tables of PostgreSQL and MariaDB through Apache NiFi into S3.

NiFi and the S3 server begin anew each time; the tables are written anew.
"""

from __future__ import annotations

import csv
import io
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from factory.amounts import counted, size
from factory.errors import FactoryError
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo.days import DAYS, day_of, run_days
from factory_embedded.demo.example import Example
from factory_embedded.demo.screen import Screen
from factory_embedded.service import Connection, never
from factory_embedded.services import mariadb, postgres, s3
from factory_embedded.services.nifi import assemble, flows
from factory_embedded.services.nifi import server as nifi
from factory_embedded.stop import Stop

PIPELINE = "orders_to_s3"
ROWS_A_DAY = 25_000
BUCKET = "lake"

_DEFINITION = Path("examples/nifi/table_to_s3.json")
_TABLE = "shop.orders"
_COLUMNS = f"""
    CREATE TABLE {_TABLE} (
        order_id bigint PRIMARY KEY,
        ordered_on date NOT NULL,
        customer varchar(40) NOT NULL,
        amount decimal(12, 2) NOT NULL,
        note text
    )
"""
_NOTE = 'leave it "at the door",\nplease'
_ROWS = len(DAYS) * ROWS_A_DAY
_READER = "reader"


@dataclass(frozen=True)
class Shop:
    """A database with a table of orders, which a process group of NiFi reads."""

    name: str
    connection: Connection
    jdbc: Mapping[str, str] = field(repr=False)
    """What the flow has of it in NiFi."""
    group: str = ""

    @property
    def folder(self) -> str:
        """Where its orders go, in the bucket."""
        return f"{self.name}/orders"


@dataclass(frozen=True)
class Orders:
    """The shops, NiFi with a process group for each, and the S3 server."""

    shops: Sequence[Shop]
    nifi: nifi.Server
    lake: s3.Server
    looks: Sequence[tuple[str, str]] = ()

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One of each."""
        shops = {f"shop_{shop.name}": shop.connection for shop in self.shops}
        return {**shops, "nifi": self.nifi.connection, "lake": self.lake.connection}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What may be asked by hand."""
        return [
            *self.looks,
            ("NiFi's API", f"{self.nifi.base_url}/nifi-api"),
            ("NiFi's user", self.nifi.user),
            ("its password", self.nifi.password),
        ]

    def start(self, api: AirflowApi) -> None:
        """A run of each day."""
        run_days(api, PIPELINE)

    def problems(self, show: Screen) -> list[str]:
        """What arrived, and whether NiFi rests."""
        show.say()
        return [told for shop in self.shops for told in self._problems_of(shop, show)]

    def _problems_of(self, shop: Shop, show: Screen) -> Iterator[str]:
        for day in DAYS:
            prefix = f"{shop.folder}/day={day}/"
            objects = _objects(self.lake, prefix)
            rows = sum(objects.values())
            show.say(
                f"{BUCKET}/{prefix}: {counted(len(objects), 'object')}, {counted(rows, 'row')}"
            )
            if rows != ROWS_A_DAY:
                yield f"{rows:,} rows of {day} of {shop.name} arrived, not {ROWS_A_DAY:,}"
        if running := self._running(shop):
            yield f"{running} components of NiFi's group {_group(shop)} still run"
        else:
            show.say(f"NiFi's group {_group(shop)} is stopped")

    def _running(self, shop: Shop) -> int:
        with flows.rest(self.nifi) as api:
            answer = api.get(f"/process-groups/{shop.group}")
            answer.raise_for_status()
            return int(answer.json()["runningCount"])


def _group(shop: Shop) -> str:
    return f"Orders of {shop.name}"


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Orders]:
    """Two databases with orders, an S3 server, and a NiFi that has the flow of each."""
    definition = project / _DEFINITION
    if not definition.is_file():
        raise FactoryError(f"{definition} is missing", "run the demo in a checkout")
    _download(show, stop)
    with (
        postgres.running(
            home / "postgres", log=home / "postgres.log", cancelled=stop.received
        ) as database,
        mariadb.running(
            home / "mariadb", log=home / "mariadb.log", cancelled=stop.received
        ) as other,
        s3.running(home / "s3", cancelled=stop.received) as lake,
    ):
        shops = [of_postgres(database), of_mariadb(other, stop.received)]
        show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
        show.say(f"MariaDB is ready on {other.host}:{other.port}", since=True)
        show.say(f"{_TABLE} of each has {_ROWS:,} orders of {len(DAYS)} days", since=True)
        target = lake.create_bucket(BUCKET, anyone_may_write=True)
        show.say(f"the S3 server is ready on {lake.endpoint}", since=True)
        stop.obey()
        shutil.rmtree(home / "nifi", ignore_errors=True)
        with ExitStack() as running:
            with show.waiting("NiFi starts, which takes 10 to 60 seconds"):
                server = running.enter_context(nifi.running(home / "nifi", cancelled=stop.received))
            shops = [_installed(shop, server, definition, target) for shop in shops]
            groups = " and ".join(map(_group, shops))
            show.say(f"NiFi is ready on {server.base_url}, with the groups {groups}", since=True)
            stop.obey()
            looks = [("PostgreSQL", database.uri), ("MariaDB", other.look)]
            yield Orders(shops, server, lake, looks)


def _download(show: Screen, stop: Stop) -> None:
    """What is not at hand."""
    if not assemble.is_at_hand():
        whole = size(assemble.DOWNLOAD)
        with show.waiting(
            f"NiFi's parts are downloaded, this first time: {whole}",
            lambda: f"({size(assemble.downloaded())} of {whole})",
        ):
            assemble.distribution(cancelled=stop.received)
    if not mariadb.is_at_hand():
        with show.waiting(f"MariaDB is downloaded, this first time: {size(mariadb.DOWNLOAD)}"):
            mariadb.distribution(stop.received)


def of_postgres(server: postgres.Server) -> Shop:
    """Write the table anew."""
    with psycopg.connect(server.uri) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS shop")
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}".encode())
        connection.execute(_COLUMNS.encode())
        connection.execute(
            f"INSERT INTO {_TABLE} SELECT n, date '{DAYS[0]}' + n % {len(DAYS)},"
            " 'customer ' || n % 997, n % 9973 / 100.0, CASE WHEN n % 3 = 0 THEN %s END"
            f" FROM generate_series(1, {_ROWS}) AS n".replace("% ", "%% ").encode(),
            [_NOTE],
        )
    jdbc = {
        "jdbc_url": f"jdbc:postgresql://{server.host}:{server.port}/{server.database}",
        "jdbc_user": server.user,
        "jdbc_password": "not looked at",
    }
    return Shop("postgres", server.connection, jdbc)


def of_mariadb(server: mariadb.Server, cancelled: Callable[[], bool] = never) -> Shop:
    """Write the table anew, with a user who may read it."""
    password = secrets.token_urlsafe()
    with server.connect(charset="utf8mb4") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4")
        cursor.execute(f"DROP TABLE IF EXISTS {_TABLE}")
        cursor.execute(_COLUMNS)
        cursor.execute(
            f"INSERT INTO {_TABLE} SELECT seq, date '{DAYS[0]}' + INTERVAL seq % {len(DAYS)} DAY,"
            " concat('customer ', seq % 997), seq % 9973 / 100, CASE WHEN seq % 3 = 0 THEN %s END"
            f" FROM seq_1_to_{_ROWS}".replace("% ", "%% "),
            [_NOTE],
        )
        cursor.execute(f"CREATE OR REPLACE USER {_READER} IDENTIFIED BY %s", [password])
        cursor.execute(f"GRANT SELECT ON {_TABLE} TO {_READER}")
    jdbc = {
        "jdbc_url": f"jdbc:mariadb://{server.host}:{server.port}/shop",
        "jdbc_user": _READER,
        "jdbc_password": password,
        "jdbc_driver": str(mariadb.driver(cancelled)),
        "jdbc_driver_class": "org.mariadb.jdbc.Driver",
    }
    return Shop("mysql", server.connection, jdbc)


def _installed(shop: Shop, server: nifi.Server, definition: Path, target: str) -> Shop:
    """With its process group; the day comes from Airflow."""
    where = {"table": _TABLE, "target": f"{target}/{shop.folder}"}
    parameters = {"jdbc_driver": str(server.driver), **shop.jdbc, **where}
    group = flows.install(server, definition, _group(shop), parameters=parameters)
    return replace(shop, group=group)


def _objects(lake: s3.Server, prefix: str) -> dict[str, int]:
    """The rows of each object."""
    client = lake.client()
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return {one["Key"]: _rows(client.get_object(Bucket=BUCKET, Key=one["Key"])) for one in found}


def _rows(answer: Mapping[str, Any]) -> int:
    text = answer["Body"].read().decode("utf-8")
    return sum(1 for _ in csv.DictReader(io.StringIO(text, newline="")))


EXAMPLE = Example(PIPELINE, len(DAYS), day_of, services)
