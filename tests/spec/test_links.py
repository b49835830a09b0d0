"""Links out of a project are refused, and nothing of what they lead to is shown."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from factory.diagnostics import Diagnostic
from factory.errors import SpecError
from factory.lint.lint import lint_project
from factory.lint.reporters import plain, reporter
from factory.project import Project
from factory.spec import links
from factory.spec.text import text_of

SECRET = "SECRET123"
SPEC = "version: 1\ntasks: [{id: a, run: echo}]\n"
SQL = "version: 1\ntasks: [{id: a, uses: sql, with: {conn_id: x, sql: x.sql}}]\n"
PYTHON = "version: 1\ntasks: [{id: a, uses: python, with: {callable: 'x.py:run'}}]\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a project; beside it stands what belongs to others."""
    monkeypatch.delenv("FACTORY_ENV", raising=False)
    folder = tmp_path / "project" / "configs"
    folder.mkdir(parents=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "shadow").write_text(f"root:{SECRET}:1\nversion: {SECRET}\n")
    (other / "x.yaml").write_text(f"version: {SECRET}\n{SECRET}: 1\n")
    (other / "x.sql").write_text(f"SELECT {SECRET}")
    (other / "x.py").write_text(f"def {SECRET}(): pass")
    (folder.parent / "airflow.cfg").write_text(f"fernet_key = {SECRET}\n")
    (folder.parent / ".ssh").mkdir()
    (folder.parent / ".ssh/x.yaml").write_text(f"key: {SECRET}\n")
    (folder / "good.yaml").write_text(SPEC)
    return folder


def told(root: Path) -> tuple[list[Diagnostic], str]:
    """Every finding, and all that is printed about them."""
    report = lint_project(Project(root))
    lines = [*reporter("text")(report, root.parent, plain)]
    lines += reporter("json")(report, root.parent, plain)
    return [finding.diagnostic for finding in report.findings], "\n".join(lines)


