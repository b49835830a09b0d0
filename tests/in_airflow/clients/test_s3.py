"""The client of S3 that an Airflow connection makes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from factory.cli.main import main
from factory.in_airflow.clients import client
from factory.in_airflow.storage import place
from factory.stores.model import Place
from factory.stores.s3 import SETTINGS, writer
from factory_embedded.services import s3

from ...conftest import OTHER_KEY
from ...stores.contract import put, read
from ...stores.proxy import Proxy, Refusal, Request, before
from ..pipelines import Pipelines

KEYS = {"conn_type": "aws", "login": "KEY", "password": "s3cret-word"}


def of(pipelines: Pipelines, **extra: Any) -> Any:
    pipelines.connect("lake", **KEYS, extra=extra)
    return client("s3", "lake")


def test_it_has_our_limits_unless_the_connection_has_its_own(pipelines: Pipelines) -> None:
    config = of(pipelines).meta.config
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert config.retries["total_max_attempts"] == SETTINGS["retries"]["total_max_attempts"]
    assert config.request_checksum_calculation == "when_supported"
    more = {"read_timeout": 7, "request_checksum_calculation": "when_required"}
    config = of(pipelines, config_kwargs=more, region_name="eu-west-1").meta.config
    assert (config.connect_timeout, config.read_timeout) == (10, 7)
    assert config.request_checksum_calculation == "when_required"
    assert config.region_name == "eu-west-1"


def test_it_is_made_once_until_the_connection_changes(pipelines: Pipelines) -> None:
    first = of(pipelines, endpoint_url="http://127.0.0.1:9")
    assert first.meta.endpoint_url == "http://127.0.0.1:9"
    assert client("s3", "lake") is first
    assert of(pipelines, endpoint_url="http://127.0.0.1:10") is not first


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"region_name": "eu-west-1", "aws_session_token": "of-an-hour"},
        {"endpoint_url": "https://127.0.0.1:9", "verify": False},
        {"verify": "/etc/ssl/own.pem", "region_name": "us-west-2"},
        {"service_config": {"s3": {"endpoint_url": "http://127.0.0.1:9"}}},
        {"profile_name": "partner"},
        {"config_kwargs": {"signature_version": "unsigned", "s3": {"addressing_style": "path"}}},
    ],
)
def test_it_is_what_the_hook_of_airflow_makes(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extra: dict[str, Any]
) -> None:
    profile = (
        "[profile partner]\naws_access_key_id = P\naws_secret_access_key = x\nregion = sa-east-1"
    )
    (tmp_path / "config").write_text(profile)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    login = {"conn_type": "aws"} if "profile_name" in extra else KEYS
    pipelines.connect("lake", **login, extra=extra)
    ours, theirs = client("s3", "lake"), S3Hook(aws_conn_id="lake").get_client_type()
    assert seen(ours) == seen(theirs)


def seen(made: Any) -> list[Any]:
    """Where it asks, as whom, and how."""
    keys = made._request_signer._credentials
    config = made.meta.config
    return [
        *(made.meta.endpoint_url, made.meta.region_name, config.signature_version, config.s3),
        keys and keys.get_frozen_credentials(),
        made._endpoint.http_session._verify,
    ]


def test_keys_of_the_machine_are_taken_only_where_no_connection_is_named(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_AWS_DEFAULT", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "MACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(AirflowNotFoundException):
        client("s3", "no_such_connection")
    made = client("s3", "aws_default")
    assert made._request_signer._credentials.access_key == "MACHINE"


def test_it_reaches_the_server(pipelines: Pipelines, real_s3: s3.Server) -> None:
    given = real_s3.connection
    pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    real_s3.create_bucket("reached")
    names = [one["Name"] for one in client("s3", "lake").list_buckets()["Buckets"]]
    assert "reached" in names


def test_an_object_is_sniffed(
    pipelines: Pipelines, real_s3: s3.Server, capfd: pytest.CaptureFixture[str]
) -> None:
    given = real_s3.connection
    pipelines.connect(
        "drop", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    real_s3.create_bucket("drop")
    real_s3.client().put_object(Bucket="drop", Key="in/a.csv", Body=b"a;b\n1;x\n")
    assert main(["sniff", "s3://drop@drop/in/a.csv"]) == 0
    assert capfd.readouterr().out.startswith("# a.csv: 2 columns, 1 rows\nformat:\n")
    for address, said in (
        ("s3://drop@drop/in/b.csv", "No such file or directory: 'in/b.csv'"),
        ("s3://drop@no-such/b.csv", "there is no bucket 'no-such'"),
        ("s3://nobody@drop/in/a.csv", "Airflow does not know the connection 'nobody'"),
    ):
        assert main(["sniff", address]) == 1
        assert said in capfd.readouterr().err


def test_files_are_put(
    pipelines: Pipelines, real_s3: s3.Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = real_s3.connection
    pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    real_s3.create_bucket("put-here")
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    for file in (one, other):
        file.write_text("id\n1\n")
    to = "s3://lake@put-here/in/"
    for _ in range(2):  # what is there with the same bytes counts
        assert main(["put", str(one), str(other), str(one), to]) == 0
        assert capfd.readouterr().out == f"2 files, 10 bytes, at {to}\n"
    one.write_text("id\n12\n")
    assert main(["put", str(one), to]) == 1
    assert f"there is another file at {to}a.csv: it stays" in capfd.readouterr().err
    assert _read(real_s3, "in/a.csv") == b"id\n1\n"
    assert main(["put", "--replace", str(one), to]) == 0
    assert _read(real_s3, "in/a.csv") == b"id\n12\n"


def _read(server: s3.Server, key: str) -> bytes:
    found: bytes = server.client().get_object(Bucket="put-here", Key=key)["Body"].read()
    return found


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("a.csv s3://lake@no-such/in/", 1, "correct the bucket's name, or create it"),
        ("a.csv s3://nobody@put-here/in/", 1, "does not know the connection 'nobody'"),
        ("a.csv b.csv s3://lake@put-here/x", 1, "2 files cannot have the one name"),
        ("none.csv s3://lake@put-here/in/", 2, "there is no file none.csv"),
        ("a.csv b.csv", 2, "'b.csv' is not in a store"),
    ],
)
def test_what_cannot_be_put_is_told(
    words: str,
    code: int,
    said: str,
    pipelines: Pipelines,
    real_s3: s3.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    given = real_s3.connection
    pipelines.connect(
        "lake", conn_type="aws", login=given.login, password=given.password, extra=given.extra
    )
    real_s3.create_bucket("put-here")
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("id\n1\n")
    assert main(["put", *words.split()]) == code
    assert said in capfd.readouterr().err


def test_a_worker_imports_little_for_it() -> None:
    code = """
