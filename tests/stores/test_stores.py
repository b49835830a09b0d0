"""Which stores there are, asked without any of them."""

import subprocess
import sys

import pytest

from factory import registry, stores
from factory.errors import FactoryError


@pytest.mark.usefixtures("acme")
def test_a_store_of_another_package_is_known() -> None:
    assert stores.is_address("acme://box/stage")
    assert stores.beginnings() == "file:/// or gs:// or s3:// or sftp:// or acme://"


def test_those_that_tasks_share() -> None:
    assert stores.is_address("file:///data/stage")
    for scheme in ("gs", "s3"):
        for rest in ("bucket/x", "other@bucket", "{{ var.value.lake }}/x"):
            assert stores.is_address(f"{scheme}://{rest}")
        for rest in ("/x", "other@/x", "key:secret@bucket/x"):
            assert not stores.is_address(f"{scheme}://{rest}")
    for rest in ("drop/x", "drop/~/x", "{{ var.value.drop }}/x"):
        assert stores.is_address(f"sftp://{rest}")
    for rest in ("drop", "/x", "me@host/x", "host:22/x"):
        assert not stores.is_address(f"sftp://{rest}")
    for other in (
        "memory://x/y",
        "S3://bucket/x",
        "gcs://bucket/x",
        "file://host/x",
        "/data",
        "acme://box",
        "",
    ):
        assert not stores.is_address(other)
    assert stores.beginnings() == "file:/// or gs:// or s3:// or sftp://"


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


@pytest.mark.parametrize(
    ("uri", "module", "extra"),
    [
        ("s3://bucket/x", "botocore", "s3"),
        ("gs://bucket/x", "google.auth", "gcs"),
        ("sftp://drop/x", "paramiko", "sftp"),
    ],
)
def test_what_a_store_needs_is_told_with_its_extra(
    uri: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith((module, "factory.stores."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FactoryError, match=f"needs {module}, which is not installed") as told:
        stores.open_uri(uri, lambda scheme, conn_id: None)
    assert f"[{extra}]" in told.value.hint


def test_data_is_the_same_for_every_connection() -> None:
    assert stores.without_connection("s3://other@lake/a@b") == "s3://lake/a@b"
    assert stores.without_connection("gs://other@lake/a@b") == "gs://lake/a@b"
    for uri in ("s3://lake/a@b", "gs://lake/a@b", "file:///a@b", "acme://box/a"):
        assert stores.without_connection(uri) == uri
