"""`factory new`: what it writes lints clean."""

from collections.abc import Callable
from pathlib import Path

import pytest

from factory.plan import kind as kinds
from factory.project import Project

from .conftest import Cli

OPERATOR = "airflow.providers.standard.operators.bash.BashOperator"


@pytest.mark.parametrize("kind", [*kinds.builtin_names(), OPERATOR])
def test_what_it_writes_lints_clean(
    kind: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "dag_factory_configs"
    root.mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli("new", "bash", "first").code == 0
    result = cli("new", kind, "hello", "--folder", "team/etl")
    assert result.err == ""
    assert "wrote dag_factory_configs/team/etl/hello.yaml\n" in result.out
    first = (root / "team" / "etl" / "hello.yaml").read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (root / "team" / "etl" / schema).resolve() == tmp_path / "schemas/pipeline.schema.json"
    assert cli("lint", "--strict").out == "2 pipelines fine\n"


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