import airflow.sdk, sys
before = set(sys.modules)
from factory.in_airflow.storage import place
place("s3://lake/x").store.client
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"pandas", "pyarrow", "aiobotocore", "redshift_connector", "sagemaker_studio"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


# credentials that end, and who pays


@pytest.fixture
def proxy(real_s3: s3.Server) -> Iterator[Proxy]:
    with before(real_s3.endpoint) as proxy:
        yield proxy


def log_in(pipelines: Pipelines, proxy: Proxy, login: str, password: str, **extra: Any) -> None:
    extra = {"endpoint_url": proxy.url, "region_name": s3.REGION, **extra}
    pipelines.connect("lake", conn_type="aws", login=login, password=password, extra=extra)


def from_now_on(key: str) -> Callable[[Request], Refusal | None]:
    """What S3 answers when a key's time is over."""

    def refuse(request: Request) -> Refusal | None:
        is_its = f"Credential={key}/" in request.headers.get("authorization", "")
        return Refusal(400, "ExpiredToken") if is_its else None

    return refuse


@pytest.fixture
def file(real_s3: s3.Server, request: pytest.FixtureRequest) -> str:
    real_s3.create_bucket(name := f"keys-{abs(hash(request.node.name))}")
    return f"s3://lake@{name}/f"


def work(found: Place, at_half: Callable[[], None]) -> None:
    """Write an object in three parts, read it in ranges, and look at it; keys end at half."""
    data = os.urandom(12 << 20)
    with found.store.writer(found.path) as out:
        out.write(data[: 6 << 20])
        at_half()
        out.write(data[6 << 20 :])
    assert read(found) == data
    assert found.store.file(found.path) is not None


