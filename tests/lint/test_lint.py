"""Nothing that fails in lint hides what else is found, and the exit code stays honest."""

from __future__ import annotations

import os
from asyncio import CancelledError
from pathlib import Path
from typing import Any

import pytest

from factory.cli.main import main
from factory.diagnostics import MAX_TOLD, MORE, Diagnostic, limited
from factory.kinds import bash
from factory.lint import lint
from factory.lint.lint import lint_project
from factory.lint.reporters import snippet
from factory.lint.rules import RULES, sizes
from factory.project import Project

GOOD = "version: 1\ntasks: [{id: a, run: echo}]\n"
BAD = "version: 1\ntasks: [{id: a, run: echo, retriez: 1}]\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FACTORY_ENV", raising=False)
    root = tmp_path / "configs"
    root.mkdir()
    (root / "good.yaml").write_text(GOOD)
    (root / "zbad.yaml").write_text(BAD)
    return root


def found(root: Path) -> list[tuple[str, str]]:
    report = lint_project(Project(root))
    entries = [finding.diagnostic for finding in report.findings]
    return [(entry.file.partition("/")[2], entry.code) for entry in entries]


def explode(*_: object, **__: object) -> Any:
    raise RuntimeError("a defect, quite " + "long" * 1000)


def test_a_rule_that_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "RULES", (explode, *RULES))
    assert found(root) == [("", "internal"), ("zbad.yaml", "unknown-key")]
    (entry,) = [f.diagnostic for f in lint_project(Project(root)).findings if not f.pipelines]
    assert "explode fails: RuntimeError: a defect" in entry.message
    assert len(entry.message) < 300


@pytest.mark.parametrize(
    "error", [RuntimeError, RecursionError, MemoryError, OSError, SystemExit, CancelledError]
)
def test_a_kind_whose_look_at_files_fails(
    error: type[BaseException], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise error("so")

    monkeypatch.setattr(bash, "inspect", fails, raising=False)
    assert found(root) == [("good.yaml", "internal"), ("zbad.yaml", "unknown-key")]


def test_a_layer_that_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "_defaults.yaml").write_text("version: 1\n")
    monkeypatch.setattr(lint, "_layer", explode)
    assert ("_defaults.yaml", "internal") in found(root)
    assert ("zbad.yaml", "unknown-key") in found(root)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_reporter_that_fails(
    form: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from factory.lint.reporters import json, text

    monkeypatch.setattr(text, "snippet", explode)
    monkeypatch.setattr(json, "_finding", explode)
    code = main(["lint", "--configs", str(root), "--format", form])
    out, err = capsys.readouterr()
    assert code == {"text": 1, "json": 3}[form]
    assert "zbad.yaml:2:28: error[unknown-key]" in out + err


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_name_that_is_not_utf_8(
    form: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(os.fsencode(root) + b"/a\xff.yaml", "w") as file:
        file.write(GOOD)
    assert main(["lint", "--configs", str(root), "--format", form]) == 1
    out, _ = capsys.readouterr()
    assert "file-name" in out
    assert "unknown-key" in out


def entries(count: int, severity: Any = "error") -> list[Diagnostic]:
    return [
        Diagnostic(file="a", line=i + 1, column=1, code="c", message=f"m{i}", severity=severity)
        for i in range(count)
    ]


def test_how_many_are_told() -> None:
    assert limited(entries(MAX_TOLD)) == entries(MAX_TOLD)
    *told, tail = limited(entries(MAX_TOLD + 7))
    assert told == entries(MAX_TOLD)
    assert (tail.code, tail.severity) == (MORE, "error")
    assert tail.message == "this file has at least 7 more problems, not told here"
    assert limited(limited(entries(MAX_TOLD + 7))) == [*told, tail]
    assert limited([]) == []


def test_warnings_push_no_error_out() -> None:
    last = Diagnostic(file="a", line=900, column=1, code="c", message="worse")
    told = limited([*entries(500, "warning"), last])
    assert last in told
    assert told[-1].severity == "warning"
    assert len(told) == MAX_TOLD + 1


def test_rules_tell_a_hundred_of_a_file(root: Path) -> None:
    (root / "good.yaml").write_text(GOOD + "vars:\n" + "".join(f"  v{i}: 1\n" for i in range(150)))
    codes = [code for file, code in found(root) if file == "good.yaml"]
    assert codes.count("unused-var") == MAX_TOLD
    assert codes.count(MORE) == 1


def test_all_tasks_of_all_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "zbad.yaml").unlink()
    assert found(root) == []
    monkeypatch.setattr(sizes, "MAX_TASKS", 3)
    (root / "many.yaml").write_text(
        "version: 1\ntasks: [{id: a, run: echo, matrix: {m: [1, 2, 3]}}]\n"
    )
    (finding,) = lint_project(Project(root)).findings
    assert (finding.diagnostic.code, finding.diagnostic.severity) == ("too-many", "warning")
    assert finding.diagnostic.message.startswith("all pipelines together have 4 tasks")
    assert "many (3)" in finding.diagnostic.hint


def test_all_assets_of_all_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "zbad.yaml").unlink()
    (root / "waits.yaml").write_text(f"{GOOD}schedule: {{assets: ['x://a/1', 'x://a/2']}}\n")
    assert found(root) == []
    monkeypatch.setattr(sizes, "MAX_ASSETS", 1)
    (finding,) = lint_project(Project(root)).findings
    assert (finding.diagnostic.code, finding.diagnostic.severity) == ("too-many", "warning")
    assert finding.diagnostic.message == "all pipelines together have 2 assets"


def test_many_problems_on_one_long_line(root: Path) -> None:
    lines = list(snippet.snippet(root / "good.yaml", 2, 9, 3))
    assert [text for _, text in lines] == ["tasks: [{id: a, run: echo}]", "        ^^^"]


def test_nothing_is_wrong_with_the_examples() -> None:
    root = Path(__file__).parents[2] / "dag_factory_configs"
    assert lint_project(Project(root)).findings == ()


STEP = '{id: a, run: "echo {{ dss }}"}\n'
QUERY = "{id: b, uses: sql, with: {conn_id: w, sql: b.sql}}"


def test_what_rules_find_in_a_file_beside_counts_to_the_pipelines_that_name_it(
    tmp_path: Path,
) -> None:
    root = tmp_path / "configs"
    root.mkdir()
    (root / "_step.yaml").write_text(STEP)
    (root / "b.sql").write_text("SELECT ${vars.x}\n")
    for name in ("one", "two"):
        (root / f"{name}.yaml").write_text("version: 1\ntasks: [{$file: _step.yaml}]\n")
    (root / "three.yaml").write_text(f"version: 1\ntasks: [{QUERY}]\n")
    (root / "fine.yaml").write_text("version: 1\ntasks: [{id: a, run: ls}]\n")
    report = lint_project(Project(root))
    told = [(one.diagnostic.file, one.pipelines) for one in report.errors]
    assert told == [("configs/_step.yaml", ("one", "two")), ("configs/b.sql", ("three",))]
    assert report.fine == ("fine",)
