"""Every folder in `cases/`: what its files become, or what a person is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import msgspec
import pytest

from factory.plan.compile import arguments_of
from factory.plan.model import Pipeline as Plan
from factory.project import Project
from factory.review.schema_files import with_files
from factory.spec import schema
from factory.spec.model import DefaultsFile, EnvironmentFile, KindFile, Pipeline, PipelineFile
from factory.spec.read import read
from tests import cases

WRITE = bool(os.environ.get("FACTORY_WRITE_CASES"))
VALID = cases.folders("valid")
INVALID = cases.folders("invalid")


@pytest.fixture(autouse=True)
def _dev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACTORY_ENV", raising=False)


def same(path: Path, text: str) -> None:
    if WRITE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", VALID, ids=cases.name_of)
def test_valid(folder: Path) -> None:
    project = Project(folder)
    assert cases.lines(cases.diagnostics(project)) == ""
    plans = [plan for outcome in project.outcomes() for plan in outcome.plans]
    assert plans
    text = msgspec.json.format(msgspec.json.encode([written(plan) for plan in plans]), indent=2)
    same(folder / "expected.json", text.decode() + "\n")


def written(plan: Plan) -> dict[str, Any]:
    """A plan without what nobody set."""
    empty = msgspec.to_builtins(Plan(dag_id="", source="", tasks=()))
    return {key: value for key, value in msgspec.to_builtins(plan).items() if value != empty[key]}


@pytest.mark.parametrize("folder", VALID, ids=cases.name_of)
def test_plans_survive_json(folder: Path) -> None:
    for outcome in Project(folder).outcomes():
        for plan in outcome.plans:
            strict = json.dumps(msgspec.to_builtins(plan), allow_nan=False)
            assert msgspec.json.decode(msgspec.json.encode(plan)) == json.loads(strict)


@pytest.mark.parametrize("folder", INVALID, ids=cases.name_of)
def test_invalid(folder: Path) -> None:
    found = cases.diagnostics(Project(folder))
    assert found
    same(folder / "expected.txt", cases.lines(found))


@pytest.mark.parametrize("folder", INVALID, ids=cases.name_of)
def test_every_problem_stands_where_it_is(folder: Path) -> None:
    for entry in cases.diagnostics(Project(folder)):
        path = folder.parent / entry.file
        if path.is_file() and entry.width:
            text = path.read_text(encoding="utf-8", errors="replace").split("\n")
            assert entry.line <= len(text)
            assert entry.column <= len(text[entry.line - 1]) + 1


def test_adding_a_case_is_adding_a_folder() -> None:
    assert len(VALID) > 20
    assert len(INVALID) > 80
    for folder in (*VALID, *INVALID):
        assert {path.suffix for path in folder.rglob("*") if path.is_file()} & {".yaml", ".yml"}


def resolved_values(folder: Path) -> Iterator[tuple[Any, Any]]:
    """Each type and a value that is checked against it."""
    project = Project(folder)
    for path in sorted(folder.rglob("*.y*ml")):
        try:
            found = project.resolved(path)
        except msgspec.ValidationError:
            raise
        except Exception:
            continue  # cannot be read: nothing to validate
        for resolved in found:
            yield Pipeline, resolved.value
            tasks = resolved.value.get("tasks")
            for task in tasks if isinstance(tasks, list) else ():
                if isinstance(task, dict) and isinstance(task.get("uses"), str):
                    try:
                        model = arguments_of(task["uses"])
                    except KeyError:
                        continue
                    if model is not None:
                        yield model, task.get("with", {})


@pytest.mark.parametrize("folder", [*VALID, *INVALID], ids=cases.name_of)
def test_both_gears_give_the_same_verdict(folder: Path) -> None:
    for model, value in resolved_values(folder):
        exact = schema.of(model)
        slow = jsonschema.Draft202012Validator(exact).is_valid(value)
        assert slow == jsonschema_rs.validator_for(exact).is_valid(value)


@pytest.mark.parametrize("folder", VALID, ids=cases.name_of)
def test_editors_see_no_mistake_in_valid_files(folder: Path) -> None:
    for path in sorted(folder.rglob("*.y*ml")):
        if any((above / "dbt_project.yml").exists() for above in path.parents):
            continue
        if path.name.startswith("_") and path.name != "_defaults.yaml":
            continue
        model: Any = PipelineFile
        if path.name == "_defaults.yaml":
            model = DefaultsFile
        elif path.parent.name == "environments":
            model = EnvironmentFile
        elif path.parent.name == "_kinds":
            model = KindFile
        value = read(path, path.name).value
        editors = with_files(schema.of(model, authoring=True))
        errors = jsonschema_rs.validator_for(editors).iter_errors(value)
        assert [error.message for error in errors] == []
