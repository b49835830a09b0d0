"""Which stores there are, asked without any of them."""

import subprocess
import sys

import pytest

from factory import registry, stores
from factory.errors import FactoryError


@pytest.mark.usefixtures("acme")
def test_a_store_of_another_package_is_known() -> None:
    assert stores.is_address("acme://box/stage")
    assert stores.beginnings() == "file:/// or s3:// or sftp:// or acme://"


def test_those_that_tasks_share() -> None:
    assert stores.is_address("file:///data/stage")
    for uri in ("s3://bucket/x", "s3://other@bucket", "s3://{{ var.value.lake }}/x"):
        assert stores.is_address(uri)
    for uri in ("sftp://drop/x", "sftp://drop/~/x", "sftp://{{ var.value.drop }}/x"):
        assert stores.is_address(uri)
    for other in ("s3:///x", "s3://other@/x", "s3://key:secret@bucket/x"):
        assert not stores.is_address(other)
    for other in ("sftp://drop", "sftp:///x", "sftp://me@host/x", "sftp://host:22/x"):
        assert not stores.is_address(other)
    for other in (
        "memory://x/y",
        "S3://bucket/x",
        "gs://bucket/x",
        "file://host/x",
        "/data",
        "acme://box",
        "",
    ):
        assert not stores.is_address(other)
    assert stores.beginnings() == "file:/// or s3:// or sftp://"


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


def test_a_store_that_one_logs_in_to_wants_a_connection() -> None:
    with pytest.raises(FactoryError, match="reached by a connection"):
        stores.open_uri("s3://bucket/x")


@pytest.mark.parametrize(("scheme", "client"), [("s3", "botocore"), ("sftp", "paramiko")])
def test_what_a_store_needs_is_told_with_its_extra(
    scheme: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.startswith((client, f"factory.stores.{scheme}"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, client, None)
    with pytest.raises(FactoryError, match=f"needs {client}, which is not installed") as told:
        stores.open_uri(f"{scheme}://bucket/x", lambda scheme, conn_id: None)
    assert f"[{scheme}]" in told.value.hint


def test_data_is_the_same_for_every_connection() -> None:
    assert stores.without_connection("s3://other@lake/a@b") == "s3://lake/a@b"
    for uri in ("s3://lake/a@b", "file:///a@b", "acme://box/a"):
        assert stores.without_connection(uri) == uri
