"""`factory lint`: what it reads, and what it never does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from .conftest import Cli

GUARD = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("airflow", "factory.in_airflow", "pyarrow"):
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Refuse())

import socket, subprocess
def refuse(*args, **kwargs): raise AssertionError("lint goes out")
socket.socket = subprocess.Popen = refuse

from factory.cli.main import main
code = main(["lint", *sys.argv[1:]])
assert not [name for name in sys.modules if name.partition(".")[0] == "airflow"]
assert "clean" not in sys.modules
sys.exit(code)
"""


@pytest.mark.parametrize(("project", "code"), [("shop", 0), ("mixed", 1)])
def test_it_never_imports_airflow_and_runs_nothing(
    project: str, code: int, enter: Callable[[str], Path]
) -> None:
    enter(project)
    done = subprocess.run([sys.executable, "-c", GUARD], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == code


def test_it_needs_no_installed_airflow(enter: Callable[[str], Path], tmp_path: Path) -> None:
    # an environment without site-packages but for what lint declares to need
    enter("shop")
    needs = ["yaml", "msgspec", "jsonschema_rs", "jsonschema", "referencing", "attr", "attrs"]
    needs += ["jsonschema_specifications", "rpds", "croniter", "typing_extensions"]
    found = [module for module in map(_package, needs) if module]
    packages = tmp_path / "packages"
    packages.mkdir()
    for package in found:
        (packages / package.name).symlink_to(package)
    (packages / "factory").symlink_to(Path(__file__).parents[2] / "factory")
    done = subprocess.run(
        [sys.executable, "-S", "-m", "factory", "lint"],
        env={"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "4 pipelines fine\n", "")


def _package(name: str) -> Path | None:
    import importlib.util

    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin)
    return file.parent if file.stem == "__init__" else file


def test_warnings_alone_are_fine_unless_strict(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("mixed")
    one = "dag_factory_configs/warns.yaml"
    assert cli("lint", one).code == 0
    assert cli("lint", one, "--strict").code == 1


def test_no_secret_is_repeated(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("mixed")
    for form in ("text", "json"):
        out = cli("lint", "dag_factory_configs/warns.yaml", "--format", form).out
        assert "[secret]" in out or '"secret"' in out
        assert "hunter2" not in out
        assert "abc123" not in out


def test_a_layer_stands_for_what_it_applies_to(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    orders = folder / "dag_factory_configs" / "orders"
    (orders / "_defaults.yaml").write_text("version: 1\nowner: orders\n")
    assert cli("lint", "dag_factory_configs/orders/_defaults.yaml").out == "4 pipelines fine\n"
    assert cli("lint", "dag_factory_configs/environments/dev.yaml").out == "4 pipelines fine\n"
    assert cli("lint", "dag_factory_configs/environments/prod.yaml").code == 0
    assert cli("lint", "dag_factory_configs/orders", ".").out == "4 pipelines fine\n"


def test_only_some_environments_are_wrong(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    prod = folder / "dag_factory_configs" / "environments" / "prod.yaml"
    prod.write_text("version: 1\n")
    assert cli("lint").code == 0
    result = cli("lint", "--all-envs")
    assert result.code == 1
    assert "${vars.schema} is not known" in result.out
    assert "= in the environment prod" in result.out


def test_json_holds_what_text_says(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("mixed")
    document = msgspec.json.decode(cli("lint", "--format", "json").out)
    assert document["summary"]["errors"] == 8
    assert len(document["findings"]) == 12
    assert document["findings"][0]["file"] == "dag_factory_configs/files.yaml"


@pytest.mark.parametrize("command", [("explain", "warns"), ("render", "warns")])
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_shown_with_the_values(
    cli: Cli, enter: Callable[[str], Path], command: tuple[str, str], form: str
) -> None:
    folder = enter("mixed") / "dag_factory_configs"
    text = "version: 1\nvars: {token: 987654321, dsn: 'password=hunter2 host=x'}\ntasks:\n"
    text += "  - {id: a, run: 'echo ${vars.token} ${vars.dsn}'}\n"
    (folder / "warns.yaml").write_text(text)
    if command[0] == "render" and form == "text":
        form = "tree"
    done = cli(*command, "--format", form)
    assert done.code == 0
    assert "hunter2" not in done.out
    assert "987654321" not in done.out
