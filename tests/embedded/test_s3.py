import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from botocore.exceptions import ClientError

from factory.errors import FactoryError
from factory_embedded.services import s3
from tests.patience import seconds
from tests.processes import runs


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    with s3.running(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket("closed")
        server.create_bucket("open", anyone_may_write=True)
        yield server


def unsigned(method: str, url: str, content: bytes = b"") -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.request(method, url, content=content)


def other_client(server: s3.Server, access_key: str, secret_key: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=server.region,
    )


@pytest.mark.parametrize("key", ["a", "day=2024-01-01/part-0.csv", "with space/ü+%.csv", "a\nb"])
def test_what_is_put_is_read_and_listed(server: s3.Server, key: str) -> None:
    client = server.client()
    client.put_object(Bucket="closed", Key=key, Body=b"1,2\n", ContentType="text/csv")
    answer = client.get_object(Bucket="closed", Key=key)
    assert (answer["Body"].read(), answer["ContentType"]) == (b"1,2\n", "text/csv")
    listed = client.list_objects_v2(Bucket="closed", Prefix=key)["Contents"]
    assert key in [one["Key"] for one in listed]


def test_ten_megabytes_in_parts(server: s3.Server, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(1024) * 10_240)
    client = server.client()
    client.upload_file(str(tmp_path / "big"), "closed", "big")
    assert client.head_object(Bucket="closed", Key="big")["ContentLength"] == 10_485_760
    client.download_file("closed", "big", str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == (tmp_path / "big").read_bytes()


def test_a_wrong_key_is_refused(server: s3.Server) -> None:
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        other_client(server, "ANOTHER", server.secret_key).list_buckets()
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        other_client(server, server.access_key, "wrong").put_object(
            Bucket="closed", Key="a", Body=b"1"
        )


def test_a_changed_request_is_refused(server: s3.Server) -> None:
    link = f"{server.endpoint}/closed?list-type=2"
    with httpx.Client(trust_env=False) as client:
        for value in ("AWS4-HMAC-SHA256 nonsense", "Basic eDp5", "AWS4-HMAC-SHA256 Credential=a/b"):
            answer = client.get(link, headers={"Authorization": value})
            assert answer.status_code in (400, 403)
            assert "<Error>" in answer.text


def test_everybody_may_only_put_objects_and_only_where_the_policy_says_so(
    server: s3.Server,
) -> None:
    url = f"{server.endpoint}/open/day=1/part-0.csv"
    assert unsigned("PUT", url, b"1\n").status_code == 200
    assert (
        server.client().get_object(Bucket="open", Key="day=1/part-0.csv")["Body"].read() == b"1\n"
    )
    for method, place in (
        ("GET", "open/day=1/part-0.csv"),
        ("DELETE", "open/day=1/part-0.csv"),
        ("GET", "open"),
        ("PUT", "open?policy"),
        ("PUT", "open/a?acl"),
        ("PUT", "closed/a"),
        ("PUT", "new"),
        ("PUT", "missing/a"),
        ("GET", ""),
    ):
        answer = unsigned(method, f"{server.endpoint}/{place}", b"x")
        assert (answer.status_code, "AccessDenied" in answer.text) == (403, True), (method, place)


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    with s3.running(tmp_path) as server:
        below = psutil.Process(server.process.pid).children(recursive=True)
        assert below
        assert unsigned("GET", server.endpoint).status_code == 403
    assert not any(runs(process.pid) for process in below)
    with pytest.raises(httpx.ConnectError):
        unsigned("GET", server.endpoint)


def test_it_ends_with_its_owner(tmp_path: Path) -> None:
    code = """
import sys, time; from pathlib import Path
from factory_embedded.services.s3 import running
with running(Path(sys.argv[1])) as server:
    print(server.process.pid, flush=True); time.sleep(600)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        watcher = psutil.Process(int(owner.stdout.readline()))
        (server,) = watcher.children()
        owner.send_signal(signal.SIGKILL)
    psutil.wait_procs([watcher, server], timeout=seconds(20))
    assert not runs(server.pid)


def test_a_start_that_fails_shows_the_log(tmp_path: Path, server: s3.Server) -> None:
    taken = int(server.endpoint.rpartition(":")[2])
    with pytest.raises(FactoryError, match="in use"), s3.running(tmp_path, port=taken):
        pass