@pytest.mark.parametrize(
    "target", ["other/shadow", "other/x.yaml", "project/airflow.cfg", "project/.ssh/x.yaml"]
)
@pytest.mark.parametrize("name", ["x.yaml", "_defaults.yaml", "environments/dev.yaml"])
def test_a_file(root: Path, tmp_path: Path, name: str, target: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(tmp_path / target)
    found, text = told(root)
    assert {entry.code for entry in found} == {links.CODE}
    assert {entry.file for entry in found} == {f"configs/{name}"}
    assert SECRET not in text


@pytest.mark.parametrize(("spec", "name"), [(SQL, "x.sql"), (PYTHON, "x.py")])
def test_a_file_beside_a_spec(root: Path, tmp_path: Path, spec: str, name: str) -> None:
    (root / "y.yaml").write_text(spec)
    (root / name).symlink_to(tmp_path / "other" / name)
    found, text = told(root)
    assert [(entry.code, entry.file, entry.line) for entry in found] == [
        (links.CODE, "configs/y.yaml", 2)
    ]
    assert SECRET not in text


def test_a_folder(root: Path, tmp_path: Path) -> None:
    (root / "more").symlink_to(tmp_path / "other")
    found, text = told(root)
    assert [(entry.code, entry.file) for entry in found] == [(links.CODE, "configs/more")]
    assert SECRET not in text
    assert "x.yaml" not in text


def test_a_folder_beside_a_spec(root: Path, tmp_path: Path) -> None:
    (root / "y.yaml").write_text(SQL.replace("x.sql", "more/x.sql"))
    (root / "more").symlink_to(tmp_path / "other")
    assert {entry.code for entry in told(root)[0]} == {links.CODE}


def test_what_is_in_the_project_may_be_linked(root: Path) -> None:
    shared = root.parent / "shared"
    shared.mkdir()
    (shared / "x.sql").write_text("SELECT 1")
    (shared / "y.yaml").write_text(SQL)
    (root / "x.sql").symlink_to("../shared/x.sql")
    (root / "y.yaml").symlink_to("../shared/y.yaml")
    (root / "more").symlink_to("../shared")
    (root / "team").mkdir()
    (root / "team/z.yaml").symlink_to("../good.yaml")
    assert not [entry for entry in told(root)[0] if entry.code == links.CODE]


def test_a_mounted_config_map(tmp_path: Path) -> None:
    """Kubernetes mounts `x.yaml → ..data/x.yaml`, `..data → ..2024…`, and turns `..data` over."""
    root = tmp_path / "pipelines"
    data = root / "..2024_01_02"
    data.mkdir(parents=True)
    (data / "good.yaml").write_text(SQL)
    (data / "x.sql").write_text("SELECT 1")
    (data / "_defaults.yaml").write_text("version: 1\nowner: me\n")
    (root / "..data").symlink_to("..2024_01_02")
    for name in ("good.yaml", "x.sql", "_defaults.yaml"):
        (root / name).symlink_to(f"..data/{name}")
    assert [entry for entry in told(root)[0] if entry.severity == "error"] == []


@pytest.mark.parametrize("root_name", ["current/configs", "configs"])
def test_a_root_behind_a_link(tmp_path: Path, root_name: str) -> None:
    """git-sync: `current → .worktrees/<commit>`; also a root that is a link itself."""
    real = tmp_path / ".worktrees/abc/configs"
    real.mkdir(parents=True)
    (real / "good.yaml").write_text(SQL)
    (real.parent / "sql").mkdir()
    (real.parent / "sql/x.sql").write_text("SELECT 1")
    (real / "x.sql").symlink_to("../sql/x.sql")
    (tmp_path / "current").symlink_to(".worktrees/abc")
    if root_name == "configs":
        (tmp_path / "configs").symlink_to(".worktrees/abc/configs")
    assert told(tmp_path / root_name)[0] == []


def test_a_root_that_lies_in_a_folder_of_the_system_has_no_project() -> None:
    """Beside `/etc/pipelines` stands `/etc/shadow`."""
    assert links._leads(Path("/etc/pipelines/x"), Path("/etc/pipelines"), "/etc/shadow")
    assert links._leads(Path("/pipelines/x"), Path("/pipelines"), "/etc/shadow")
    assert not links._leads(Path("/etc/pipelines/x"), Path("/etc/pipelines"), "/etc/pipelines/y")


@pytest.fixture
def swapping(root: Path, tmp_path: Path) -> Iterator[Path]:
    """A spec that is a file and a link out of the project, in turns, as fast as can be."""
    path, over = root / "x.yaml", threading.Event()

    def swap() -> None:
        number = 0
        while not over.is_set():
            number += 1
            new = root / f".{number % 2}"
            with suppress(FileExistsError):
                if number % 2:
                    new.write_text(SPEC)
                else:
                    new.symlink_to(tmp_path / "other/shadow")
            os.replace(new, path)

    path.write_text(SPEC)
    thread = threading.Thread(target=swap)
    thread.start()
    yield path
    over.set()
    thread.join()


def test_a_file_that_is_swapped_while_it_is_read(root: Path, swapping: Path) -> None:
    seen = set()
    for _ in range(3000):
        try:
            seen.add(text_of(swapping, "configs/x.yaml", root))
        except SpecError as error:
            seen |= {entry.code for entry in error.diagnostics}
    assert not [text for text in seen if SECRET in text]
    assert {SPEC, links.CODE} <= seen


def test_a_snippet_shows_nothing_that_was_refused(root: Path, tmp_path: Path) -> None:
    (root / "x.yaml").write_text("version: 1\nbad: 1\ntasks: [{id: a, run: echo}]\n")
    report = lint_project(Project(root))
    (root / "x.yaml").unlink()
    (root / "x.yaml").symlink_to(tmp_path / "other/shadow")
    text = "\n".join(reporter("text")(report, root.parent, plain))
    assert "x.yaml:2:1" in text
    assert SECRET not in text
