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
