"""Values in files of their own: `{$file: _steps.yaml}`."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.cli.main import main
from factory.lint.lint import lint_project
from factory.project import Project
from factory.review import origins
from factory.spec import positions
from factory.spec.parts import read_whole
from factory.spec.text import MAX_BYTES

Write = Callable[[str, str], Path]
SPEC = """version: 1
vars: {size: 3}
tasks:
  - id: a
    uses: acme.Operator
    with:
      steps: {$file: _steps.yaml}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.delenv("FACTORY_ENV", raising=False)

    def write(name: str, text: str) -> Path:
        file = tmp_path / "dag_factory_configs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def found(root: Path) -> list[str]:
    report = lint_project(Project(root))
    entries = [finding.diagnostic for finding in report.findings]
    return [f"{e.code} {e.file.partition('/')[2]}:{e.line}:{e.column}" for e in entries]


TEXT = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), max_size=8
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JSON, min_size=1, max_size=3))
def test_what_a_json_file_holds_is_the_value(write: Write, value: list[Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    path = write("p.yaml", "version: 1\nvars: {x: {$file: x.json}}\n")
    write("x.json", text)
    assert read_whole(path, "p.yaml").value["vars"]["x"] == value


def test_a_value_comes_from_the_line_of_its_file(write: Write) -> None:
    write("_steps.yaml", "- name: one\n- name: two\n  size: ${vars.size}\n")
    root = write("p.yaml", SPEC).parent
    (resolved,) = Project(root).resolved(root / "p.yaml")
    values = {value.path: value for value in origins.values(resolved)}
    size = values["tasks.a.with.steps[1].size"]
    assert (size.value, size.file, size.line) == (3, "dag_factory_configs/_steps.yaml", 3)
    assert [(via.name, via.line) for via in size.via] == [("vars.size", 2)]
    assert found(root) == []  # the variable is read, the file is named


def test_a_layer_names_files_of_its_own_folder(write: Write) -> None:
    write("team/_defaults.yaml", "version: 1\nvars: {tables: {$file: tables.csv}}\n")
    write("team/tables.csv", "table,size\norders,3\nitems,x\n")
    root = write("team/deep/p.yaml", "version: 1\nmatrix: ${vars.tables}\n").parents[2]
    write("team/deep/p.yaml", "version: 1\nmatrix: ${vars.tables}\ntasks: [{id: a, run: ls}]\n")
    assert [plan.dag_id for o in Project(root).outcomes() for plan in o.plans] == [
        "p__orders",
        "p__items",
    ]


def test_a_file_that_nothing_names(write: Write) -> None:
    root = write("good.yaml", "version: 1\ntasks: [{id: a, run: ls}]\n").parent
    write("_steps.yaml", "- 1\n")
    assert found(root) == ["unused-file _steps.yaml:1:1"]
    write("broken.yaml", SPEC.replace("steps:", "steps: ["))
    assert [entry for entry in found(root) if "unused" in entry] == []


def test_a_file_that_is_too_large(write: Write) -> None:
    write("_steps.yaml", "a" * (MAX_BYTES + 1))
    root = write("p.yaml", SPEC).parent
    assert found(root) == ["too-large _steps.yaml:1:1"]


def test_files_that_are_named_too_often(write: Write) -> None:
    write("_big.yaml", "[" + "1, " * 50_000 + "]")
    names = "".join("  - {$file: _big.yaml}\n" for _ in range(1000))
    text = f"version: 1\nvars:\n  x:\n{names}tasks: [{{id: a, run: ls}}]\n"
    root = write("p.yaml", text).parent
    assert found(root) == ["too-large p.yaml:23:5"]


def test_a_link_out_of_the_project_is_not_read(write: Write, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/shadow").write_text("- SECRET123\n")
    root = write("p.yaml", SPEC).parent
    os.symlink("/etc/hostname", root / "_steps.yaml")
    assert found(root) == ["link-outside p.yaml:7:22"]


def test_a_secret_in_a_file_is_found_and_shown_nowhere(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("_steps.yaml", "- {name: '${vars.size}', password: hunter2}\n")
    root = write("p.yaml", SPEC).parent
    assert found(root) == ["secret _steps.yaml:1:26"]
    monkeypatch.chdir(root)
    for command in ("render", "explain"):
        main([command, "p"])
        assert "hunter2" not in capsys.readouterr().out


def test_rows_stand_at_their_lines(write: Write) -> None:
    text = 'table,key\n\n"or\nders",id\ncustomers,email\n'
    path = write("tables.csv", text)
    place = positions.of(path.name, text)
    assert [child.line for child in place.children.values()] == [4, 5]
