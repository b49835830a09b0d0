from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.diagnostics import Diagnostic, is_one_line
from factory.errors import FactoryError
from factory.project import Project
from factory.spec.discover import _walk, discover, environments, find, folders
from tests.patience import seconds
from tests.spec.yaml_text import TASKS


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TASKS)
    return root


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in discover(root).files]


def codes(root: Path) -> list[tuple[str, str]]:
    return [(problem.file.partition("/")[2], problem.code) for problem in discover(root).problems]


def test_pipelines_are_found_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.yaml", "team/a.yml", "team/deep/c.yaml", "a.yaml.bak", "x.txt", "x.sql")
    make(tmp_path, "_defaults.yaml", "team/_defaults.yaml", "environments/prod.yaml")
    make(tmp_path, ".hidden.yaml", ".git/x.yaml", "__pycache__/y.yaml")
    assert names(tmp_path) == ["b.yaml", "team/a.yml", "team/deep/c.yaml"]
    assert codes(tmp_path) == []


def test_only_the_first_of_two_with_one_name_stays(tmp_path: Path) -> None:
    make(tmp_path, "b/orders.yaml", "a/orders.yml", "c/Orders.yaml")
    assert names(tmp_path) == ["a/orders.yml"]
    assert codes(tmp_path) == [
        ("b/orders.yaml", "duplicate-dag-id"),
        ("c/Orders.yaml", "duplicate-dag-id"),
    ]


def test_a_worker_finds_what_the_scheduler_found(tmp_path: Path) -> None:
    make(tmp_path, "b/orders.yaml", "a/orders.yml", "_x.yaml", "a/team.v2.yaml")
    assert find(tmp_path, "orders") == tmp_path / "a/orders.yml"
    assert find(tmp_path, "orders__eu__1") == tmp_path / "a/orders.yml"
    assert find(tmp_path, "team.v2") == tmp_path / "a/team.v2.yaml"
    for nothing in ("", "_x", "_defaults", "orders.yml", "a/orders", "../a/orders", "nope", "*"):
        assert find(tmp_path, nothing) is None


@given(st.lists(st.sampled_from(["a", "b", "c/a", "c/d", "d/b", "e__f", "g_", "_h"]), unique=True))
def test_finding_one_agrees_with_finding_all(
    tmp_path_factory: pytest.TempPathFactory, files: list[str]
) -> None:
    root = make(tmp_path_factory.mktemp("find"), *(f"{name}.yaml" for name in files))
    found = {path.stem: path for path in discover(root).files}
    for stem in ("a", "b", "d", "e__f", "g_", "_h"):
        assert find(root, stem) == found.get(stem)


def test_a_link_to_a_file_is_a_pipeline(tmp_path: Path) -> None:
    make(tmp_path, "root/a.yaml", "elsewhere/b.yaml")
    (tmp_path / "root/b.yaml").symlink_to("../elsewhere/b.yaml")
    assert names(tmp_path / "root") == ["a.yaml", "b.yaml"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "root/a.yaml", "elsewhere/team/b.yaml")
    (tmp_path / "root/more").symlink_to("../elsewhere")
    assert names(tmp_path / "root") == ["a.yaml", "more/team/b.yaml"]
    assert find(tmp_path / "root", "b") == tmp_path / "root/more/team/b.yaml"


@pytest.mark.parametrize("target", [".", "..", "/", "team", "team/../team"])
def test_a_link_to_a_folder_that_is_read_anyway(tmp_path: Path, target: str) -> None:
    root = make(tmp_path / "root", "a.yaml", "team/b.yaml")
    (root / "again").symlink_to(target)
    assert names(root) == ["a.yaml", "team/b.yaml"]
    assert codes(root) == [("again", "folder-twice")]


def test_links_in_a_circle(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "a.yaml", "x/b.yaml", "y/c.yaml")
    (root / "x/y").symlink_to("../y")
    (root / "y/x").symlink_to("../x")
    (root / "z").symlink_to("z")
    assert names(root) == ["a.yaml", "x/b.yaml", "y/c.yaml"]
    assert codes(root) == [("x/y", "folder-twice"), ("y/x", "folder-twice")]


def test_folders_that_all_link_to_each_other(tmp_path: Path) -> None:
    root = make(tmp_path / "root", *(f"f{i}/p{i}.yaml" for i in range(12)))
    for one in range(12):
        for other in range(12):
            (root / f"f{one}/to{other}").symlink_to(f"../f{other}")
    assert len(names(root)) == 12
    assert len(codes(root)) == 144


def test_folders_deeper_than_a_path_may_be_long(tmp_path: Path) -> None:
    folder = tmp_path
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(25):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
    finally:
        os.close(here)
    make(tmp_path, "a.yaml")
    assert names(folder) == ["a.yaml"]
    assert [code for _, code in codes(folder)] == ["unreadable"]


