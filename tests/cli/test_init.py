"""`factory init`: an empty folder becomes a project, and nothing of a person's is ever lost."""

import json
import resource
import subprocess
from pathlib import Path

import pytest

from factory.review import schema_files, starter

from .conftest import Cli

ROOT = Path(__file__).parents[2]
LOADER = "dags/pipelines.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def there(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_an_empty_folder_becomes_a_project_in_which_all_commands_work(
    project: Path, cli: Cli
) -> None:
    assert cli("lint").err.endswith(
        "hint: `factory init` makes a project here; or run this in one, or set FACTORY_CONFIGS\n"
    )
    made = cli("init")
    assert (made.code, made.err) == (0, "")
    assert {file.path for file in starter.files()} <= set(there(project))
    assert cli("lint", "--strict", "--all-envs").code == 0
    assert cli("init", "--update", "--check").out == "everything is up to date\n"
    commands = [line.split("#")[0].split() for line in made.out.splitlines() if "  #" in line]
    new, lint, _ = commands
    assert cli(*new[1:]).code == 0
    assert cli(*lint[1:], "--strict", "--all-envs").code == 0
    assert cli("explain", commands[2][2]).code == 0


def test_a_folder_by_name_is_made_and_entered(project: Path, cli: Cli) -> None:
    made = cli("init", "work/pipelines")
    assert "wrote work/pipelines/dags/pipelines.py\n" in made.out
    assert "  cd work/pipelines\n" in made.out
    assert (project / "work/pipelines/dag_factory_configs/_defaults.yaml").is_file()


def test_what_is_there_stays(project: Path, cli: Cli) -> None:
    mine = {
        "README.md": "mine\n",
        "dags/pipelines.py": "print('mine')\n",
        "dags/other.py": "print('other')\n",
        "schemas/pipeline.schema.json": "{}\n",
        "include/notes.txt": "mine\n",
    }
    for name, text in mine.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    made = cli("init")
    assert made.code == 0
    assert "kept  README.md, which was there\n" in made.out
    assert f"  diff {LOADER} {starter.FOLDER / LOADER}\n" in made.out
    assert {name: there(project)[name] for name in mine} == mine
    before = there(project)
    again = cli("init")
    assert "wrote" not in again.out
    assert there(project) == before


def test_an_update_writes_what_nobody_edited(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cli("init")
    (project / LOADER).with_name("pipeline_errors.py").write_text("# edited\n")
    (project / "README.md").write_text("edited\n")
    (project / "schemas/kinds/gone.schema.json").write_text("{}")
    newer = tmp_path / "newer"
    for file in starter.files():
        (newer / file.path).parent.mkdir(parents=True, exist_ok=True)
        (newer / file.path).write_text(f"# newer\n{file.text}")
    monkeypatch.setattr(starter, "FOLDER", newer)
    before = there(project)
    stale = cli("init", "--update", "--check")
    assert stale.code == 1
    kept = {file.path for file in starter.files() if file.is_kept}
    named = set(stale.err.splitlines()[0].removeprefix("error: out of date: ").split(", "))
    assert named == kept - {"dags/pipeline_errors.py"} | {"schemas/kinds/gone.schema.json"}
    assert there(project) == before

    done = cli("init", "--update")
    assert done.code == 0
    assert f"wrote {LOADER}\n" in done.out
    assert "diff dags/pipeline_errors.py" in done.out
    after = there(project)
    assert "# newer\n" in after[LOADER]
    assert after["dags/pipeline_errors.py"] == "# edited\n"
    assert after["README.md"] == "edited\n"
    assert schema_files.stale(project / "schemas") == []
    assert cli("init", "--update", "--check").code == 0


def test_an_update_that_ends_in_the_middle_leaves_each_file_whole(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cli("init")
    newer = tmp_path / "newer"
    (newer / LOADER).parent.mkdir(parents=True)
    (newer / LOADER).write_text("# newer\n" * 10_000)
    monkeypatch.setattr(starter, "FOLDER", newer)
    before = there(project)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        failed = cli("init", "--update")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failed.code == 1
    assert "pipelines.py cannot be written: File too large" in failed.err
    assert there(project) == before
    assert cli("init", "--update").out == f"wrote {LOADER}\n"


def test_a_link_to_a_loader_stays_one(project: Path, cli: Cli, tmp_path: Path) -> None:
    cli("init")
    shared = tmp_path / "shared.py"
    (project / LOADER).unlink()
    (project / LOADER).symlink_to(shared)
    body = "# older\n"
    shared.write_text(f"{starter._mark(body)}{body}")
    assert cli("init", "--update").out == f"wrote {LOADER}\n"
    assert (project / LOADER).is_symlink()
    assert "# older" not in shared.read_text()


def test_what_was_taken_away_stays_away_but_for_the_loaders(project: Path, cli: Cli) -> None:
    cli("init")
    (project / "README.md").unlink()
    (project / LOADER).unlink()
    assert cli("init", "--update").out == f"wrote {LOADER}\n"
    assert not (project / "README.md").exists()


def test_workflows_stand_only_at_the_top_of_a_repository(project: Path, cli: Cli) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=project, check=True)
    made = cli("init", "sub")
    assert "note: no workflow for CI" in made.out
    assert not [name for name in there(project) if name.startswith("sub/.github")]
    workflows = {f.path for f in starter.files() if f.path.startswith(starter.WORKFLOWS)}
    cli("init")
    assert workflows <= set(there(project))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check"], "--check goes with --update"),
        (["--update"], "`factory init`, without --update, makes a project"),
        (["dag_factory_configs/team"], "is inside a dag_factory_configs/"),
        (["a_file"], "is not a folder"),
    ],
)
def test_what_cannot_be_is_told(arguments: list[str], said: str, project: Path, cli: Cli) -> None:
    (project / "a_file").write_text("")
    result = cli("init", *arguments)
    assert result.code == 2
    assert said in result.err
    assert set(there(project)) == {"a_file"}


def test_the_editor_settings_name_schemas_that_are_written(project: Path, cli: Cli) -> None:
    cli("init")
    settings = json.loads((project / ".vscode/settings.json").read_text())
    assert [name for name in settings["yaml.schemas"] if not (project / name).is_file()] == []


def test_the_repository_loads_by_the_same_text() -> None:
    """What users get in `dags/` is what the demo and the tests run."""
    loaders = {f.path: f.text for f in starter.files() if f.path.startswith(starter.LOADERS)}
    assert loaders == {
        f"dags/{path.name}": path.read_text() for path in (ROOT / "dags").glob("*.py")
    }
