import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.utils.file import might_contain_dag

from factory.in_airflow import loader

DAGS = Path(__file__).parents[2] / "dags"
BASH = "airflow.providers.standard.operators.bash.BashOperator"
GOOD = "version: 1\ntasks: [{id: a, run: echo}]\n"
Write = Callable[[str, str], Path]


def operator(argument: str) -> str:
    return f"version: 1\ntasks:\n  - id: a\n    uses: {BASH}\n    with: {{{argument}}}\n"


BROKEN = {
    "syntax": ("version: 1\ntasks: [\n", "3:1: "),
    "unknown_key": (f"{GOOD}shedule: x\n", "3:1: the key 'shedule' is not known here"),
    "unknown_kind": ("version: 1\ntasks: [{id: a, uses: bsh}]\n", "2:23: there is no kind 'bsh'"),
    "cycle": (
        "version: 1\ntasks: [{id: a, run: x, needs: [b]}, {id: b, run: x, needs: [a]}]\n",
        "the needs go round in a circle",
    ),
    "no_module": (
        "version: 1\ntasks:\n  - id: a\n    uses: airflow.providers.nope.Nope\n",
        "4:11: there is no module airflow.providers.nope",
    ),
    "not_an_operator": ("version: 1\ntasks:\n  - {id: a, uses: builtins.dict}\n", "3:19: builtins"),
    "exits": ("version: 1\ntasks:\n  - {id: a, uses: sys.exit}\n", "3:5: exit refuses"),
    "misspelt": (operator("bash_comand: x"), "5:12: BashOperator has no argument 'bash_comand'"),
    "missing": (operator(""), "5:11: BashOperator refuses its arguments: missing keyword argument"),
    "wrong_type": (
        operator("bash_command: x, trigger_rule: odd"),
        "5:43: BashOperator refuses",
    ),
    "pool_of_a_number": (operator("bash_command: x, pool: 5"), "5:35: 5 is a number"),
    "unserializable": (
        operator("bash_command: x, weight_rule: odd"),
        "1:1: Airflow cannot store the pipeline",
    ),
    "no_executor": (f"{GOOD}defaults: {{executor: Nope}}\n", "3:22: there is no executor 'Nope'"),
    "bad_asset": (
        f'{GOOD}schedule: {{assets: ["airflow://x"]}}\n',
        "3:21: Airflow keeps the scheme of 'airflow://x' for itself",
    ),
    "bad_param": (
        f'{GOOD}schedule: "@daily"\nparams: {{n: {{type: integer, default: many}}}}\n',
        "'many' is not of type 'integer'",
    ),
    "too_many_runs": (
        f'{GOOD}schedule: "@continuous"\nstart_date: 2024-01-01\nmax_active_runs: 5\n',
        "a pipeline that runs `@continuous` has one run at a time",
    ),
}


def built(root: Path) -> dict[str, Any]:
    return {name: dag for name, dag, _ in loader.build(root) if dag is not None}


def lines(root: Path) -> str:
    return "\n".join(
        f"{entry.file}:{entry.line}:{entry.column}: {entry.message}"
        for _, _, diagnostics in loader.build(root)
        for entry in diagnostics
    )


