"""A kind of another package: lint, plan, schema, and a real run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .installing import install

SPEC = """
version: 1
tasks:
  - {id: hello, uses: greet, with: {%s}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("acme_kinds", tmp_path_factory.mktemp("acme") / "site")


def factory(site: Path, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    env = {**mine, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "factory", *args],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
    )


def write(folder: Path, arguments: str) -> None:
    root = folder / "dag_factory_configs"
    root.mkdir()
    (root / "greeting.yaml").write_text(SPEC % arguments)


def test_a_mistake_is_told_as_of_a_built_in_kind(site: Path, tmp_path: Path) -> None:
    write(tmp_path, "nme: world")
    done = factory(site, tmp_path, "lint", "--format", "json")
    found = {entry["code"]: entry for entry in json.loads(done.stdout)["findings"]}
    assert found["unknown-key"]["hint"] == "did you mean 'name'?"
    assert found["unknown-key"]["line"] == 4


def test_editors_are_offered_it(site: Path, tmp_path: Path) -> None:
    write(tmp_path, "name: world")
    done = factory(site, tmp_path, "schema", "--output", "schemas")
    assert done.returncode == 0, done.stderr
    schema = json.loads((tmp_path / "schemas/kinds/greet.schema.json").read_text())
    assert schema["properties"]["name"]["description"] == "Who is greeted."


def test_a_list_of_kinds_has_the_good_ones_beside_a_broken_one(site: Path, tmp_path: Path) -> None:
    metadata = tmp_path / "site" / "broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text("[dag_factory.kinds]\nbroken = not_there\n")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    write(tmp_path, "name: world")
    both = f"{site}{os.pathsep}{metadata.parent}"
    env = {**os.environ, "PYTHONPATH": both}
    command = [sys.executable, "-m", "factory", "new", "--list"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = {line.partition(" ")[0]: line for line in done.stdout.splitlines()}
    assert "Greet somebody in the task's log." in lines["greet"]
    assert "does not load: ModuleNotFoundError" in lines["broken"]
    assert "bash" in lines


OF_OTHERS: dict[str, str | bytes] = {
    "no value": "[console_scripts]\nnothing\n",
    "no UTF-8": b"[console_scripts]\nx\xff = y\n",
    "no module": "[dag_factory.kinds]\nbroken\nodd = not a module!\n",
}
GREET = "[dag_factory.kinds]\ngreet = acme_kinds.greet\n"


def offering(folder: Path, entries: str | bytes, name: str, version: str = "1.0") -> Path:
    """What is installed of a package beside its modules; without a version, as an older pip did."""
    metadata = folder / (f"{name}-{version}.dist-info" if version else f"{name}.egg-info")
    metadata.mkdir(parents=True)
    text = entries if isinstance(entries, bytes) else entries.encode()
    (metadata / "entry_points.txt").write_bytes(text)
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version or 1}\n"
    (metadata / ("METADATA" if version else "PKG-INFO")).write_text(about)
    return folder


def linted(*sites: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    write(folder, "name: world")
    return factory(Path(os.pathsep.join(map(str, sites))), folder, "lint")


@pytest.mark.parametrize("case", OF_OTHERS)
def test_a_damaged_package_is_its_own_matter(site: Path, tmp_path: Path, case: str) -> None:
    damaged = offering(tmp_path / "damaged", OF_OTHERS[case], "other")
    done = linted(damaged, site, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    listed = factory(Path(f"{damaged}{os.pathsep}{site}"), tmp_path, "new", "--list")
    assert listed.returncode == 0, listed.stderr
    assert "Greet somebody in the task's log." in listed.stdout
    said = "broken   (the entry point 'broken' of a kind names no module)" in listed.stdout
    assert said == (case == "no module")


@pytest.mark.parametrize("version", ["", "1.0", "2.0"])
def test_a_package_that_is_seen_twice_offers_once(site: Path, tmp_path: Path, version: str) -> None:
    twice = offering(tmp_path / "twice", GREET, "acme-kinds", version)
    done = linted(twice, site, folder=tmp_path)
    assert done.returncode == 0, done.stdout


def test_what_an_update_that_broke_off_left_is_no_package(site: Path, tmp_path: Path) -> None:
    (tmp_path / "left" / "acme_kinds-0.9.dist-info").mkdir(parents=True)
    done = linted(tmp_path / "left", site, folder=tmp_path)
    assert done.returncode == 0, done.stdout


def test_an_older_version_further_on_offers_nothing(site: Path, tmp_path: Path) -> None:
    newer = offering(tmp_path / "newer", "", "acme_kinds", "9.0")
    done = linted(newer, site, folder=tmp_path)
    assert "there is no kind 'greet'" in done.stdout


def test_two_packages_of_one_name_are_told(site: Path, tmp_path: Path) -> None:
    other = offering(tmp_path / "other", GREET.replace("acme_kinds.greet", "other"), "other")
    done = linted(other, site, folder=tmp_path)
    assert "offered twice: other, acme_kinds.greet" in done.stdout


KIND = """
from typing import Annotated
from msgspec import Meta
from factory.fields import Strict
from factory.plan.kind import Fragment, Step, single
class Arguments(Strict, frozen=True):
    "Broken."
    a: {field}
def compile(step: Step) -> Fragment:
    return single(step, "airflow.providers.standard.operators.empty.EmptyOperator", {{}})
"""
BROKEN = {
    "pattern": (
        "Annotated[str, Meta(pattern=r'(?P<x>a)(?P=x)')]",
        "has the field 'a', whose pattern '(?P<x>a)(?P=x)' is none that a schema can have",
    ),
    "bad_pattern": ("Annotated[str, Meta(pattern='(')]", "does not load: error("),
    "complex": ("complex", "has the field 'a', of which no file can have a complex"),
    "nested": ("dict[str, list[bytes]]", "has the field 'a', of which no file can have a bytes"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_kind_whose_fields_no_file_can_say(site: Path, tmp_path: Path, name: str) -> None:
    field, message = BROKEN[name]
    metadata = tmp_path / "more" / "broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text("[dag_factory.kinds]\nbroken = broken_kind\n")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata.parent / "broken_kind.py").write_text(KIND.format(field=field))
    both = Path(f"{site}{os.pathsep}{metadata.parent}")
    write(tmp_path, "name: world")
    (tmp_path / "dag_factory_configs" / "bad.yaml").write_text(
        "version: 1\ntasks: [{id: x, uses: broken, with: {a: aa}}]\n"
    )
    done = factory(both, tmp_path, "lint", "--format", "json")
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["code"], found["line"], found["column"]) == ("broken-kind", 2, 23)
    assert message in found["message"]
    for command in (["explain", "bad"], ["render", "bad"], ["new", "broken", "x"]):
        done = factory(both, tmp_path, *command)
        assert done.returncode == 1
        assert message in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    done = factory(both, tmp_path, "schema", "--output", "schemas")
    assert done.returncode == 0
    assert "warning: left out: the kind 'broken' of the package broken: " in done.stderr
    assert message in done.stderr
    assert (tmp_path / "schemas/kinds/greet.schema.json").is_file()


@pytest.mark.slow
def test_it_runs(site: Path, tmp_path: Path) -> None:
    write(tmp_path, "name: world")
    done = factory(site, tmp_path, "run", "greeting", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello world" in done.stdout