def test_a_connection_that_gets_other_keys_in_the_middle(
    pipelines: Pipelines,
    real_s3: s3.Server,
    proxy: Proxy,
    file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "PART", 5 << 20)
    log_in(pipelines, proxy, real_s3.access_key, real_s3.secret_key)

    def ends() -> None:
        proxy.refuse = from_now_on(real_s3.access_key)
        log_in(pipelines, proxy, *next(iter(OTHER_KEY.items())))

    work(place(file), ends)
    refused = [r for r in proxy.requests if proxy.refuse(r)]
    assert 1 <= len(refused) <= 12


def test_credentials_that_are_renewed(
    pipelines: Pipelines,
    real_s3: s3.Server,
    proxy: Proxy,
    file: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """By botocore as long as it knows when they expire, by us where S3 refuses them before."""
    given, config = tmp_path / "given.json", tmp_path / "config"
    config.write_text(f"[profile mover]\ncredential_process = cat {given}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setattr(writer, "PART", 5 << 20)

    def give(key: str, secret: str) -> None:
        said = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret}
        given.write_text(json.dumps({**said, "Expiration": "2999-01-01T00:00:00Z"}))

    def ends() -> None:
        proxy.refuse = from_now_on(real_s3.access_key)
        give(*next(iter(OTHER_KEY.items())))

    give(real_s3.access_key, real_s3.secret_key)
    pipelines.connect(
        "lake",
        conn_type="aws",
        extra={"endpoint_url": proxy.url, "region_name": s3.REGION, "profile_name": "mover"},
    )
    work(place(file), ends)
    assert any("Credential=OTHERKEY/" in r.headers["authorization"] for r in proxy.requests)


def test_credentials_that_end_and_no_others(
    pipelines: Pipelines, real_s3: s3.Server, proxy: Proxy, file: str
) -> None:
    log_in(pipelines, proxy, real_s3.access_key, real_s3.secret_key)
    found = place(file)
    put(found)
    proxy.refuse = from_now_on(real_s3.access_key)
    proxy.requests.clear()
    for ask in (lambda: read(found), lambda: list(found.store.list("")), lambda: put(found)):
        with pytest.raises(PermissionError, match="of the connection 'lake' have expired") as told:
            ask()
        assert "role" in told.value.hint  # type: ignore[attr-defined]
    assert len(proxy.requests) == 3


@pytest.mark.parametrize("pays", [True, False])
def test_who_asks_pays_where_the_connection_says_so(
    pays: bool, pipelines: Pipelines, real_s3: s3.Server, proxy: Proxy, file: str
) -> None:
    more = {"service_config": {"s3": {"requester_pays": True}}} if pays else {}
    log_in(pipelines, proxy, real_s3.access_key, real_s3.secret_key, **more)
    found = place(file)
    put(found, bytes(17 << 20))
    assert len(read(found)) == 17 << 20
    found.store.copy(found.path, "other")
    assert len([*found.store.list("")]) == 1
    found.store.delete_below("")
    assert {method for method, _ in proxy.asked} >= {"GET", "HEAD", "PUT", "POST"}
    said = {request.headers.get("x-amz-request-payer") for request in proxy.requests}
    assert said == {"requester" if pays else None}
