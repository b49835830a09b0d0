"""The client of GCS that an Airflow connection makes."""

import json
import subprocess
import sys
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from factory.cli.main import main
from factory.errors import FactoryError
from factory.in_airflow.clients import client
from factory.in_airflow.clients.gcs import SCOPE
from factory.stores import open_uri
from factory_embedded.services import gcs
from tests.web import Asked, Web

from ...stores.contract import put
from ..lakes import lake
from ..pipelines import Pipelines

BROKEN = "-----BEGIN PRIVATE KEY-----\nmArkSECRET\n-----END PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that gives no login, and asks no metadata server for it."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


def of(pipelines: Pipelines, **extra: Any) -> Any:
    pipelines.connect("lake", conn_type="google_cloud_platform", extra=extra)
    return client("gs", "lake")


def key(**other: str) -> dict[str, str]:
    """A service account's, as Google gives it out."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "factory",
        "client_email": "loads@factory.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": pem.decode(),
        **other,
    }


def test_where_it_asks(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(pipelines, is_anonymous=True).endpoint == "https://storage.googleapis.com"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9/")
    emulated = of(pipelines, keyfile_dict=key(token_uri="http://127.0.0.1:9"))
    assert emulated.endpoint == "http://127.0.0.1:9"
    assert type(emulated.session.credentials).__name__ == "AnonymousCredentials"
    own = of(pipelines, is_anonymous=True, api_endpoint="https://storage-x.p.googleapis.com/")
    assert own.endpoint == "https://storage-x.p.googleapis.com"


def test_it_is_made_once_until_the_connection_changes(pipelines: Pipelines) -> None:
    first = of(pipelines, is_anonymous=True, api_endpoint="http://127.0.0.1:9")
    assert client("gs", "lake") is first
    assert of(pipelines, is_anonymous=True, api_endpoint="http://127.0.0.1:10") is not first


def test_a_login_is_renewed_when_it_ends(pipelines: Pipelines, web: Web) -> None:
    """By the real library: its tokens end before they are used twice."""
    count = 0

    def answer(asked: Asked) -> None:
        nonlocal count
        if asked.path == "/token":
            count += 1
            said = {"access_token": f"token-{count}", "expires_in": 1, "token_type": "Bearer"}
            web.answers = [(200, json.dumps(said).encode())]
        else:
            web.answers = [(200, b"{}")]

    web.before, web.headers = answer, {"Content-Type": "application/json"}
    at = f"http://127.0.0.1:{web.port}"
    made = of(pipelines, keyfile_dict=key(token_uri=f"{at}/token"), api_endpoint=at)
    for _ in range(2):
        assert made.ask("GET", made.objects("lake")).facts == {}
    logins = [asked.headers.get("authorization") for asked in web.asked if asked.method == "GET"]
    assert logins == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("written", ["mapping", "text", "file"])
def test_a_key_is_read_as_it_is_written(pipelines: Pipelines, tmp_path: Any, written: str) -> None:
    found = key(token_uri="http://127.0.0.1:9")
    file = tmp_path / "key.json"
    file.write_text(json.dumps(found))
    extra = {
        "mapping": {"keyfile_dict": found},
        "text": {"keyfile_dict": file.read_text(), "key_path": "", "num_retries": 5},
        "file": {"key_path": str(file)},
    }
    login = of(pipelines, **extra[written]).session.credentials
    assert login.service_account_email == found["client_email"]
    assert login.scopes == [SCOPE]


def test_whom_it_impersonates(pipelines: Pipelines) -> None:
    made = of(
        pipelines,
        keyfile_dict=key(token_uri="http://127.0.0.1:9"),
        impersonation_chain="a@x.iam.gserviceaccount.com,b@x.iam.gserviceaccount.com",
    )
    login = made.session.credentials
    assert login.service_account_email == "b@x.iam.gserviceaccount.com"
    assert login._delegates == ["a@x.iam.gserviceaccount.com"]


def test_the_machines_login_is_taken_only_where_no_connection_is_named(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", raising=False)
    (tmp_path / "key.json").write_text(json.dumps(key(token_uri="http://127.0.0.1:9")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(AirflowNotFoundException):
        client("gs", "no_such_connection")
    login = client("gs", "google_cloud_default").session.credentials
    assert login.service_account_email == "loads@factory.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"keyfile_dict": "{none"}, "JSONDecodeError"),
        ({"keyfile_dict": "{none", "impersonation_chain": "a@x.org"}, "Invalid key JSON"),
        ({"keyfile_dict": {"type": "service_account"}}, "KeyError: 'private_key'"),
        ({"keyfile_dict": {**key(), "token_uri": "http://h", "private_key": BROKEN}}, "PEM"),
        ({"key_path": "/no/such.json"}, "/no/such.json"),
        ({"key_path": "/no/such.json", "keyfile_dict": {"a": "1"}}, "mutually exclusive"),
    ],
)
def test_a_key_that_is_none_is_told_and_not_shown(
    extra: dict[str, Any], said: str, pipelines: Pipelines
) -> None:
    with pytest.raises(FactoryError, match="connection 'lake' has no key") as told:
        of(pipelines, **extra)
    assert said in str(told.value)
    assert "keyfile_dict" in told.value.hint
    assert "mArkSECRET" not in f"{told.value} {told.value.hint}"


def test_who_has_no_login_is_told(pipelines: Pipelines, web: Web) -> None:
    pipelines.connect("lake", conn_type="google_cloud_platform", extra={"project": "x"})
    with pytest.raises(PermissionError, match="connection 'lake' has no key") as none:
        open_uri("gs://lake@box/x", client).store.file("x")
    assert "keyfile_dict" in none.value.hint  # type: ignore[attr-defined]
    web.answers = [(400, b'{"error": "invalid_grant", "error_description": "Invalid JWT"}')]
    of(pipelines, keyfile_dict=key(token_uri=f"http://127.0.0.1:{web.port}"))
    with pytest.raises(PermissionError, match="login of the connection 'lake' fails") as wrong:
        open_uri("gs://lake@box/x", client).store.file("x")
    assert "invalid_grant" in str(wrong.value)


def test_an_object_is_sniffed(
    pipelines: Pipelines,
    real_gcs: gcs.Server,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    put(lake("gs", request, pipelines, "drop").below("in", "a.csv"), b"a;b\n1;x\n")
    assert main(["sniff", "gs://lake@drop/in/a.csv"]) == 0
    assert capfd.readouterr().out.startswith("# a.csv: 2 columns, 1 rows\nformat:\n")
    for address, said in (
        ("gs://lake@drop/in/b.csv", "No such file or directory: 'in/b.csv'"),
        ("gs://lake@no-such/b.csv", "there is no bucket 'no-such'"),
        ("gs://nobody@drop/in/a.csv", "Airflow does not know the connection 'nobody'"),
    ):
        assert main(["sniff", address]) == 1
        assert said in capfd.readouterr().err


def test_a_worker_imports_little_for_it() -> None:
    code = """
import airflow.sdk, sys
import json, os
os.environ["AIRFLOW_CONN_LAKE"] = json.dumps(
    {"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True, "project": "p"}}
)
before = set(sys.modules)
from factory.in_airflow.clients import bigquery, gcs
gcs.client("lake"), bigquery.client("lake")
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"pandas", "pyarrow", "vertexai"}))
print("google.cloud.storage" in sys.modules, "googleapiclient" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["[]", "False False"]
