"""What a person is told of a failed task, by what its plan knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.cli.failure import example_address
from factory.in_airflow.failure import step_lines
from factory.project import Project

SPEC = """\
version: 1
tasks:
  - id: call
    uses: http
    with: {conn_id: api}
  - id: lake
    uses: nifi
    with: {conn_id: nifi, group: Lake}
  - id: query
    uses: sql
    with: {conn_id: warehouse, sql: SELECT 1}
  - id: other
    uses: some.Operator
    with: {http_conn_id: theirs}
  - id: out
    uses: delete
    with: {path: s3://lake@bucket/tmp/, max_objects: 5}
"""


@pytest.mark.parametrize(
    ("task", "conn_id", "address"),
    [
        ("call", "api", "http://login:password@host:80"),
        ("lake.start", "nifi", "nifi://login:password@host"),
        ("query", "warehouse", "postgres://login:password@host:5432/database"),
        ("other", "theirs", "http://login:password@host:80"),
        ("out", "lake", "aws://access_key:secret_key@/?region_name=eu-west-1"),
    ],
)
def test_an_address_is_of_the_type_that_is_taken(
    tmp_path: Path, task: str, conn_id: str, address: str
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert example_address(Project(tmp_path, "dev").plan("spec"), task, conn_id) == address


@pytest.mark.parametrize(("task", "line"), [("call", 3), ("lake.wait", 6), ("query[2]", 9)])
def test_the_line_of_a_tasks_step(tmp_path: Path, task: str, line: int) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    plan, resolved = Project(tmp_path, "dev").planned("spec")
    assert [one for _, one in step_lines(resolved, plan, task)] == [line]
