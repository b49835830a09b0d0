from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import FactoryError, SpecError
from factory.project import Project, find_root
from factory.spec import discover, text

TASKS = "version: 1\ntasks:\n  - {id: a, run: 'echo ${environment}'}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FACTORY_ENV", raising=False)
    monkeypatch.delenv("FACTORY_CONFIGS", raising=False)
    folder = tmp_path / "dag_factory_configs"
    folder.mkdir()
    return folder


def write(root: Path, name: str, text: str = TASKS) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def told(project: Project) -> dict[str, list[str]]:
    return {
        outcome.path.relative_to(project.root).as_posix(): [d.code for d in outcome.diagnostics]
        for outcome in project.outcomes()
    }


def test_one_bad_file_hides_no_other(root: Path) -> None:
    write(root, "a.yaml")
    write(root, "b.yaml", "version: [")
    write(root, "team/c.yaml")
    assert told(Project(root)) == {"a.yaml": [], "b.yaml": ["yaml-syntax"], "team/c.yaml": []}


def test_a_bad_layer_breaks_only_what_is_below_it(root: Path) -> None:
    write(root, "a.yaml")
    write(root, "team/b.yaml")
    write(root, "team/_defaults.yaml", "version: 1\nretries: 3\n")
    assert told(Project(root)) == {"a.yaml": [], "team/b.yaml": ["unknown-key"]}


def test_the_environment_comes_from_its_variable(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, "a.yaml")
    write(root, "environments/prod.yaml", "version: 1\noverride: {owner: prod}\n")
    assert Project(root).plan("a").owner == "airflow"
    monkeypatch.setenv("FACTORY_ENV", "prod")
    assert Project(root).plan("a").owner == "prod"
    assert Project(root, "dev").plan("a").owner == "airflow"


def test_an_environment_without_a_file(root: Path) -> None:
    write(root, "environments/prod.yaml", "version: 1\n")
    with pytest.raises(FactoryError) as caught:
        Project(root, "prd")
    assert "environments/prd.yaml does not exist" in caught.value.message
    assert caught.value.hint == "did you mean 'prod'?"


@pytest.mark.parametrize(
    "name", ["../prod", "a/b", "/etc/passwd", "..", ".", "a\0b", "a b", "-x", "prod\n", "*"]
)
def test_an_environment_stays_in_its_folder(root: Path, name: str) -> None:
    write(root, "prod.yaml", "version: 1\n")
    with pytest.raises(FactoryError) as caught:
        Project(root, name)
    assert "is not the name of an environment" in caught.value.message


@pytest.mark.parametrize("name", ["_defaults.yaml", "environments/dev.yaml"])
def test_a_layer_that_is_no_file(root: Path, name: str) -> None:
    write(root, "a.yaml")
    (root / name).mkdir(parents=True)
    assert told(Project(root))["a.yaml"] == ["not-a-file"]


@pytest.mark.parametrize("target", ["nowhere", "_defaults.yaml"])
def test_a_layer_that_is_a_broken_link(root: Path, target: str) -> None:
    write(root, "a.yaml")
    (root / "_defaults.yaml").symlink_to(target)
    assert told(Project(root))["a.yaml"] == ["broken-link"]


def test_a_file_that_goes_away_after_it_was_found(root: Path) -> None:
    write(root, "a.yaml")
    gone = write(root, "b.yaml")
    outcomes = Project(root).outcomes()
    assert next(outcomes).plans
    gone.unlink()
    (entry,) = next(outcomes).diagnostics
    assert entry.code == "unreadable"


def test_a_file_that_becomes_a_folder_after_it_was_found(root: Path) -> None:
    write(root, "a.yaml")
    swapped = write(root, "b.yaml")
    outcomes = Project(root).outcomes()
    assert next(outcomes).plans
    swapped.unlink()
    swapped.mkdir()
    (entry,) = next(outcomes).diagnostics
    assert entry.code == "not-a-file"


def test_a_file_that_grows_while_it_is_read(root: Path) -> None:
    path = write(root, "a.yaml", TASKS + f"# {'x' * (text.MAX_BYTES + 10)}\n")
    (entry,) = Project(root).outcome(path).diagnostics
    assert entry.code == "too-large"


def test_a_folder_that_goes_away_after_it_was_found(root: Path) -> None:
    path = write(root, "team/a.yaml")
    project = Project(root)
    path.unlink()
    path.parent.rmdir()
    assert [d.code for d in project.outcome(path).diagnostics] == ["unreadable"]


def test_a_worker_resolves_only_its_own_copy(root: Path) -> None:
    text = "version: 1\nmatrix: {t: [a, b]}\nowner: ${matrix.t}\ntasks: [{id: x, run: echo}]\n"
    write(root, "copy.yaml", text)
    project = Project(root)
    assert project.plan("copy__b").owner == "b"
    assert [spec.dag_id for spec in project.resolved(root / "copy.yaml", "copy__b")] == ["copy__b"]


@pytest.mark.parametrize(
    ("dag_id", "hint"),
    [
        ("ordrs", "did you mean 'orders'?"),
        ("copy", "did you mean 'copy__a'?"),
        ("copy__c", "did you mean 'copy__a'?"),
        ("orders__x", "did you mean 'orders'?"),
        ("../orders", "did you mean 'orders'?"),
    ],
)
def test_a_pipeline_that_does_not_exist(root: Path, dag_id: str, hint: str) -> None:
    write(root, "orders.yaml")
    write(root, "copy.yaml", "version: 1\nmatrix: {t: [a]}\ntasks: [{id: x, run: echo}]\n")
    with pytest.raises(FactoryError) as caught:
        Project(root).plan(dag_id)
    assert not isinstance(caught.value, SpecError)
    assert caught.value.hint == hint


def test_one_pipeline_is_found_without_reading_the_others(root: Path) -> None:
    write(root, "a.yaml")
    write(root, "b.yaml", "\0")
    assert Project(root).plan("a").dag_id == "a"


def test_layers_are_read_once(root: Path) -> None:
    write(root, "_defaults.yaml", "version: 1\nowner: root\n")
    write(root, "a.yaml")
    write(root, "b.yaml")
    project = Project(root)
    assert project.plan("a").owner == "root"
    (root / "_defaults.yaml").unlink()
    assert project.plan("b").owner == "root"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FactoryError):
        Project(tmp_path / "nowhere")


def test_an_empty_folder(root: Path) -> None:
    assert list(Project(root).outcomes()) == []


def test_the_root_is_found_upwards(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = write(root, "team/a.yaml").parent
    assert find_root(below) == root
    assert find_root(root) == root
    assert find_root(root.parent) == root
    (root.parent / "src").mkdir()
    assert find_root(root.parent / "src") == root
    with pytest.raises(FactoryError):
        find_root(Path("/"))
    monkeypatch.setenv("FACTORY_CONFIGS", "elsewhere")
    assert find_root(root) == Path.cwd() / "elsewhere"


def test_the_same_files_give_the_same_problems(root: Path) -> None:
    for name in ("b/x.yaml", "a/x.yaml", "a__y.yaml", "z z.yaml"):
        write(root, name)
    found = discover.discover(root)
    assert [d.file.partition("/")[2] for d in found.problems] == [
        "a__y.yaml",
        "b/x.yaml",
        "z z.yaml",
    ]
