"""Installs a package of this folder, as a person would, where only one test sees it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from factory import choices, registry

HERE = Path(__file__).parent


def install(name: str, site: Path) -> Path:
    """Build the package and put it into the folder `site`."""
    project = site.with_name(f"{site.name}-source") / name  # a build leaves files beside it
    shutil.copytree(HERE / name, project, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *alone, "--target", str(site), str(project)], check=True)
    return site


@contextmanager
def seen(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is installed there can be imported, in this process and in those that it starts."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    forget()
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(site)):
            del sys.modules[name]
    forget()


def forget() -> None:
    """Look for packages anew."""
    registry.outside.cache_clear()
    choices.forget()
