"""`factory new`: what it writes lints clean."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.plan import kind as kinds
from factory.project import Project
from factory.review import schema_files
from factory.spec.read import read

from .conftest import Cli

OPERATOR = "airflow.providers.standard.operators.bash.BashOperator"


@pytest.mark.parametrize("kind", [*kinds.builtin_names(), OPERATOR])
def test_what_it_writes_lints_clean(
    kind: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "dag_factory_configs"
    root.mkdir()
    monkeypatch.chdir(tmp_path)
    schema_files.write(tmp_path / "schemas")
    assert cli("new", "bash", "first").code == 0
    result = cli("new", kind, "hello", "--folder", "team/etl")
    assert result.err == ""
    assert "wrote dag_factory_configs/team/etl/hello.yaml\n" in result.out
    first = (root / "team" / "etl" / "hello.yaml").read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (root / "team" / "etl" / schema).resolve() == tmp_path / "schemas/pipeline.schema.json"
    assert cli("lint", "--strict").out == "2 pipelines fine in the environment dev\n"


def test_layers_give_what_they_give(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    assert cli("new", "sql", "orders/report").code == 0
    text = (folder / "dag_factory_configs" / "orders" / "report.yaml").read_text()
    assert "conn_id: " not in text.replace("#", "")
    plan = Project(folder / "dag_factory_configs").plan("report")
    assert plan.tasks[0].arguments["conn_id"] == "warehouse"


def test_nothing_is_overwritten(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    mine = folder / "dag_factory_configs" / "orders" / "hello.py"
    mine.write_text("mine = True\n")
    result = cli("new", "python", "hello", "--folder", "orders")
    assert result.code == 2
    assert "hello.py is there already" in result.err
    assert mine.read_text() == "mine = True\n"
    assert not mine.with_suffix(".yaml").exists()


def test_a_broken_layer_is_told(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("broken")
    result = cli("new", "bash", "hello")
    assert result.code == 1
    assert "_defaults.yaml:4:12: error[type]" in result.err
    assert not (folder / "dag_factory_configs" / "hello.yaml").exists()


@pytest.fixture
def project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert cli("init").code == 0
    return tmp_path


def task(project: Path, name: str) -> dict[str, Any]:
    """What `factory new` wrote below `with` of the one task."""
    document = read(project / f"dag_factory_configs/{name}.yaml", name)
    found: dict[str, Any] = document.value["tasks"][0]["with"]
    return found


def test_names_and_tables_are_those_of_the_project(project: Path, cli: Cli) -> None:
    assert cli("new", "sql", "first").code == 0
    assert task(project, "first") == {"sql": "SELECT 1"}
    assert cli("new", "ingest", "Orders-2024").code == 0
    made = task(project, "Orders-2024")
    assert made["target"] == {"table": "raw.orders_2024"}
    assert made["source"]["path"].startswith("file:///data/Orders-2024/")
    assert cli("new", "check", "look").code == 0
    assert task(project, "look")["table"] == "raw.orders_2024"
    assert cli("new", "sql", "count").code == 0
    assert task(project, "count") == {"sql": "SELECT count(*) FROM raw.orders_2024"}
    assert cli("lint", "--strict").code == 0


def test_a_schema_is_named_only_where_there_is_one(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dag_factory_configs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "`factory schema` writes them" in cli("new", "bash", "hello").out
    text = (tmp_path / "dag_factory_configs/hello.yaml").read_text()
    assert text.startswith("version: 1\n")
    cli("schema")
    assert "schema" not in cli("new", "bash", "other").out


def test_from_a_file_come_its_path_format_and_columns(project: Path, cli: Cli) -> None:
    file = project / "orders of today.csv"
    file.write_text("id;yes;unit price;a: b\n1;x;2,50;y\n")
    result = cli("new", "ingest", "orders", "--from", file.name)
    assert (result.code, result.err) == (0, "")
    made = task(project, "orders")
    assert made["source"]["path"] == f"file://{file}"
    assert made["source"]["format"]["delimiter"] == ";"
    assert list(made["source"]["format"]["columns"]) == ["id", "yes", "unit_price", "a_b"]
    assert made["write"] == {"mode": "replace"}
    assert cli("lint", "--strict").code == 0


def test_what_is_unsure_of_a_file_is_told(project: Path, cli: Cli) -> None:
    (project / "codes.csv").write_text("code,n\n007,1\n008,2\n")
    result = cli("new", "ingest", "codes", "--from", "codes.csv")
    assert "unsure: code: " in result.out
    text = (project / "dag_factory_configs/codes.yaml").read_text()
    assert (
        "            code: text  # digits with zeros in front: a number would lose them\n" in text
    )
    assert "            n: bigint\n" in text
    assert cli("lint", "--strict").code == 0


@pytest.mark.parametrize(
    ("kind", "file", "said"),
    [
        ("sql", "orders.csv", "the kind 'sql' reads no file"),
        ("ingest", "nothing.csv", "there is no file nothing.csv"),
    ],
)
def test_no_file_for_a_pipeline_that_takes_none(
    kind: str, file: str, said: str, project: Path, cli: Cli
) -> None:
    (project / "orders.csv").write_text("id\n1\n")
    result = cli("new", kind, "orders", "--from", file)
    assert result.code == 2
    assert said in result.err
    assert not (project / "dag_factory_configs/orders.yaml").exists()
