"""A source and a target of another package: schema, lint, plan, all without Airflow."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.ends.sources import BUILT_IN as SOURCES
from factory.ends.targets import BUILT_IN as TARGETS
from factory.project import Project

from .installing import install, seen

SPEC = """
version: 1
tasks:
  - id: squares
    uses: ingest
    with:
      source: {source}
      target: {target}
      write: {write}
"""
COUNTED = '{type: acme_counted, word: "{{ ds }}"}'
NUMBERS = '{type: acme_numbers, path: "file:///data/numbers-{{ ds }}.csv"}'
FOLDER = "{type: acme_folder, path: file:///data/lake}"
FILE = "{type: file, path: file:///data/a.csv, format: csv}"
POSTGRES = "{type: postgres, conn_id: warehouse, table: raw.x}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("acme_ends", tmp_path_factory.mktemp("acme") / "site")


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with seen(site, monkeypatch):
        yield site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "dag_factory_configs"
    folder.mkdir()
    return folder


def write(
    root: Path,
    source: str = NUMBERS,
    target: str = FOLDER,
    write: str = "{mode: append}",
    name: str = "squares",
) -> None:
    text = SPEC.format(source=source, target=target, write=write)
    (root / f"{name}.yaml").write_text(text)


def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "factory", *args]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


def linted(root: Path) -> dict[str, list[str]]:
    """What `factory lint` tells of each file."""
    done = run("lint", "--configs", str(root), "--format", "json")
    found: dict[str, list[str]] = {}
    for entry in json.loads(done.stdout)["findings"]:
        said = f"{entry['line']}:{entry['column']}: {entry['code']}: {entry['message']}"
        found.setdefault(Path(entry["file"]).stem, []).append(said)
    return found


def test_the_schema_knows_them(installed: Path, root: Path, tmp_path: Path) -> None:
    done = run("schema", "--configs", str(root), "--output", str(tmp_path / "schemas"))
    assert done.returncode == 0, done.stderr
    schema = json.loads((tmp_path / "schemas/kinds/ingest.schema.json").read_text())
    assert {"Numbers", "Folder", "File", "Postgres"} <= schema["$defs"].keys()
    text = json.dumps(schema["properties"])
    sources = [*map(tag, SOURCES), "acme_counted", "acme_numbers"]
    assert ", ".join(f"`{each}`" for each in sources) in text
    assert ", ".join(f"`{each}`" for each in [*map(tag, TARGETS), "acme_folder"]) in text
    snippets = (tmp_path / "schemas/pipeline.schema.json").read_text()
    assert ",".join(sources) in snippets


def tag(end: Any) -> str:
    return str(end.__struct_config__.tag)


def test_they_become_tasks(installed: Path, root: Path) -> None:
    write(root)
    plan = Project(root).plan("squares")
    assert {task.id: task.operator for task in plan.tasks} == {
        "squares.make": "acme_ends.make_numbers.MakeNumbers",
        "squares.to_parquet": "factory.in_airflow.operators.ingest.to_parquet.ToParquet",
        "squares.load": "acme_ends.keep_files.KeepFiles",
        "squares.clean_up": "factory.in_airflow.operators.ingest.clean_up.CleanUp",
        "squares.done": "airflow.providers.standard.operators.empty.EmptyOperator",
    }
    load = plan.tasks[2]
    assert load.outlets == ("file:///data/lake",)
    assert plan.groups[0].tooltip == "Numbers → file:///data/lake"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"target": POSTGRES, "write": "{mode: merge, key: [number]}"}, []),
        ({"source": FILE}, []),
        ({"source": COUNTED, "target": POSTGRES}, []),
        (
            {"source": COUNTED},
            [
                "7:22: not-built: `acme_counted` gives `batches`, and the target `acme_folder` "
                "takes `files`"
            ],
        ),
        (
            {"write": "{mode: merge, key: [number]}"},
            ["9:21: not-built: `merge` needs a table; `acme_folder` keeps files"],
        ),
        (
            {"write": "{mode: append}\n      checks: [{type: row_count, min: 1}]"},
            [
                "10:23: not-built: the target `acme_folder` cannot check `row_count` before rows "
                "are published"
            ],
        ),
        (
            {"source": NUMBERS[:-1] + ", rows: 0}"},
            ["7:85: out-of-bounds: 0 is out of bounds"],
        ),
        (
            {"source": NUMBERS[:-1] + ", rows: 4000000000}"},
            ["7:85: out-of-bounds: the square of 4000000000 is too large for a column"],
        ),
        (
            {"target": POSTGRES, "write": "{mode: merge, key: [nummer]}"},
            ["9:34: unknown-column: the load has no column 'nummer'"],
        ),
        (
            {"source": "{type: acme_number, path: x}"},
            ["7:22: not-a-choice: 'acme_number' is not a choice here"],
        ),
    ],
)
def test_lint_checks_what_they_say(
    installed: Path, root: Path, given: dict[str, str], expected: list[str]
) -> None:
    write(root, **given)
    assert linted(root).get("squares", []) == expected


IMPORTED = """
import sys
from pathlib import Path
from factory import registry
from factory.lint.lint import lint_project
from factory.project import Project
looked, outside = set(), registry.outside
registry.outside = lambda group: looked.add(group) or outside(group)
lint_project(Project(Path(sys.argv[1])))
print(sorted(looked), sorted(n for n in sys.modules if "acme" in n))
"""


def test_a_misspelled_word_is_told_those_of_other_packages(installed: Path, root: Path) -> None:
    write(root, source=NUMBERS.replace("acme_numbers", "acme_number"))
    done = run("lint", "--configs", str(root), "--format", "json")
    (found,) = json.loads(done.stdout)["findings"]
    assert "acme_numbers" in found["expected"]
    assert "acme_numbers" in found["hint"]


def test_what_is_built_in_reads_no_other_package(installed: Path, root: Path) -> None:
    write(root, source=FILE, target=POSTGRES)
    command = [sys.executable, "-c", IMPORTED, str(root)]
    assert subprocess.check_output(command, text=True) == "[] []\n"
    write(root)
    found = "['sources', 'targets'] ['acme_ends', 'acme_ends.folder', 'acme_ends.numbers']\n"
    assert subprocess.check_output(command, text=True) == found


END = "class End(Numbers, frozen=True, kw_only=True, tag='%s', tag_field='type'):\n"
BROKEN = {
    "fails_at_import": ("raise RuntimeError('no licence')", "does not load: RuntimeError"),
    "other_word": ("from acme_ends.numbers import Numbers as End", "is not a Struct with"),
    "not_a_source": (
        "import msgspec\nclass End(msgspec.Struct, tag='not_a_source', tag_field='type'): ...",
        "has no `hand_over`",
    ),
    "has_no_pattern": (
        END % "has_no_pattern" + "    code: Annotated[str, Meta(pattern=r'(?P<x>a)(?P=x)')] = 'aa'",
        "has the field 'code', whose pattern '(?P<x>a)(?P=x)' is none",
    ),
    **{
        f"fails_in_{name}": (
            END % f"fails_in_{name}"
            + f"    def {name}(self, *args): raise RuntimeError('no licence')",
            f"the source 'fails_in_{name}' fails: RuntimeError('no licence')",
        )
        for name in ("hand_over", "problems", "reads", "dates", "again", "beside")
    },
    "tells_nothing": (
        END % "tells_nothing" + "    def problems(self): return None",
        "the source 'tells_nothing' fails: TypeError",
    ),
    "hands_nothing_over": (
        END % "hands_nothing_over" + "    def hand_over(self, step, way): return None",
        "the source 'hands_nothing_over' fails: TypeError('it hands over None, not Files",
    ),
    "tells_no_dates": (
        END % "tells_no_dates" + "    def dates(self): return ['yesterday']",
        "the source 'tells_no_dates' fails: ValidationError",
    ),
    "makes_nonsense": (
        END % "makes_nonsense"
        + "    def hand_over(self, step, way): return Files(format='csv', files=object())",
        "the source 'makes_nonsense' fails: TypeError('what it hands over is not plain data: ",
    ),
}
BROKEN_TARGETS = {
    name: (
        f"class End(Folder, frozen=True, kw_only=True, tag='{name}', tag_field='type'):\n"
        f"    def {name.removeprefix('fails_in_')}(self, *args): raise RuntimeError('no licence')",
        f"the target '{name}' fails: RuntimeError('no licence')",
    )
    for name in ("fails_in_load", "fails_in_columns", "fails_in_problems", "fails_in_writes")
} | {
    "fails_in_label": (
        "class End(Folder, frozen=True, kw_only=True, tag='fails_in_label', tag_field='type'):\n"
        "    @property\n    def label(self): raise RuntimeError('no licence')",
        "the target 'fails_in_label' fails: RuntimeError('no licence')",
    ),
}
BROKEN_CHECKS = {
    name: (
        f"class End(Plain, frozen=True, kw_only=True, tag='{name}'):\n"
        "    severity: Severity = 'error'\n    def judge(self, *args): ...\n"
        f"    def {name.removeprefix('fails_in_')}(self, *args): raise RuntimeError('no licence')",
        f"the check '{name}' fails: RuntimeError('no licence')",
    )
    for name in ("fails_in_problems", "fails_in_named")
}
IMPORTS = """
from typing import Annotated
import msgspec
from msgspec import Meta
from acme_ends.folder import Folder
from acme_ends.numbers import Files, Numbers
from factory.definitions.checks.parts import Plain, Severity
"""


@pytest.fixture
def broken(
    site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str, dict[str, tuple[str, str]]], None]:
    """Installs a package that offers ends which fail."""
    metadata = tmp_path / "broken_ends-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-ends\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{tmp_path}")

    def install(group: str, ends: dict[str, tuple[str, str]]) -> None:
        (tmp_path / f"broken_{group}").mkdir()
        offers = "".join(f"{name} = broken_{group}.{name}:End\n" for name in ends)
        with (metadata / "entry_points.txt").open("a") as file:
            file.write(f"[dag_factory.{group}]\n{offers}")
        for name, (text, _) in ends.items():
            (tmp_path / f"broken_{group}" / f"{name}.py").write_text(IMPORTS + text)

    return install


Install = Callable[[str, dict[str, tuple[str, str]]], None]


def test_a_broken_source_breaks_only_what_uses_it(broken: Install, root: Path) -> None:
    broken("sources", BROKEN)
    write(root, name="good")
    write(root, name="plain", source=FILE, target=POSTGRES)
    for name in BROKEN:
        write(root, name=name, source=NUMBERS.replace("acme_numbers", name))
    told(linted(root), BROKEN, "7:22")
    assert linted(root)["fails_at_import"][0].startswith("7:22: broken-package: ")


def told(found: dict[str, list[str]], broken: dict[str, tuple[str, str]], place: str) -> None:
    """Each of them is told once, at its word."""
    assert sorted(found) == sorted(broken)
    for name, (_, message) in broken.items():
        (said,) = found[name]
        assert said.startswith(f"{place}: ")
        assert message in said


def test_a_broken_target_is_told_at_its_type(broken: Install, root: Path) -> None:
    broken("targets", BROKEN_TARGETS)
    for name in BROKEN_TARGETS:
        write(root, name=name, target=FOLDER.replace("acme_folder", name))
    told(linted(root), BROKEN_TARGETS, "8:22")


def test_a_broken_check_is_told_at_its_type(broken: Install, root: Path) -> None:
    broken("checks", BROKEN_CHECKS)
    for name in BROKEN_CHECKS:
        checks = f"{{mode: append}}\n      checks: [{{type: {name}}}]"
        write(root, name=name, target=POSTGRES, write=checks)
    told(linted(root), BROKEN_CHECKS, "10:23")


def test_a_schema_leaves_broken_ones_out(broken: Install, root: Path, tmp_path: Path) -> None:
    broken("sources", BROKEN)
    broken("kinds", {"no_kind": ("raise RuntimeError('no licence')", "")})
    done = run("schema", "--configs", str(root), "--output", str(tmp_path / "schemas"))
    assert done.returncode == 0, done.stderr
    warned = done.stderr.splitlines()
    start = "warning: left out: the source 'has_no_pattern' of the package broken-ends: "
    assert any(line.startswith(start) and "the field 'code'" in line for line in warned)
    start = "warning: left out: the kind 'no_kind' of the package broken-ends: "
    assert sum(line.startswith(start) for line in warned) == 1
    assert len(warned) == 5
    schema = (tmp_path / "schemas/kinds/ingest.schema.json").read_text()
    assert '"acme_numbers"' in schema
    assert '"fails_at_import"' not in schema
    assert not (tmp_path / "schemas/kinds/no_kind.schema.json").exists()


def test_a_misfit_hides_nothing_else(installed: Path, root: Path) -> None:
    write(root, COUNTED, write="{mode: merge, key: [number]}\n      max_bad_rows: 3")
    assert [said.split(": ")[1] for said in linted(root)["squares"]] == [
        "not-built",
        "not-built",
        "no-effect",
    ]
