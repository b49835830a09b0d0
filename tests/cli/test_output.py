"""What people see, word for word. FACTORY_WRITE_CASES=1 writes the files of `expected/` anew."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Cli

EXPECTED = Path(__file__).parent / "expected"

CASES = {
    "overview": ("shop", 0, ""),
    "lint_fine": ("shop", 0, "lint"),
    "lint_all_envs": ("shop", 0, "lint --all-envs"),
    "lint_mixed": ("mixed", 1, "lint"),
    "lint_shared_layer": ("broken", 1, "lint"),
    "lint_json": ("broken", 1, "lint --format json"),
    "lint_github": ("mixed", 1, "lint --format github"),
    "lint_junit": ("mixed", 1, "lint --format junit"),
    "lint_unknown_format": ("mixed", 2, "lint --format sarf"),
    "lint_explain": ("shop", 0, "lint --explain unknown-placeholder"),
    "lint_explain_unknown": ("shop", 2, "lint --explain unknown-placholder"),
    "lint_one": ("mixed", 1, "lint dag_factory_configs/typos.yaml"),
    "lint_colours": ("mixed", 1, "lint --color always dag_factory_configs/tab.yaml"),
    "render_tree": ("shop", 0, "render orders_daily"),
    "render_group": ("shop", 0, "render orders_load"),
    "render_matrix": ("shop", 0, "render dag_factory_configs/orders/tables.yaml"),
    "render_json": ("shop", 0, "render tables__items --format json --env prod"),
    "render_broken": ("mixed", 1, "render tab"),
    "explain": ("shop", 0, "explain orders_daily"),
    "explain_prod": ("shop", 0, "explain orders_daily tasks.count --env prod"),
    "explain_one": ("shop", 0, "explain orders_daily tasks[2].with.command"),
    "explain_json": ("shop", 0, "explain orders_daily tasks.count.with.sql --format json"),
    "verify_unknown_warehouse": ("shop", 2, "verify postgress --conn-id warehouse"),
    "verify_no_option": ("shop", 2, "verify postgres --conn-id warehouse --option via"),
    "new_list": ("shop", 0, "new --list"),
    "unknown_command": ("shop", 2, "lnt"),
    "file_as_command": ("shop", 2, "dag_factory_configs/orders/tables.yaml"),
    "unknown_option": ("shop", 2, "lint --formt json"),
    "unknown_dag": ("shop", 2, "render order_daily"),
    "unknown_matrix_value": ("shop", 2, "render tables__item"),
    "several_dags": ("shop", 2, "explain tables"),
    "unknown_environment": ("shop", 2, "lint --env prd"),
    "unknown_path": ("shop", 2, "explain orders_daily tasks.count.retires"),
    "unknown_step": ("shop", 2, "explain orders_daily tasks.cuont.pool"),
    "unset_path": ("shop", 0, "explain orders_daily tasks.count.pool"),
    "folder_as_dag": ("shop", 2, "render dag_factory_configs/orders"),
    "layer_as_dag": ("shop", 2, "render dag_factory_configs/_defaults.yaml"),
    "no_dag": ("shop", 2, "render"),
    "no_such_file": ("shop", 2, "lint dag_factory_configs/nothing.yaml"),
    "not_a_pipeline": ("shop", 2, "lint dag_factory_configs/orders/clean.py"),
    "unknown_task": ("shop", 2, "run orders_daily --task coutn"),
    "bad_date": ("shop", 2, "run orders_daily --date yesterday"),
    "early_date": ("shop", 2, "run orders_daily --date 2023-12-31"),
    "new_unknown_kind": ("shop", 2, "new sqll report"),
    "new_bad_name": ("shop", 2, "new bash orders__daily"),
    "new_taken_name": ("shop", 2, "new bash orders_daily --folder other"),
    "new_environment": ("shop", 2, "new bash test --folder environments"),
    "new_outside": ("shop", 2, "new bash ../../out"),
    "new_nothing": ("shop", 2, "new bash"),
}


@pytest.mark.parametrize("name", CASES)
def test_output(name: str, enter: Callable[[str], Path], cli: Cli) -> None:
    project, code, line = CASES[name]
    folder = enter(project)
    result = cli(*line.split())
    text = result.out + result.err
    text = text.replace(str(folder), "PROJECT")
    file = EXPECTED / f"{name}.txt"
    if os.environ.get("FACTORY_WRITE_CASES"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert result.code == code


def test_nothing_is_left_over() -> None:
    assert {path.stem for path in EXPECTED.iterdir()} == set(CASES)
