"""`examples/`: nothing is wrong with them, and a person finds each."""

from pathlib import Path

from factory.cli.main import main
from factory.lint.lint import lint_project
from factory.project import Project

EXAMPLES = Path(__file__).parents[1] / "examples"
NO_PROVIDER_HERE = "ledger"


def test_nothing_is_wrong_with_them() -> None:
    assert lint_project(Project(EXAMPLES)).findings == ()


def test_airflow_builds_them() -> None:
    folders = [str(path) for path in EXAMPLES.iterdir() if path.is_dir()]
    chosen = [path for path in folders if not path.endswith((NO_PROVIDER_HERE, "nifi"))]
    assert main(["lint", "--build", "--strict", "--configs", str(EXAMPLES), *chosen]) == 0


def test_each_is_on_the_page() -> None:
    page = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.iterdir():
        assert path.is_file() or f"({path.name}/" in page
