"""What a `sql` step becomes, and what lint tells of it."""

from pathlib import Path

import msgspec
import pytest

from factory.kinds import sql
from factory.plan.kind import Step
from factory.spec.beside import missing


def step(text: str) -> Step:
    given = msgspec.convert({"conn_id": "warehouse", "sql": text}, sql.Arguments)
    return Step(id="x", uses="sql", arguments=given, dag_id="d")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("reprot.sql", "there is no file 'reprot.sql' beside this one", "did you mean 'report.sql"),
        ("../report.sql", "the file '../report.sql' is outside of the folder of this spec", ""),
        ("{{ ds }}.sql", "the name of a SQL file cannot be a template", "use a template inside"),
    ],
)
def test_a_file_that_is_not_there(tmp_path: Path, name: str, message: str, hint: str) -> None:
    (tmp_path / "report.sql").touch()
    if " " in name:
        name = name.replace(" ", "")
    (problem,) = sql.inspect(step(name), tmp_path)
    assert (problem.path, problem.message) == (("sql",), message)
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    "text", ["report.sql", "sub/more.sql", "SELECT 1", "SELECT 1 -- see old.sql"]
)
def test_nothing_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.sql").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.sql").touch()
    assert list(sql.inspect(step(text), tmp_path)) == []


def test_text_that_ends_like_a_file_is_kept_from_airflow() -> None:
    (task,) = sql.compile(step("SELECT 1 -- see old.sql")).tasks
    assert task.arguments["sql"] == "SELECT 1 -- see old.sql "
    (task,) = sql.compile(step("report.sql")).tasks
    assert task.arguments["sql"] == "report.sql"


def test_rows_stay_where_they_are_unless_asked_for() -> None:
    (task,) = sql.compile(step("SELECT 1")).tasks
    assert task.arguments["do_xcom_push"] is False
    assert task.arguments["parameters"] is None


def test_a_file_whose_name_only_looks_the_same(tmp_path: Path) -> None:
    (tmp_path / "gro\u0308\u00dfe.sql").touch()
    problem = missing("gr\u00f6\u00dfe.sql", tmp_path)
    assert problem is not None
    assert problem.hint == "did you mean 'gro\\u0308\\xdfe.sql', which looks the same?"
