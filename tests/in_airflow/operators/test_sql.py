"""The `sql` kind, from YAML through a real Airflow into a real PostgreSQL."""

from typing import Any

import psycopg
import pytest

from factory import literals
from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
params: {{table: marks}}
tasks: [{{id: query, uses: sql, with: {{conn_id: warehouse, {more}}}}}]
"""


@pytest.fixture(autouse=True)
def database(pipelines: Pipelines, postgres: Server) -> None:
    pipelines.connect_postgres("warehouse", postgres)
    execute(postgres, "DROP TABLE IF EXISTS marks; CREATE TABLE marks (day date, n int)")


def execute(postgres: Server, sql: str) -> None:
    with psycopg.connect(postgres.uri) as connection:
        connection.execute(sql.encode())


def marks(postgres: Server) -> list[tuple[Any, ...]]:
    with psycopg.connect(postgres.uri) as connection:
        return connection.execute("SELECT day::text, n FROM marks ORDER BY n").fetchall()


def query(pipelines: Pipelines, more: str) -> Run:
    pipelines.write("team/query.yaml", SPEC.format(more=more))
    return pipelines.run("query")


def test_a_file_beside_the_spec_with_templates_and_bound_parameters(
    pipelines: Pipelines, postgres: Server
) -> None:
    pipelines.write(
        "team/sql/add.sql",
        "INSERT INTO {{ params.table }} VALUES (%(day)s, %(n)s);\n"
        "INSERT INTO {{ params.table }} VALUES (%(day)s, %(n)s + 1);\n",
    )
    run = query(pipelines, "sql: sql/add.sql, parameters: {day: '{{ ds }}', n: 7}")
    assert run.state == "success"
    assert marks(postgres) == [("2024-01-02", 7), ("2024-01-02", 8)]
    assert run.xcom("query") is None


def test_vars_in_a_file_are_filled_in_as_in_the_spec(
    pipelines: Pipelines, postgres: Server
) -> None:
    pipelines.write(
        "team/add.sql",
        "DO $${ BEGIN }$$ LANGUAGE none;".join(("-- ", "\n"))
        + "INSERT INTO ${vars.table} VALUES ('{{ ds }}', ${ matrix.n });\n"
        "INSERT INTO ${vars.table} VALUES ('{{ ds }}', length('${other} $${vars.table}'));\n",
    )
    step = "{id: query, matrix: {n: [3]}, uses: sql, with: {conn_id: warehouse, sql: add.sql}}"
    pipelines.write("team/query.yaml", f"version: 1\nvars: {{table: marks}}\ntasks: [{step}]\n")
    assert pipelines.run("query").state == "success"
    assert marks(postgres) == [("2024-01-02", 3), ("2024-01-02", len("${other} ${vars.table}"))]


def test_a_bound_value_is_never_sql(pipelines: Pipelines, postgres: Server) -> None:
    evil = "2024-01-01'); DROP TABLE marks; --"
    run = query(
        pipelines, f'sql: "INSERT INTO marks VALUES (%(day)s, 1)", parameters: {{day: "{evil}"}}'
    )
    assert run.state == "failed"
    assert marks(postgres) == []


@pytest.mark.parametrize(("percent", "state"), [("%", "failed"), ("%%", "success")])
def test_a_percent_sign_beside_parameters_is_written_twice(
    pipelines: Pipelines, percent: str, state: str
) -> None:
    text = f"SELECT count(*) FROM pg_tables WHERE tablename LIKE 'TN{percent}' AND %(x)s = 1"
    assert query(pipelines, f'sql: "{text}", parameters: {{x: 1}}').state == state
    assert (literals.lone_percent(text) is None) == (state == "success")


def test_statements_are_one_transaction(pipelines: Pipelines, postgres: Server) -> None:
    two = "\"INSERT INTO marks VALUES ('{{ ds }}', 1); SELECT 1 / 0\""
    assert query(pipelines, f"sql: {two}").state == "failed"
    assert marks(postgres) == []
    assert query(pipelines, f"sql: {two}, autocommit: true").state == "failed"
    assert marks(postgres) == [("2024-01-02", 1)]


def test_rows_are_handed_on_when_asked(pipelines: Pipelines) -> None:
    run = query(pipelines, "sql: 'SELECT 1; SELECT 2, %s', parameters: ['{{ ds }}'], output: true")
    assert run.state == "failed"  # each statement gets the parameters
    run = query(pipelines, "sql: 'SELECT 2, %s', parameters: ['{{ ds }}'], output: true")
    assert [list(row) for row in run.xcom("query")] == [[2, "2024-01-02"]]


def test_rows_that_cannot_be_handed_on_say_that_the_statements_are_done(
    pipelines: Pipelines, postgres: Server
) -> None:
    insert = "INSERT INTO marks VALUES (current_date, 1) RETURNING localtime"
    run = query(pipelines, f"sql: {insert!r}, output: true")
    assert run.state == "failed"
    assert "query failed: its output cannot be handed on: Cannot serialize object" in run.log
    assert "data: the work is done, its output alone is not kept" in run.log
    assert [n for _, n in marks(postgres)] == [1]


def test_text_that_ends_like_a_file_is_sql(pipelines: Pipelines, postgres: Server) -> None:
    run = query(pipelines, "sql: \"INSERT INTO marks VALUES ('{{ ds }}', 3) -- as in old.sql\"")
    assert run.state == "success"
    assert marks(postgres) == [("2024-01-02", 3)]


@pytest.mark.parametrize("name", ["none.sql", "../outside.sql"])
def test_a_file_that_is_not_there_fails(pipelines: Pipelines, name: str) -> None:
    pipelines.write("outside.sql", "SELECT 1")
    run = query(pipelines, f"sql: {name}")
    assert run.state == "failed"
    assert "TemplateNotFound" in run.log


def test_a_link_out_of_the_project_is_no_template(pipelines: Pipelines, postgres: Server) -> None:
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    other = pipelines.root.parents[1] / f"{pipelines.root.parent.name}-of-others.sql"
    other.write_text("SELECT 'SECRET123'")
    for sql in ("x.sql", "SELECT 1 {% include 'x.sql' %}"):
        spec = pipelines.write("query.yaml", SPEC.format(more=f'sql: "{sql}", output: true'))
        link = spec.with_name("x.sql")
        link.unlink(missing_ok=True)
        link.symlink_to(other)
        run = pipelines.run("query")
        assert (run.state, run.xcom("query")) == ("failed", None)
        assert "x.sql: this link leads out of the project" in run.log
        dag = pipelines.dag("query")
        dag.resolve_template_files()
        assert "SECRET123" not in run.log + str(LazyDeserializedDAG.from_dag(dag))
