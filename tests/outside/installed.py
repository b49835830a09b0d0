"""Packages beside this module, found as if pip had installed them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import registry

HERE = Path(__file__).parent


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The store `acme://`, whose databases are in a folder of this test."""
    home = tmp_path / "acme"
    home.mkdir()
    monkeypatch.setenv("ACME_HOME", str(home))
    monkeypatch.syspath_prepend(HERE / "acme_store")
    registry.outside.cache_clear()
    yield
    registry.outside.cache_clear()