def copy_loaders(root: Path) -> None:
    shutil.copytree(DAGS, root.parent / "dags", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What Airflow does in a worker: it says which DAG it wants."""

    def ask(dag_id: str) -> None:
        for name, value in (("DAG", dag_id), ("TASK", "a")):
            monkeypatch.setenv(f"_AIRFLOW_PARSING_CONTEXT_{name}_ID", value)

    return ask


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_spec_has_its_line_and_hides_no_other(name: str, root: Path, write: Write) -> None:
    text, expected = BROKEN[name]
    write("good.yaml", GOOD)
    write(f"{name}.yaml", text)
    assert list(built(root)) == ["good"]
    found = lines(root)
    assert f"dag_factory_configs/{name}.yaml:" in found
    assert expected in found


def test_all_broken_specs_are_listed_in_one_error(root: Path, write: Write) -> None:
    for name, (text, _) in BROKEN.items():
        write(f"{name}.yaml", text)
    write("good.yaml", GOOD)
    with pytest.raises(loader.BrokenSpecs) as caught:
        loader.report(str(root.parent / "dags/pipeline_errors.py"))
    for name, (_, expected) in BROKEN.items():
        found = [line for line in str(caught.value).splitlines() if f"/{name}.yaml:" in line]
        assert any(expected in line for line in found), (name, found)
    assert "good.yaml" not in str(caught.value)


def test_of_very_many_broken_specs_the_last_are_counted(root: Path, write: Write) -> None:
    for number in range(1200):
        write(f"broken_{number:04}.yaml", f"{GOOD}shedule: x\n")
    with pytest.raises(loader.BrokenSpecs) as caught:
        loader.report(str(root.parent / "dags/pipeline_errors.py"))
    text = str(caught.value)
    assert len(text.encode()) < 65_536
    told = text.count("/broken_")
    assert text.endswith(f"… and {1200 - told:,} more problems: `factory lint` lists them")


def test_an_import_error_repeats_no_secret_and_nothing_behind_a_link(
    root: Path, write: Write, tmp_path: Path
) -> None:
    (tmp_path.parent / f"{tmp_path.name}-shadow").write_text("root:HIDDEN123:1\n")
    write("typed.yaml", f"{GOOD}password: HIDDEN123\nretries: 'token=HIDDEN123'\n")
    for name in ("linked.yaml", "team/_defaults.yaml"):
        file = write(name, "")
        file.unlink()
        file.symlink_to(tmp_path.parent / f"{tmp_path.name}-shadow")
    write("team/one.yaml", GOOD)
    with pytest.raises(loader.BrokenSpecs) as caught:
        loader.report(str(root.parent / "dags/pipeline_errors.py"))
    told = str(caught.value)
    assert "HIDDEN123" not in told
    assert "typed.yaml:" in told
    for name in ("linked.yaml", "team/_defaults.yaml"):
        assert f"{name}:1:1: this link leads out of the project" in told


def test_good_specs_raise_nothing(root: Path, write: Write) -> None:
    write("good.yaml", GOOD)
    loader.report(str(root.parent / "dags/pipeline_errors.py"))


def test_broken_defaults_are_told_once(root: Path, write: Write) -> None:
    write("team/_defaults.yaml", "shedule: x\n")
    write("team/one.yaml", GOOD)
    write("team/two.yaml", GOOD)
    write("other.yaml", GOOD)
    assert list(built(root)) == ["other"]
    with pytest.raises(loader.BrokenSpecs) as caught:
        loader.report(str(root.parent / "dags/pipeline_errors.py"))
    assert str(caught.value).count("team/_defaults.yaml:1:1: ") == 1


@pytest.mark.parametrize("environment", ["nope", "prod"])
def test_a_missing_folder_or_environment_is_reported_not_raised(
    environment: str, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("good.yaml", GOOD)
    monkeypatch.setenv("FACTORY_ENV", environment)
    assert "there is no environment" in lines(root)
    assert "there is no configuration folder" in lines(root / "missing")
    namespace: dict[str, Any] = {}
    loader.load(str(root.parent / "dags/pipelines.py"), namespace)
    assert namespace == {}


def test_each_combination_of_a_matrix_is_a_dag(
    root: Path, write: Write, asked: Callable[[str], None]
) -> None:
    text = 'version: 1\nmatrix: {t: [x, y]}\ntasks: [{id: a, run: "echo ${matrix.t}"}]\n'
    write("many.yaml", text)
    assert list(built(root)) == ["many__x", "many__y"]
    asked("many__y")
    namespace: dict[str, Any] = {}
    loader.load(str(root.parent / "dags/pipelines.py"), namespace)
    assert list(namespace) == ["many__y"]
    assert namespace["many__y"].get_task("a").bash_command == "echo y"


@pytest.mark.parametrize("name", ["syntax", "misspelt", "no_module"])
def test_a_worker_is_told_the_line_of_its_broken_dag(
    name: str, root: Path, write: Write, asked: Callable[[str], None]
) -> None:
    text, expected = BROKEN[name]
    write(f"{name}.yaml", text)
    asked(name)
    with pytest.raises(loader.BrokenSpecs) as caught:
        loader.load(str(root.parent / "dags/pipelines.py"), {})
    assert f"dag_factory_configs/{name}.yaml:{expected}" in str(caught.value)


def test_a_worker_of_another_dag_file_gets_nothing(
    root: Path, write: Write, asked: Callable[[str], None]
) -> None:
    write("broken.yaml", "tasks: [")
    asked("written_in_python")
    namespace: dict[str, Any] = {}
    loader.load(str(root.parent / "dags/pipelines.py"), namespace)
    loader.report(str(root.parent / "dags/pipeline_errors.py"))
    assert namespace == {}


OPENED = """
import json, os, sys
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.providers.standard.operators import bash
folder, dag_id = sys.argv[1:]
opened = []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith((".yaml", ".yml")):
        opened.append(os.path.basename(str(arguments[0])))
sys.addaudithook(hook)
os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
os.environ["_AIRFLOW_PARSING_CONTEXT_TASK_ID"] = "a"
bag = BundleDagBag(dag_folder=f"{folder}/dags/pipelines.py", bundle_path=folder, bundle_name="b")
print("FOUND" + json.dumps([opened, list(bag.dags), bag.import_errors]))
"""


def test_a_worker_reads_only_the_files_of_its_dag(root: Path, write: Write) -> None:
    copy_loaders(root)
    write("_defaults.yaml", "owner: data\n")
    write("environments/dev.yaml", "vars: {}\n")
    write("team/wanted.yaml", GOOD)
    write("team/neighbour.yaml", "tasks: [")
    write("other/_defaults.yaml", "nonsense")
    write("other/good.yaml", GOOD)
    command = [sys.executable, "-c", OPENED, str(root.parent), "wanted"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    opened, dags, errors = json.loads(answer.stdout.rpartition("FOUND")[2])
    assert sorted(opened) == ["_defaults.yaml", "dev.yaml", "wanted.yaml"]
    assert dags == ["wanted"]
    assert errors == {}


KINDS = {
    "fails_at_import": "raise RuntimeError('no licence')\n",
    "exits_at_import": "raise SystemExit(3)\n",
    "not_a_kind": "Arguments = None\n",
    "fails_to_compile": (
        "import msgspec\n"
        "class Arguments(msgspec.Struct): pass\n"
        "def compile(step): raise RuntimeError('no licence')\n"
    ),
    "has_no_schema": (
        "import msgspec\n"
        "class Arguments(msgspec.Struct): when: complex\n"
        "def compile(step): return None\n"
    ),
    "makes_nonsense": (
        "import msgspec\nclass Arguments(msgspec.Struct): pass\ndef compile(step): return None\n"
    ),
    "begins": (
        "import msgspec\n"
        "from factory.plan.kind import single\n"
        "class Arguments(msgspec.Struct): pass\n"
        "def compile(step):\n"
        f"    return single(step, '{BASH}', {{'bash_command': 'true'}}, role='setup')\n"
    ),
    "works": (
        "import msgspec\n"
        "from factory.plan.kind import single\n"
        "class Arguments(msgspec.Struct): pass\n"
        f"def compile(step): return single(step, '{BASH}', {{'bash_command': 'true'}})\n"
    ),
}


def outside_package(folder: Path) -> None:
    """A package that offers kinds, as pip installs it: modules and their metadata."""
    package, metadata = folder / "outside_kinds", folder / "outside_kinds-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").touch()
    for name, text in KINDS.items():
        (package / f"{name}.py").write_text(text)
    offers = "".join(f"{name} = outside_kinds.{name}\n" for name in KINDS)
    (metadata / "entry_points.txt").write_text(f"[dag_factory.kinds]\n{offers}")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-kinds\nVersion: 1.0\n")


BUILT = """
import json, sys
from pathlib import Path
from factory.in_airflow.loader import build
found = {
    name: None if dag is not None else [f"{d.line}:{d.column}: {d.message}" for d in diagnostics]
    for name, dag, diagnostics in build(Path(sys.argv[1]))
}
print("FOUND" + json.dumps(found))
"""


def test_a_broken_kind_of_another_package_breaks_only_what_uses_it(
    root: Path, write: Write, tmp_path: Path
) -> None:
    outside_package(tmp_path / "site")
    rest = "  - {id: b, run: echo, needs: [a], trigger_rule: all_done}\n"
    for name in KINDS:
        write(f"{name}.yaml", f"version: 1\ntasks:\n  - {{id: a, uses: {name}}}\n{rest}")
    write("good.yaml", GOOD)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", BUILT, str(root)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    found = json.loads(answer.stdout.rpartition("FOUND")[2])
    assert found.pop("good") is None
    assert found.pop("works") is None
    assert found["begins"] == [
        "1:1: Airflow refuses the pipeline: "
        "Setup tasks must be followed with trigger rule ALL_SUCCESS."
    ]
    assert found["fails_at_import"] == [
        "3:19: the module outside_kinds.fails_at_import of a kind does not load: "
        "RuntimeError('no licence')"
    ]
    assert "SystemExit(3)" in found["exits_at_import"][0]
    assert "it has no `compile`" in found["not_a_kind"][0]
    assert found["fails_to_compile"] == [
        "3:19: the kind 'fails_to_compile' fails: RuntimeError('no licence')"
    ]
    assert found["has_no_schema"] == [
        "3:19: the kind 'has_no_schema' has the field 'when', of which no file can have a complex"
    ]
    assert found["makes_nonsense"][0].startswith("3:19: the kind 'makes_nonsense' fails")


STUCK = """
import time
from airflow.sdk import BaseOperator
class Stuck(BaseOperator):
    def __init__(self, **more):
        super().__init__(**more)
        time.sleep(600)
"""
PARSED = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
folder = sys.argv[1]
bag = BundleDagBag(dag_folder=f"{folder}/dags", bundle_path=folder, bundle_name="b")
print("FOUND" + json.dumps([sorted(bag.dags), bag.import_errors]))
"""


def test_an_operator_that_never_ends_hides_no_other(
    root: Path, write: Write, tmp_path: Path
) -> None:
    copy_loaders(root)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/stuck.py").write_text(STUCK)
    write("before.yaml", GOOD)
    write("stuck.yaml", "version: 1\ntasks: [{id: a, uses: stuck.Stuck}]\n")
    write("zlast.yaml", GOOD)
    env = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "site"),
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "3",
    }
    command = [sys.executable, "-c", PARSED, str(root.parent)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    dags, errors = json.loads(answer.stdout.rpartition("FOUND")[2])
    assert dags == ["before", "zlast"]
    assert list(errors) == ["dags/pipeline_errors.py"]
    assert (
        "dag_factory_configs/stuck.yaml:1:1: an operator was still not built"
        in (errors["dags/pipeline_errors.py"])
    )


@pytest.mark.parametrize("name", ["pipelines.py", "pipeline_errors.py"])
def test_airflow_takes_the_loaders_for_dag_files(name: str) -> None:
    assert might_contain_dag(str(DAGS / name), safe_mode=True)


def test_the_specs_lie_beside_the_loader(
    root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loader.configs_beside(str(root.parent / "dags/pipelines.py")) == root
    assert loader.configs_beside(str(root.parent / "pipelines.py")) == root
    monkeypatch.setenv("FACTORY_CONFIGS", str(root / "elsewhere"))
    assert loader.configs_beside(str(root.parent / "dags/pipelines.py")) == root / "elsewhere"


def test_airflows_own_bag_keeps_the_good_beside_the_bad(root: Path, write: Write) -> None:
    copy_loaders(root)
    folder = root.parent
    write("good.yaml", GOOD)
    for name, (text, _) in BROKEN.items():
        write(f"{name}.yaml", text)
    bag = BundleDagBag(dag_folder=folder / "dags", bundle_path=folder, bundle_name="b")
    assert list(bag.dags) == ["good"]
    assert list(bag.import_errors) == ["dags/pipeline_errors.py"]
    assert bag.dags["good"].fileloc == str(root / "good.yaml")
    assert bag.dags["good"].relative_fileloc == "dags/pipelines.py"


NAMES = ["team\udcff/x.yaml", "y\udcff.yaml", "team\x1b[31m/x.yaml", "z\nz.yaml"]
SAYS = """
from airflow.sdk import BaseOperator
class Odd(BaseOperator):
    def __init__(self, **more):
        raise ValueError("no \\udcff, \\x1b[31m, \\0, \\u202e")
"""


def test_the_list_of_errors_reaches_the_database_whatever_is_in_it(
    airflow_database: Path,
    root: Path,
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy_loaders(root)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/odd_operator.py").write_text(SAYS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for name in NAMES:
        write(name, GOOD)
    write("good.yaml", GOOD)
    write("odd.yaml", "version: 1\ntasks: [{id: a, uses: odd_operator.Odd}]\n")
    write("tag.yaml", "version: 1\ntasks: !%ed%a0%80 []\n")
    write("\u202etxt/key.yaml", 'version: 1\n"\\u202e\\x1b[0m": 1\ntasks: [{id: a, run: echo}]\n')
    bag = BundleDagBag(
        dag_folder=str(tmp_path / "dags"), bundle_path=tmp_path, bundle_name="dags-folder"
    )
    assert set(bag.dags) == {"good"}
    (said,) = bag.import_errors.values()
    assert kept(said) == said
    lines = [line for line in said.splitlines() if "dag_factory_configs/" in line]
    assert len(lines) == len(NAMES) + 3
    assert not {"\x1b", "\0", "\u202e"} & set(said)


def kept(text: str) -> str:
    """What Airflow's database keeps of an import error."""
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        error = ParseImportError(filename="x.py", bundle_name="dags-folder", stacktrace=text)
        session.add(error)
        session.flush()
        session.expire(error)
        found = str(error.stacktrace)
        session.delete(error)
    return found


@pytest.mark.parametrize("chosen", ["dev", "prod", ""])
def test_nobody_takes_dev_for_production_in_silence(
    chosen: str, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_CONFIGS", str(root))
    monkeypatch.setenv("FACTORY_ENV", chosen)
    write("environments/prod.yaml", "version: 1\n")
    write("good.yaml", "version: 1\ntasks: [{id: a, run: echo}]\n")
    namespace: dict[str, Any] = {}
    loader.load(__file__, namespace)
    found = loader.problems(__file__)
    page = namespace["good"].doc_md
    if chosen:
        assert found is None
        assert page.endswith(f"Environment: **{chosen}**")
    else:
        assert "environments:1:1: FACTORY_ENV is not set: every pipeline is built for dev" in str(
            found
        )
        assert "set FACTORY_ENV to" in str(found)
        assert page.endswith("Environment: **dev, since FACTORY_ENV is not set**")
