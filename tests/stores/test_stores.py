"""Which stores there are, asked without any of them."""

import subprocess
import sys

import pytest

from factory import registry, stores
from factory.errors import FactoryError


@pytest.mark.usefixtures("acme")
def test_a_store_of_another_package_is_known() -> None:
    assert stores.is_address("acme://box/stage")
    assert stores.beginnings() == "file:/// or acme://"


def test_those_that_tasks_share() -> None:
    assert stores.is_address("file:///data/stage")
    for other in ("memory://x/y", "s3://bucket/x", "file://host/x", "/data", "acme://box", ""):
        assert not stores.is_address(other)
    assert stores.beginnings() == "file:///"


def test_to_ask_imports_nothing_heavy() -> None:
    code = (
        "import sys; from factory import stores; stores.is_address('x://y'); stores.beginnings()\n"
        "heavy = ('pyarrow', 'fsspec', 'airflow', 'dataclasses')\n"
        "print([n for n in sys.modules if n.split('.')[0] in heavy"
        " or n.startswith('factory.stores.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_module_that_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "outside", lambda group: {"odd": ("json",), "gone": ("no.such",)})
    with pytest.raises(FactoryError, match="the module json is not a store: it has no `place`"):
        stores.open_uri("odd://x")
    with pytest.raises(FactoryError, match="does not load"):
        stores.open_uri("gone://x")
