"""A project's own names in the schemas of its editors."""

from __future__ import annotations

import json
from pathlib import Path

from factory.plan.kind import builtin_names
from factory.review import own_kinds, schema_files

DEFAULTS = """\
version: 1
kinds:
  clean: {uses: sql, with: {conn_id: warehouse}}
  clean_all: {uses: clean}
  sql: {conn_id: warehouse}
"""
PIPELINE = """\
version: 1
kinds: {glue_job: {uses: airflow.providers.amazon.aws.operators.glue.GlueJobOperator}}
tasks: [{id: a, uses: clean_all, with: {sql: SELECT 1}}]
"""
OVERRIDE = "override: {kinds: {only_here: {uses: bash}, clean: {retries: 3}}}"


def project(root: Path) -> Path:
    (root / "environments").mkdir(parents=True)
    (root / "_defaults.yaml").write_text(DEFAULTS)
    (root / "spec.yaml").write_text(PIPELINE)
    (root / "broken.yaml").write_text("kinds: {")
    (root / "environments" / "prod.yaml").write_text(OVERRIDE)
    return root


def test_names_of_all_files_and_what_they_mean(tmp_path: Path) -> None:
    assert own_kinds.of(project(tmp_path / "configs")) == {
        "clean": "sql",
        "clean_all": "sql",
        "glue_job": "airflow.providers.amazon.aws.operators.glue.GlueJobOperator",
        "only_here": "bash",
    }


def test_a_project_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert own_kinds.of(tmp_path / "configs") == {}


def test_an_editor_completes_them_with_the_arguments_of_their_kind(tmp_path: Path) -> None:
    found = schema_files.pipeline(sorted(builtin_names()), own_kinds.of(project(tmp_path / "c")))
    task = found["$defs"]["WrittenTaskItem"]
    words = [option.get("const") for option in task["properties"]["uses"]["anyOf"]]
    assert {"clean", "clean_all", "glue_job", "only_here"} <= set(words)
    assert _arguments(task, "clean_all") == _arguments(task, "sql")
    assert _arguments(task, "glue_job") is None


def _arguments(task: dict[str, object], name: str) -> object:
    branches = json.loads(json.dumps(task["allOf"]))
    found = [b["then"] for b in branches if b["if"].get("properties") == {"uses": {"const": name}}]
    return found[0] if found else None


def test_they_are_written_and_compared(tmp_path: Path) -> None:
    made = own_kinds.OfProject(project(tmp_path / "configs"))
    made.write(tmp_path / "schemas")
    assert made.stale(tmp_path / "schemas") == []
    (tmp_path / "configs" / "spec.yaml").write_text("tasks: [{id: a, run: ls}]")
    layers = ["defaults.schema.json", "environment.schema.json"]
    files = [*layers, "kind.schema.json", "pipeline.schema.json"]
    assert sorted(made.stale(tmp_path / "schemas")) == files
