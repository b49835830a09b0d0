"""Where values come from, also those that a file beside the spec asks for."""

from pathlib import Path

from factory.project import Project
from factory.review import origins


def test_the_vars_that_a_file_reads_are_told_where_it_is_named(tmp_path: Path) -> None:
    root = tmp_path / "configs"
    (root / "team").mkdir(parents=True)
    (root / "_defaults.yaml").write_text("version: 1\nvars:\n  schema: marts\n")
    step = "{id: a, uses: sql, with: {conn_id: w, sql: q.sql}}"
    (root / "team" / "x.yaml").write_text(f"version: 1\ntasks:\n  - {step}\n")
    (root / "team" / "q.sql").write_text("SELECT * FROM ${vars.schema}.x -- in ${environment}")
    (spec,) = Project(root, "dev").resolved(root / "team" / "x.yaml")
    (value,) = origins.select(origins.values(spec), "tasks.a.with.sql")
    assert (value.value, value.line) == ("q.sql", 3)
    assert value.via == (origins.Via("vars.schema", "configs/_defaults.yaml", 3),)


def test_defaults_of_both_ends_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        """version: 1
tasks:
  - id: a
    uses: ingest
    with:
      source: {type: postgres, conn_id: shop, query: SELECT 1 AS a}
      target: {type: postgres, conn_id: w, table: raw.x}
      write: {mode: replace}
"""
    )
    (spec,) = Project(tmp_path, "dev").resolved(tmp_path / "x.yaml")
    found = {value.path: value for value in origins.values(spec)}
    for path, default in (
        ("tasks.a.with.source.statement_timeout", "1h"),
        ("tasks.a.with.target.lock_timeout", "10m"),
        ("vars", {}),
    ):
        assert (found[path].value, found[path].file) == (default, "")
    assert found["tasks.a.with.target.type"].line == 7


def test_values_of_a_kind_of_ones_own_lead_to_its_file_and_to_the_call(tmp_path: Path) -> None:
    (tmp_path / "_kinds").mkdir()
    (tmp_path / "_kinds/inner.yaml").write_text(
        """version: 1
params:
  table: {type: string}
  mode: replace
tasks:
  - id: run
    run: echo ${params.table}
    with: {env: {MODE: "${params.mode}"}}
"""
    )
    (tmp_path / "_kinds/outer.yaml").write_text(
        """version: 1
params: {name: {type: string}}
defaults: {retries: 1, pool: inner}
tasks:
  - {id: in, uses: inner, with: {table: "raw.${params.name}"}}
"""
    )
    (tmp_path / "x.yaml").write_text(
        """version: 1
kinds:
  mine: {uses: outer, with: {name: orders}, queue: own}
defaults: {execution_timeout: 1h}
tasks:
  - id: a
    uses: mine
    retries: 4
"""
    )
    (spec,) = Project(tmp_path, "dev").resolved(tmp_path / "x.yaml")
    found = {value.path.removeprefix("tasks.a.in.run."): value for value in origins.values(spec)}
    name = tmp_path.name

    def via(path: str) -> list[tuple[str, str, int]]:
        return [(one.name, one.file.removeprefix(f"{name}/"), one.line) for one in found[path].via]

    assert found["with.command"].value == "echo raw.orders"
    assert via("with.command") == [
        ("params.table", "_kinds/outer.yaml", 5),
        ("params.name", "x.yaml", 3),
    ]
    assert via("with.env.MODE") == [("params.mode", "_kinds/inner.yaml", 4)]
    for path, file, line in (
        ("retries", "x.yaml", 8),
        ("pool", "_kinds/outer.yaml", 3),
        ("queue", "x.yaml", 3),
        ("execution_timeout", "x.yaml", 4),
    ):
        assert (found[path].file.removeprefix(f"{name}/"), found[path].line) == (file, line)
