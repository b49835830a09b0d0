import re
import subprocess
import sys
from pathlib import Path

import pytest

from factory.cli.main import main


def test_without_its_packages_the_demo_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "factory_embedded.demo.run", raising=False)
    monkeypatch.setitem(sys.modules, "factory_embedded.service", None)
    assert main(["demo", "--exit"]) == 1
    said = capsys.readouterr().err
    assert "which is not installed here" in said
    assert "in a checkout of this project: pip install './embedded[all]'" in said


def test_nobody_is_told_to_install_what_others_own_on_the_index() -> None:
    """The name of the distribution is somebody else's there."""
    root = Path(__file__).parents[2]
    files = subprocess.check_output(["git", "ls-files", "-z"], cwd=root, text=True).split("\0")
    found = [
        f"{name}: {line.strip()}"
        for name in files
        if name and (root / name).is_file() and not name.startswith("tests/")
        for line in (root / name).read_text(errors="replace").splitlines()
        if re.search(r"(?<!un)install\b.*(?<!airflow-)\bpipeline-factory", line)
    ]
    assert found == []
