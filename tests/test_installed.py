"""The wheel in environments of its own: with each extra alone, as users install it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from factory.extras import owners
from factory.review import starter

from .installed import ROOT, build, environment, install, sources
from .test_packages import EXTRAS, PROJECT, modules

LOADED = """\
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(len(sys.argv) - 1)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = sources(tmp_path_factory.mktemp("source"))
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one environment after the other, so that each finds compiled what all have."""
    return tmp_path_factory.mktemp("place")


def closed(extras: Sequence[str]) -> set[str]:
    """Extras, and those that they take in."""
    found = set(extras)
    for extra in extras:
        for text in EXTRAS[extra]:
            requirement = Requirement(text)
            if requirement.name == PROJECT["name"]:
                found |= closed(sorted(requirement.extras))
    return found


def served(extras: Sequence[str]) -> Iterator[str]:
    """The modules that must import where these extras are installed."""
    there = closed(extras)
    for path in modules("factory"):
        file = path.relative_to(ROOT)
        if "starter" in file.parts or file.name == "__main__.py":
            continue
        if set(owners(file.as_posix())) <= there:
            parts = file.with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def said(python: Path, folder: Path, *arguments: str, **env: str) -> str:
    mine = {"AIRFLOW_HOME": str(folder / "airflow"), "PYTHONPATH": ""}
    done = subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env={**os.environ, **mine, **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def requirement(wheel: Path, extra: str) -> str:
    return f"{PROJECT['name']}[{extra}] @ {wheel.as_uri()}"


@pytest.mark.slow
@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_alone_brings_what_its_modules_import(
    extra: str, wheel: Path, place: Path, tmp_path: Path
) -> None:
    shutil.rmtree(place / "venv", ignore_errors=True)
    python = environment(place / "venv", requirement(wheel, extra))
    names = list(served([extra]))
    assert names
    compiled = {"PYTHONPYCACHEPREFIX": str(place / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    loaded = said(python, tmp_path, "-c", LOADED, *names, **compiled)
    assert loaded.splitlines()[-1] == str(len(names))


def test_without_extras_a_project_is_made_and_linted(wheel: Path, tmp_path: Path) -> None:
    """Airflow, pyarrow and the rest are not there."""
    python = environment(tmp_path / "venv", str(wheel))
    assert said(python, tmp_path, "-c", LOADED, *served([]))
    factory = ("-m", "factory")
    said(python, tmp_path, *factory, "init", "project")
    project = tmp_path / "project"
    assert {file.path for file in starter.files() if not (project / file.path).exists()} == set()
    said(python, project, *factory, "new", "ingest", "orders")
    assert (
        said(python, project, *factory, "lint", "--strict")
        == "1 pipeline fine in the environment dev\n"
    )
    assert said(python, project, *factory, "init", "--update", "--check")
    assert said(python, project, *factory, "schema", "--check")


def test_the_other_package_of_that_import_name_is_told(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", str(wheel))
    install(python, "factory_boy==3.3.3")
    done = subprocess.run(
        [python.with_name("factory"), "--version"],
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: factory_boy is installed in this environment")
    install(python, "--reinstall-package", PROJECT["name"], str(wheel))
    assert said(python, tmp_path, "-m", "factory", "--version") == f"factory {PROJECT['version']}\n"
