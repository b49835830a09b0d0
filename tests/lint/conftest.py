"""Lint of files that a test writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from factory.lint.lint import lint_project
from factory.project import Project

Lint = Callable[..., list[str]]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Lint the files that are given; `code file:line: message` of every finding."""
    monkeypatch.delenv("FACTORY_ENV", raising=False)

    def lint(files: dict[str, str], only: str = "") -> list[str]:
        root = tmp_path / "configs"
        for name, text in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"version: 1\n{text}")
        report = lint_project(Project(root), [root / only] if only else [])
        entries = [finding.diagnostic for finding in report.findings]
        return [
            f"{e.code} {e.file.partition('/')[2]}:{e.line}:{e.column} {e.message}" for e in entries
        ]

    return lint
