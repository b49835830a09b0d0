"""`factory doctor` as a person calls it: a process of its own, with an Airflow and without."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from .conftest import Result, process

DAGS = Path(__file__).parents[2] / "dags"
LINTS = """
    argcomplete croniter jinja2 jsonschema jsonschema_rs msgspec yaml _yaml markupsafe attr attrs
    referencing rpds jsonschema_specifications typing_extensions.py dateutil six.py pytz
"""
GOOD = "version: 1\ntasks: [{id: a, run: echo}]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one pipeline and our Dag files."""
    (tmp_path / "dag_factory_configs").mkdir()
    (tmp_path / "dag_factory_configs" / "hello.yaml").write_text(GOOD)
    shutil.copytree(DAGS, tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow with a migrated database."""
    folder = tmp_path_factory.mktemp("airflow")
    env = {**os.environ, "AIRFLOW_HOME": str(folder)}
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=env,
        check=True,
        capture_output=True,
    )
    return folder


def found(result: Result) -> dict[str, list[str]]:
    """What is said, by level."""
    by: dict[str, list[str]] = {"ok": [], "warning": [], "error": []}
    for finding in json.loads(result.out)["findings"]:
        by[finding["level"]].append(finding["what"])
    return by


def airflow(home: Path, project: Path, **more: str) -> Mapping[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        **more,
    }


def test_an_airflow_in_which_all_is_right(home: Path, project: Path) -> None:
    result = process("doctor", env=airflow(home, project), cwd=project)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert not [line for line in lines if line.startswith("  error")]
    assert any("the pipelines are those of" in line for line in lines)
    assert any("hello.yaml" in line for line in lines)


def test_everything_that_is_wrong_is_told_at_once(home: Path, project: Path) -> None:
    sql = "version: 1\ntasks: [{id: a, uses: sql, with: {conn_id: nowhere, sql: SELECT 1}}]\n"
    (project / "dag_factory_configs" / "sql.yaml").write_text(sql)
    (project / "dag_factory_configs" / "bad.yaml").write_text("version: 1\n")
    (project / "dags" / ".airflowignore").write_text("pipelines.py\n")
    env = airflow(
        home,
        project,
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="postgresql+psycopg2://me:geheim88@127.0.0.1:1/x",
    )
    result = process("doctor", "--format", "json", env=env, cwd=project)
    assert result.code == 1
    told = "\n".join(found(result)["error"])
    for part in ("files are broken", "cannot be reached", "an .airflowignore", "'nowhere'"):
        assert part in told
    assert "geheim88" not in result.out + result.err


def test_a_database_without_tables_is_told(tmp_path: Path, project: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = process("doctor", "--format", "json", env=airflow(empty, project), cwd=project)
    assert "has not the tables of this version" in "\n".join(found(result)["error"])


def test_without_an_airflows_home_nothing_is_made_of_one(project: Path, tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    env["HOME"] = str(tmp_path / "person")
    (tmp_path / "person").mkdir()
    result = process("doctor", "--format", "json", only=env, cwd=project)
    assert result.code == 0
    assert "AIRFLOW_HOME is not set" in "\n".join(found(result)["warning"])
    assert "loading all pipelines takes" in "\n".join(found(result)["ok"])
    assert not [path for path in (tmp_path / "person").iterdir() if path.name == "airflow"]


def test_a_home_that_is_not_there_is_told_and_not_made(project: Path, tmp_path: Path) -> None:
    env = airflow(tmp_path / "gone", project)
    result = process("doctor", "--format", "json", env=env, cwd=project)
    assert result.code == 1
    assert "which is not there" in "\n".join(found(result)["error"])
    assert not (tmp_path / "gone").exists()


def test_a_machine_without_airflow_is_fine(project: Path, lint_only: Callable[..., Result]) -> None:
    result = lint_only("doctor", cwd=project)
    assert (result.code, result.err) == (0, "")
    assert "Airflow is not installed: this machine can lint" in " ".join(result.out.split())
    assert "1 pipelines in 1 files" in result.out


@pytest.fixture
def lint_only(tmp_path: Path) -> Callable[..., Result]:
    """A Python that has this package and what it needs to lint, and nothing else."""
    site, kept = Path(sysconfig.get_path("purelib")), tmp_path / "site"
    kept.mkdir()
    for name in LINTS.split():
        if (site / name).exists():
            (kept / name).symlink_to(site / name)
    for about in site.glob("*pipeline_factory-*.dist-info"):
        (kept / about.name).symlink_to(about)
    (kept / "factory").symlink_to(DAGS.parent / "factory")

    def run(*argv: str, cwd: Path) -> Result:
        code = "import sys; from factory.cli.main import main; sys.exit(main(sys.argv[1:]))"
        env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        done = subprocess.run(
            [sys.executable, "-S", "-c", code, *argv],
            env={**env, "PYTHONPATH": str(kept)},
            cwd=cwd,
            capture_output=True,
            text=True,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def test_no_project_is_an_error_that_says_where_to_look(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    env |= {"HOME": str(tmp_path)}
    result = process("doctor", "--format", "json", only=env, cwd=tmp_path)
    assert result.code == 1
    assert "there is no dag_factory_configs/" in found(result)["error"][0]


def test_a_loader_of_another_version_is_told(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    process("init", cwd=folder)
    loader = folder / "dags" / "pipelines.py"
    assert loader.read_text().startswith("# factory init ")
    old = "# another\n"
    digest = hashlib.sha256(old.encode()).hexdigest()[:16]
    loader.write_text(f"# factory init {digest}: kept\n{old}")
    env = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    env |= {"HOME": str(tmp_path)}
    result = process("doctor", "--format", "json", only=env, cwd=folder)
    assert "dags/pipelines.py is that of another version" in found(result)["warning"]