def as_nobody(function: Callable[[], Any]) -> Any:
    """What a function returns to a user who may read nothing that is not for all."""
    if os.getuid() != 0:
        return function()

    def child(answers: Any) -> None:
        os.setgid(65534)
        os.setuid(65534)
        answers.put(function())

    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    process = fork.Process(target=child, args=(answers,))
    process.start()
    process.join(seconds(30))
    assert process.exitcode == 0
    return answers.get()


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A folder that everybody may enter, below folders that pytest keeps for its user."""
    system = Path(tempfile.gettempdir())
    for folder in (tmp_path, *tmp_path.parents):
        if system in folder.parents:
            folder.chmod(0o755)
    return tmp_path


def test_a_folder_that_may_not_be_read(open_path: Path) -> None:
    root = make(open_path / "root", "a.yaml", "secret/b.yaml")
    (root / "secret").chmod(0o000)
    try:
        found, problems = as_nobody(lambda: (names(root), codes(root)))
    finally:
        (root / "secret").chmod(0o755)
    assert found == ["a.yaml"]
    assert problems == [("secret", "unreadable")]


def test_a_file_that_may_not_be_read(open_path: Path) -> None:
    root = make(open_path / "root", "a.yaml", "b.yaml")
    (root / "b.yaml").chmod(0o000)

    def read() -> list[tuple[str, list[str]]]:
        return [
            (outcome.path.stem, [entry.code for entry in outcome.diagnostics])
            for outcome in Project(root, "dev").outcomes()
        ]

    read()  # what is imported late is imported before the rights are given up
    assert as_nobody(read) == [("a", []), ("b", ["unreadable"])]


ODD = ["team\udcff", "team\x1b[31m", "team\nnext", "team\u2028", "\udcff"]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_nobody_can_write_down(tmp_path: Path, name: str) -> None:
    root = make(tmp_path / "root", "a.yaml", f"{name}/b.yaml", f"c{name}.yaml", f"d{name}.txt")
    assert names(root) == ["a.yaml"]
    found = discover(root).problems
    assert [problem.code for problem in found] == ["file-name", "file-name"]
    assert any("the folder's name is not UTF-8" in problem.message for problem in found)
    for problem in found:
        assert is_one_line(problem.file)
    assert find(root, "b") is None  # a worker finds what the scheduler found


def test_a_folder_in_any_language(tmp_path: Path) -> None:
    folders = ["größe", unicodedata.normalize("NFD", "größe"), "日本", "\u202egnp", "a b", "😀"]
    root = make(tmp_path / "root", *(f"{name}/p{n}.yaml" for n, name in enumerate(folders)))
    assert len(names(root)) == len(folders)
    assert codes(root) == []


def test_a_folder_that_goes_while_it_is_looked_at(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "a.yaml", "gone/b.yaml", "stays/c.yaml")
    problems: list[Diagnostic] = []
    walk = _walk(root, problems)
    found = [next(walk)]
    shutil.rmtree(root / "gone")
    found += walk
    assert sorted(path.name for path in found) == ["a.yaml", "c.yaml"]
    assert [(problem.file, problem.code) for problem in problems] == [("root/gone", "unreadable")]


def test_files_that_go_or_break_before_they_are_read(tmp_path: Path) -> None:
    root = make(tmp_path / "root", *(f"{name}.yaml" for name in "abcdef"))
    outcomes = Project(root, "dev").outcomes()
    found = [next(outcomes)]
    (root / "b.yaml").unlink()
    (root / "c.yaml").write_text("version: 1\ntasks: [\n")
    (root / "d.yaml").unlink()
    (root / "d.yaml").mkdir()
    (root / "e.yaml").unlink()
    (root / "e.yaml").symlink_to("e.yaml")
    found += outcomes
    assert [(o.path.stem, [d.code for d in o.diagnostics]) for o in found] == [
        ("a", []),
        ("b", ["unreadable"]),
        ("c", ["yaml-syntax"]),
        ("d", ["not-a-file"]),
        ("e", ["broken-link"]),
        ("f", []),
    ]


def test_a_root_that_may_not_be_entered(open_path: Path) -> None:
    make(open_path / "closed/root", "a.yaml")
    (open_path / "closed").chmod(0o000)

    def made() -> str:
        try:
            Project(open_path / "closed/root", "dev")
        except FactoryError as error:
            return error.message
        return ""

    try:
        assert as_nobody(made).startswith("there is no configuration folder")
    finally:
        (open_path / "closed").chmod(0o755)


def test_a_root_that_airflow_cannot_keep(tmp_path: Path) -> None:
    with pytest.raises(FactoryError) as caught:
        Project(make(tmp_path / "root\udcff", "a.yaml"), "dev")
    assert is_one_line(caught.value.message)


def test_layers_are_found_by_the_same_walk(tmp_path: Path) -> None:
    make(tmp_path, "a.yaml", "_defaults.yaml", "team/_defaults.yaml", "environments/prod.yaml")
    make(tmp_path, ".git/_defaults.yaml", "__pycache__/_defaults.yaml", "team/.x/_defaults.yaml")
    make(tmp_path, "environments/.hidden.yaml", "environments/__pycache__/x.yaml")
    make(tmp_path, "environments/my env.yaml", "environments/test.yml")
    assert [path.relative_to(tmp_path).as_posix() for path in discover(tmp_path).layers] == [
        "_defaults.yaml",
        "team/_defaults.yaml",
        "environments/prod.yaml",
    ]
    assert environments(tmp_path) == ["dev", "prod"]
    assert codes(tmp_path) == [
        ("environments/my env.yaml", "file-name"),
        ("environments/test.yml", "file-name"),
    ]


def test_one_environment_is_always_there(tmp_path: Path) -> None:
    assert environments(tmp_path) == ["dev"]


def test_folders_of_a_file(tmp_path: Path) -> None:
    assert folders(tmp_path, tmp_path / "a/b/c.yaml") == [
        tmp_path,
        tmp_path / "a",
        tmp_path / "a/b",
    ]
