"""Several reports at once: on standard output and in files."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.lint.reporters import FORMATS

from .conftest import Cli

LINT = [sys.executable, "-m", "factory", "lint"]


def test_all_formats_at_once(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("mixed")
    given = [f"--output={form}=reports/{form}" for form in FORMATS]
    done = cli("lint", *given)
    assert done.code == 1
    assert done.out == (folder / "reports" / "text").read_text()
    assert sorted(path.name for path in (folder / "reports").iterdir()) == sorted(FORMATS)
    for form in FORMATS:
        alone = cli("lint", "--format", form).out
        assert (folder / "reports" / form).read_text() == alone


def test_several_formats_on_standard_output(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("mixed")
    text, github = cli("lint").out, cli("lint", "--format", "github").out
    both = ("--format", "text", "--format", "github", "--format", "text")
    assert cli("lint", *both).out == text + github


def test_a_report_replaces_the_one_before(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    (folder / "real.json").write_text("old " * 10_000)
    (folder / "lint.json").symlink_to("real.json")
    assert cli("lint", "--output", "json=lint.json").code == 0
    assert json.loads((folder / "real.json").read_text())["summary"]["fine"] == 4
    assert (folder / "lint.json").is_symlink()
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--format", "sarf"], "there is no format 'sarf'\n  hint: did you mean 'sarif'?"),
        (["--format", "x"], "it is one of text, github, sarif, junit, json"),
        (["--output", "lint.xml"], "--output takes a format and a file, not 'lint.xml'"),
        (["--output", "junit="], "--output takes a format and a file"),
        (["--output", "jnit=lint.xml"], "did you mean 'junit'?"),
        (["--output", "json=a", "--output", "text=./a"], "two reports cannot be one file: ./a"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(
    given: list[str], said: str, cli: Cli, enter: Callable[[str], Path]
) -> None:
    folder = enter("mixed")
    before = sorted(folder.iterdir())
    done = cli("lint", *given)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dag_factory_configs", "dag_factory_configs cannot be written: Is a directory"),
        ("dag_factory_configs/fine.yaml/x", "fine.yaml/x cannot be written: "),
        ("/dev/full", "/dev/full cannot be written: No space left on device"),
    ],
)
def test_a_file_that_cannot_be_written(
    name: str, said: str, cli: Cli, enter: Callable[[str], Path]
) -> None:
    enter("mixed")
    done = cli("lint", "--output", f"json={name}", "--output", "text=lint.txt")
    assert done.code == 1
    assert said in done.err
    assert done.out == Path("lint.txt").read_text()
    assert "bug" not in done.err


def test_a_file_is_written_although_nobody_reads_the_rest(enter: Callable[[str], Path]) -> None:
    folder = enter("mixed")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*LINT, "--output", "json=lint.json"], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
    assert json.loads((folder / "lint.json").read_text())["summary"]["errors"] == 8


def test_standard_output_may_be_named_or_closed(enter: Callable[[str], Path]) -> None:
    enter("shop")
    named = subprocess.run([*LINT, "--output", "json=/dev/stdout"], capture_output=True, text=True)
    document, _, last = named.stdout.strip().rpartition("\n")
    assert json.loads(document)["summary"]["fine"] == 4
    assert last == "4 pipelines fine in the environment dev"
    closed = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m factory lint --output junit=lint.xml >&-']
    )
    assert closed.returncode == 0
    assert "<testcase" in Path("lint.xml").read_text()


def test_reports_are_not_made_of_what_is_not_there(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("lint", "--output", "json=lint.json")
    assert done.code != 0
    assert not (tmp_path / "lint.json").exists()
