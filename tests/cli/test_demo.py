import sys

import pytest

from factory.cli.main import main


def test_without_its_packages_the_demo_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "factory.embedded.demo", raising=False)
    monkeypatch.setitem(sys.modules, "factory.embedded.airflow", None)
    assert main(["demo", "--exit"]) == 1
    said = capsys.readouterr().err
    assert "which is not installed here" in said
    assert "pip install 'pipeline-factory[airflow,demo]'" in said
