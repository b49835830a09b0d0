"""The workflows that `factory init` writes: well formed, and their commands do what they say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from factory.review import starter

from .conftest import BROKEN, GOOD, Repository

GITHUB = ".github/workflows/pipelines.yml"
GITLAB = ".gitlab-ci.yml"
PRE_COMMIT = ".pre-commit-config.yaml"
WRITTEN = {file.path: file.written for file in starter.files()}
FILES = ["dag_factory_configs/**", "dags/**", "schemas/**", "requirements-lint.txt"]


def loaded(name: str) -> Any:
    return yaml.load(WRITTEN[name], yaml.BaseLoader)


def checked(tool: str, *arguments: str | Path) -> None:
    command = [str(Path(sys.executable).with_name(tool)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def as_written(tmp_path: Path) -> Path:
    for name, text in WRITTEN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("name", "schema"), [(GITHUB, "github-workflows"), (GITLAB, "gitlab-ci")])
def test_they_are_what_the_published_schemas_say(name: str, schema: str, as_written: Path) -> None:
    checked("check-jsonschema", "--builtin-schema", f"vendor.{schema}", as_written / name)


def test_actionlint_finds_nothing(as_written: Path) -> None:
    go = Path(sys.executable).with_name("go")
    module = Path(__file__).parent / "actionlint"
    command = [go, "tool", "actionlint", "-color=false", as_written / GITHUB]
    done = subprocess.run([*map(str, command)], cwd=module, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_pre_commit_takes_its_files(as_written: Path) -> None:
    checked("pre-commit", "validate-config", as_written / PRE_COMMIT)
    checked("pre-commit", "validate-manifest", Path(__file__).parents[2] / ".pre-commit-hooks.yaml")


def test_they_look_at_every_file_that_matters() -> None:
    github, gitlab = loaded(GITHUB), loaded(GITLAB)
    for event in ("pull_request", "push"):
        assert github["on"][event]["paths"] == [*FILES, GITHUB]
    for rule in gitlab["lint-pipelines"]["rules"]:
        shown = [name.replace("**/*", "**") for name in rule["changes"]]
        assert shown == [*FILES, GITLAB]


def test_only_the_job_that_runs_no_package_may_write() -> None:
    workflow = loaded(GITHUB)
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["lint"]
    writer = workflow["jobs"]["code-scanning"]
    assert writer["permissions"] == {"contents": "read", "security-events": "write"}
    assert not [step for step in writer["steps"] if "run" in step]


def github(repository: Repository) -> tuple[int, str]:
    """The commands of the job, one after the other until one fails, as a runner does."""
    repository.env |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(repository.folder)}
    out = ""
    for step in loaded(GITHUB)["jobs"]["lint"]["steps"]:
        if "run" in step:
            done = repository.run("bash", "-e", "-c", step["run"], check=False)
            out += done.stdout + done.stderr
            if done.returncode:
                return done.returncode, out
    return 0, out


def gitlab(repository: Repository) -> tuple[int, str]:
    repository.env |= {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(repository.folder)}
    script = "\n".join(loaded(GITLAB)["lint-pipelines"]["script"])
    done = repository.run("bash", "-e", "-c", script, check=False)
    return done.returncode, done.stdout + done.stderr


def test_on_github_a_broken_pull_request_is_noted_at_its_line(project: Repository) -> None:
    project.write(BROKEN)
    project.commit()
    code, out = github(project)
    assert code == 1
    assert "dag_factory_configs/hello.yaml:2:1: error[unknown-key]" in out
    assert (
        "\n::error file=dag_factory_configs/hello.yaml,line=2,col=1,endColumn=8,title=unknown-key::"
        in out
    )
    (result,) = json.loads((project.folder / "lint.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "dag_factory_configs/hello.yaml"

    project.write(GOOD)
    project.commit()
    code, out = github(project)
    assert (code, "::" in out) == (0, False), out
    assert json.loads((project.folder / "lint.sarif").read_text())["runs"][0]["results"] == []
    assert "everything is up to date" in out

    (project.folder / "schemas/pipeline.schema.json").write_text("{}")
    code, out = github(project)
    assert code == 0
    assert "::warning::run factory init --update, and commit what it writes" in out


def test_on_gitlab_a_broken_merge_request_fails_with_a_report(project: Repository) -> None:
    project.write(BROKEN)
    project.commit()
    code, out = gitlab(project)
    assert code == 1
    assert "dag_factory_configs/hello.yaml:2:1: error[unknown-key]" in out
    assert failures(project.folder) == {"dag_factory_configs/hello.yaml": 1}

    project.write(GOOD)
    project.commit()
    assert gitlab(project)[0] == 0
    assert set(failures(project.folder).values()) == {0}


def failures(folder: Path) -> dict[str | None, int]:
    """How often each file of the report failed; those that did, or all when none did."""
    cases = ElementTree.parse(folder / "lint.xml").findall("testsuite/testcase")
    found = {case.get("name"): len(case.findall("failure")) for case in cases}
    return {name: count for name, count in found.items() if count} or found
