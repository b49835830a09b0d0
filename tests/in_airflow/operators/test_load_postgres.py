"""What only the load of an `ingest` may be told."""

from pathlib import Path

import psycopg
import pytest

from factory.transfer.warehouse.interval import HOW_TO
from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
schedule: {schedule}
tasks:
  - id: trips
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv}}
      target: {{type: postgres, conn_id: warehouse, table: {table}, {target}}}
      write: {write}
"""


class Trips:
    """A file, a table, and what loads the one into the other."""

    def __init__(self, pipelines: Pipelines, server: Server, folder: Path, table: str) -> None:
        self.pipelines = pipelines
        self.server = server
        self.file = folder / "trips.csv"
        self.table = table
        pipelines.connect_postgres("warehouse", server)

    def run(self, write: str, target: str = "lock_timeout: 5s", schedule: str = "'@daily'") -> Run:
        self.pipelines.write(
            "taxi.yaml",
            SPEC.format(
                path=self.file.as_uri(),
                table=self.table,
                write=write,
                target=target,
                schedule=schedule,
            ),
        )
        return self.pipelines.run("taxi")

    def query(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.server.uri, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def trips(
    pipelines: Pipelines, postgres: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Trips:
    table = f"t{abs(hash(request.node.name)) % 10**9}"
    return Trips(pipelines, postgres, tmp_path, table)


MONTH = (
    "start: \"{{ logical_date.start_of('month').date() }}\", "
    "end: \"{{ logical_date.start_of('month').add(months=1).date() }}\""
)


def interval(options: str) -> str:
    """The mode, with these bounds."""
    return f"{{mode: partition, column: day, {options}}}"


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ('start: "{{ ds }}", end: "{{ macros.ds_add(ds, 1) }}"', ["2024-01-02"]),
        (MONTH, ["2024-01-01", "2024-01-31"]),
        ('start: "{{ ds }}", end: "{{ macros.ds_add(ds, 2) }}", outside: drop', ["2024-01-02"]),
    ],
)
def test_the_interval_that_is_written(trips: Trips, options: str, days: list[str]) -> None:
    more = "2024-02-01\n" if "drop" in options else ""
    trips.file.write_text("day\n" + "\n".join(days) + "\n" + more)
    for _ in range(2):
        run = trips.run(interval(options))
        assert run.state == "success", run.log
        assert trips.query(f"SELECT day::text FROM {trips.table} ORDER BY 1") == [
            (day,) for day in days
        ]
    assert run.xcom("trips.load")["dropped"] == bool(more)


def test_an_interval_of_no_width_says_what_to_write(trips: Trips) -> None:
    trips.file.write_text("day\n2024-01-02\n")
    run = trips.run("{mode: partition, column: day}", schedule="null")
    assert run.states["trips.load"] == "failed"
    assert "data interval" in run.log
    assert HOW_TO in run.log


def test_what_a_new_table_has(trips: Trips) -> None:
    trips.file.write_text("id,day\n1,2024-01-02\n")
    run = trips.run("{mode: append}", "primary_key: [id], indexes: [[day], [day, id]]")
    assert run.state == "success"
    found = trips.query(f"SELECT indexname FROM pg_indexes WHERE tablename = '{trips.table}'")
    assert {name for (name,) in found} == {
        f"{trips.table}{end}" for end in ("_pkey", "_day_idx", "_day_id_idx")
    }
    trips.file.write_text("id,day,more\n2,2024-01-03,x\n")
    assert trips.run("{mode: merge, key: [id]}").state == "failed"
    run = trips.run("{mode: merge, key: [id]}", "on_schema_change: add_columns")
    assert run.state == "success"
    assert trips.query(f"SELECT id, more FROM {trips.table} ORDER BY 1") == [(1, None), (2, "x")]


def test_the_table_s_owner_may_set_how_long_to_wait(trips: Trips) -> None:
    trips.file.write_text("id\n1\n")
    assert trips.run("{mode: replace}").state == "success"
    with psycopg.connect(trips.server.uri) as reader:
        reader.execute(f"SELECT * FROM {trips.table}".encode())
        run = trips.run("{mode: replace}", "lock_timeout: 0.5s, statement_timeout: 60s")
    assert run.states["trips.load"] == "failed"
    assert "was not free within the lock_timeout of 0.5 s" in run.log


def test_a_text_is_the_same_in_a_database_of_another_encoding(
    trips: Trips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the worker and the connection say of the client's encoding."""
    database = f"latin1_{trips.table}"
    with psycopg.connect(trips.server.uri, autocommit=True) as connection:
        create = f"CREATE DATABASE {database} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'"
        connection.execute(create.encode())
    trips.pipelines.connect_postgres(
        "warehouse", trips.server, schema=database, extra={"client_encoding": "LATIN1"}
    )
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    trips.file.write_text("id,name\n1,Müller\n")
    assert trips.run("{mode: replace}").state == "success"
    monkeypatch.undo()
    uri = trips.server.uri.rpartition("/")[0] + f"/{database}"
    with psycopg.connect(uri) as connection:
        found = connection.execute(f"SELECT name, length(name) FROM {trips.table}".encode())
        assert found.fetchall() == [("Müller", 6)]
