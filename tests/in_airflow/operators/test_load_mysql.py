"""An `ingest` into MariaDB of what falls into a folder."""

import json
from pathlib import Path

import pytest

from factory_embedded.services import mariadb

from ..pipelines import Pipelines

SPEC = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: "{folder}/*.csv", format: csv, only_new: true}}
      target: {{type: mysql, conn_id: till, table: {table}}}
      write: {write}
"""


@pytest.mark.parametrize("write", ["{mode: append}", "{mode: merge, key: [id]}"])
@pytest.mark.parametrize("table", ["orders", "OWN.orders"])
def test_each_file_is_loaded_once(
    pipelines: Pipelines, real_mariadb: mariadb.Server, tmp_path: Path, write: str, table: str
) -> None:
    own = f"s{abs(hash((write, table)))}"
    pipelines.connect("till", **{**json.loads(real_mariadb.connection.json), "schema": own})
    spec = SPEC.format(folder=tmp_path.as_uri(), table=table.replace("OWN", own), write=write)
    pipelines.write("shop.yaml", spec)
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {own}")
        for number in range(1, 4):
            (tmp_path / f"{number}.csv").write_text(f"id\n{number}\n")
            run = pipelines.run("shop")
            assert run.state == "success", run.log
            assert f"1 of {number} file" in run.log
        run = pipelines.run("shop")
        assert run.states["orders.load"] == "skipped"
        cursor.execute(f"SELECT id FROM {own}.orders ORDER BY 1")
        assert cursor.fetchall() == ((1,), (2,), (3,))
        cursor.execute(f"DROP DATABASE {own}")


CHECKED = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: "{file}", format: csv}}
      target: {{type: mysql, conn_id: till, table: orders}}
      write: {{mode: replace}}
      checks: [{{type: sql, query: "SELECT count(*) = 0 FROM marks"}}]
"""


def test_a_repeated_load_whose_check_fails_tells_what_it_had_published(
    pipelines: Pipelines, real_mariadb: mariadb.Server, tmp_path: Path
) -> None:
    own = f"s{abs(hash(str(tmp_path)))}"
    pipelines.connect("till", **{**json.loads(real_mariadb.connection.json), "schema": own})
    file = tmp_path / "1.csv"
    file.write_text("id\n1\n2\n")
    pipelines.write("shop.yaml", CHECKED.format(file=file.as_uri()))
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {own}")
        cursor.execute(f"CREATE TABLE {own}.marks (id int)")
        run = pipelines.run("shop")
        assert run.state == "success", run.log
        cursor.execute(f"INSERT INTO {own}.marks VALUES (1)")
        connection.commit()
        pipelines.again(run, "orders.to_parquet")
        again = pipelines.again(run, "orders.load")
        cursor.execute(f"DROP DATABASE {own}")
    said = "nothing was published now: the target is as it was before, and this load had published"
    assert f"{said} there: 2 rows at 20" in again.log
