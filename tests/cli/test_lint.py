"""`factory lint`: what it reads, and what it never does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import msgspec
import pytest

from factory.lint.reporters import FORMATS

from .conftest import Cli, process

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
assert "factory.codes" not in sys.modules  # text has no use for the catalogue
sys.exit(code)
"""


ENCODINGS = {
    "utf-8": {"PYTHONUTF8": "1"},
    "strict": {"PYTHONIOENCODING": "utf-8:strict"},
    "C": {"LANG": "C", "LC_ALL": "C"},
    "POSIX without coercion": {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
}


@pytest.mark.parametrize("environment", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("form", FORMATS)
def test_names_and_texts_of_any_characters(
    enter: Callable[[str], Path], form: str, environment: dict[str, str]
) -> None:
    root = enter("shop") / "dag_factory_configs"
    for name in ("x\udcff.yaml", "team\x1b[31m/x.yaml", "größe/a.yaml", "\u202egnp/b.yaml"):
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text('version: 1\n"\u202e\\x1b[31m😀": 1\ntasks: [{id: a, uses: "größe→"}]\n')
    command = [sys.executable, "-m", "factory", "lint", "--format", form]
    env = {key: value for key, value in os.environ.items() if not key.startswith("LC_")}
    done = subprocess.run(command, capture_output=True, env={**env, **environment})
    assert done.stderr == b""
    assert done.returncode == 1
    text = done.stdout.decode(errors="replace")
    assert not {"\x1b", "\u202e", "\x00"} & set(text)
    if form == "json":
        report = msgspec.json.decode(done.stdout)
        if environment.get("PYTHONUTF8") == "0":
            return  # Python itself takes no name for UTF-8 there
        files = {finding["file"].partition("/")[2] for finding in report["findings"]}
        assert files == {"x<dcff>.yaml", "team␛[31m", "größe/a.yaml", "<202e>gnp/b.yaml"}
        assert any("größe→" in finding["message"] for finding in report["findings"])


def test_a_path_that_is_not_utf_8(enter: Callable[[str], Path]) -> None:
    enter("shop")
    command = [sys.executable, "-m", "factory", "lint", "no\udcff.yaml", "x" * 5000]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: there is no file or folder no")


def test_every_environment_is_linted_once(enter: Callable[[str], Path], cli: Cli) -> None:
    root = enter("shop") / "dag_factory_configs"
    shutil.rmtree(root)
    for name in ("environments/prod.yaml", "environments/my env.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("version: 1\n")
    (root / "a.yaml").write_text("version: 1\ntasks: [{id: a, run: echo}]\n")
    result = cli("lint", "--all-envs", "--format", "json")
    report = msgspec.json.decode(result.out)
    assert report["environments"] == ["dev", "prod"]
    assert [finding["code"] for finding in report["findings"]] == ["file-name"]


def test_hidden_folders_are_nobodys(enter: Callable[[str], Path], cli: Cli) -> None:
    root = enter("shop") / "dag_factory_configs"
    for folder in (".git", "__pycache__", "orders/.ipynb_checkpoints"):
        (root / folder).mkdir(parents=True)
        (root / folder / "_defaults.yaml").write_text("nonsense: 1\n")
    assert cli("lint").code == 0


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
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "4 pipelines fine in the environment dev\n",
        "",
    )


def _package(name: str) -> Path | None:
    import importlib.util

    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin)
    return file.parent if file.stem == "__init__" else file


def test_a_folder_without_pipelines(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dag_factory_configs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli("lint") == (0, "there is no pipeline in the environment dev\n", "")


def test_warnings_alone_are_fine_unless_strict(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("mixed")
    one = "dag_factory_configs/warns.yaml"
    assert cli("lint", one).code == 0
    assert cli("lint", one, "--strict").code == 1


def test_no_secret_is_repeated(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("mixed")
    for form in FORMATS:
        out = cli("lint", "dag_factory_configs/warns.yaml", "--format", form).out
        assert "[secret]" in out or '"secret"' in out or "title=secret" in out
        assert "hunter2" not in out
        assert "abc123" not in out


def test_a_layer_stands_for_what_it_applies_to(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    orders = folder / "dag_factory_configs" / "orders"
    (orders / "_defaults.yaml").write_text("version: 1\nowner: orders\n")
    assert (
        cli("lint", "dag_factory_configs/orders/_defaults.yaml").out
        == "4 pipelines fine in the environment dev\n"
    )
    assert (
        cli("lint", "dag_factory_configs/environments/dev.yaml").out
        == "4 pipelines fine in the environment dev\n"
    )
    assert cli("lint", "dag_factory_configs/environments/prod.yaml").code == 0
    assert (
        cli("lint", "dag_factory_configs/orders", ".").out
        == "4 pipelines fine in the environment dev\n"
    )


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


@pytest.mark.parametrize(
    "command", ["explain x", "explain x description", "render x", "lint", "explain x\x1b[2J"]
)
def test_no_command_steers_the_terminal(
    enter: Callable[[str], Path], cli: Cli, command: str
) -> None:
    root = enter("shop") / "dag_factory_configs"
    (root / "\u202egnp").mkdir()
    (root / "\u202egnp/x.yaml").write_text(
        'version: 1\ndescription: "\\e[31m one\\n\\u202e two"\nowner: "\\e[2J"\n'
        'tags: ["\\e]0;x\\a"]\ntasks: [{id: a, run: "echo \\e[0m"}]\n'
    )
    result = cli(*command.split(" "))
    assert not {"\x1b", "\u202e", "\a"} & set(result.out + result.err)


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


BUILT = """version: 1
tasks:
  - {id: a, uses: airflow.providers.standard.operators.bash.BashOperator}
"""


def test_building_every_dag_finds_what_an_operator_refuses(
    enter: Callable[[str], Path], tmp_path: Path
) -> None:
    root = enter("shop") / "dag_factory_configs"
    (root / "bad.yaml").write_text(BUILT)
    lint = ("lint", "--format", "json")
    assert process(*lint).code == 0
    result = process(*lint, "--build", env={"AIRFLOW_HOME": str(tmp_path)})
    report = msgspec.json.decode(result.out)  # nothing that Airflow says is in it
    assert (result.code, result.err) == (1, "")
    (finding,) = report["findings"]
    assert (finding["code"], finding["line"]) == ("not-built", 3)
    assert "missing keyword argument 'bash_command'" in finding["message"]
    assert report["summary"]["fine"] == 4


def test_building_needs_airflow(
    enter: Callable[[str], Path], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    enter("shop")
    monkeypatch.setattr("factory.in_airflow.run.version", version)
    result = cli("lint", "--build")
    assert result.code == 1
    assert result.err.startswith("error: Airflow is not installed here\n  hint: ")
