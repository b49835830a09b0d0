import base64
import csv
import hashlib
import io
import itertools
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from factory.errors import FactoryError
from factory.nifi.calls import system
from factory.nifi.client import Client
from factory_embedded import cache, maven
from factory_embedded.service import Cancelled
from factory_embedded.services import files, postgres, s3
from factory_embedded.services.nifi import assemble, flows, relock
from factory_embedded.services.nifi.server import Server, running
from tests.embedded.nifi_flow import DEFINITION, Group
from tests.patience import until
from tests.processes import name_of, runs

DAY = "2024-01-02"
ROWS = 50_000


@pytest.fixture(scope="module")
def api(real_nifi: Server) -> Iterator[httpx.Client]:
    with flows.rest(real_nifi) as api:
        yield api


@pytest.fixture(scope="module")
def orders(postgres: postgres.Server) -> Iterator[str]:
    """A table with 50,000 rows of the day, and others."""
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute(
            "create table flow_orders (order_id bigint primary key, ordered_on date not null,"
            " customer text, amount numeric(12, 2), note text, made_at timestamp)"
        )
        database.execute(
            "insert into flow_orders select i, date '2024-01-01' + (i %% 2), 'c,\"' || i,"
            " i / 100.0, case when i %% 3 > 0 then E'two\\nlines' end,"
            " timestamp '2024-01-01 00:00:00.000001'"
            " from generate_series(1, %s) i",
            [2 * ROWS],
        )
        yield "flow_orders"
        database.execute("drop table flow_orders")


@pytest.fixture
def bucket(real_s3: s3.Server, request: pytest.FixtureRequest) -> str:
    name = f"lake-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
    real_s3.create_bucket(name, anyone_may_write=True)
    return name


@pytest.fixture
def install(
    real_nifi: Server,
    real_s3: s3.Server,
    postgres: postgres.Server,
    orders: str,
    bucket: str,
    api: httpx.Client,
) -> Iterator[Callable[..., Group]]:
    installed: list[Group] = []
    values = {
        "table": orders,
        "day": DAY,
        "target": f"{real_s3.endpoint}/{bucket}/orders",
        "jdbc_url": f"jdbc:postgresql://{postgres.host}:{postgres.port}/{postgres.database}",
        "jdbc_user": postgres.user,
        "jdbc_password": "not looked at",
        "jdbc_driver": str(real_nifi.driver),
    }

    def put(name: str, **changed: str) -> Group:
        group = flows.install(real_nifi, DEFINITION, name, parameters=values | changed)
        installed.append(Group(api, group))
        return installed[-1]

    yield put
    for group in installed:
        group.delete()


def arrived(server: s3.Server, bucket: str) -> dict[str, list[dict[str, str]]]:
    client = server.client()
    found = {}
    for one in client.list_objects_v2(Bucket=bucket).get("Contents", ()):
        text = client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode()
        found[one["Key"]] = list(csv.DictReader(io.StringIO(text, newline="")))
    return found


@pytest.mark.parametrize("source", ["once", "continuous"])
def test_a_table_arrives_exactly(
    install: Callable[..., Group], real_s3: s3.Server, bucket: str, source: str
) -> None:
    group = install(f"Orders {source}")
    group.services("ENABLED")
    assert group.counts() == (0, 4, 0)
    if source == "once":
        group.start_once("start")
    else:
        group.start()
    until(lambda: group.entered("objects") == 10)
    until(lambda: not any(group.queued().values()))
    group.stop()
    assert group.bulletins() == []
    objects = arrived(real_s3, bucket)
    assert [*objects] == [f"orders/day={DAY}/part-{i:05}.csv" for i in range(10)]
    assert {len(rows) for rows in objects.values()} == {5_000}
    rows = [row for part in objects.values() for row in part]
    assert [int(row["order_id"]) for row in rows] == [*range(1, 2 * ROWS, 2)]
    assert rows[0] == {
        "order_id": "1",
        "ordered_on": DAY,
        "customer": 'c,"1',
        "amount": "0.01",
        "note": "two\nlines",
        "made_at": "2024-01-01 00:00:00.000001",
    }
    assert rows[1]["note"] == ""


def test_what_cannot_be_read_lies_in_failure(install: Callable[..., Group]) -> None:
    group = install("Orders of no table", table="no_such_table")
    group.services("ENABLED")
    group.start_once("start")
    until(lambda: group.queued()["failure"] == 1)
    assert any("no_such_table" in message for message in group.bulletins())


def test_what_is_refused_lies_in_failure(
    install: Callable[..., Group], real_s3: s3.Server, bucket: str
) -> None:
    """NiFi says nothing about it: there is no bulletin."""
    real_s3.client().delete_bucket_policy(Bucket=bucket)
    group = install("Orders without a permission")
    group.services("ENABLED")
    group.start_once("start")
    until(lambda: group.queued()["failure"] == 10)
    assert group.bulletins() == []
    assert arrived(real_s3, bucket) == {}


def test_groups_of_one_definition_do_not_share_parameters(install: Callable[..., Group]) -> None:
    first, second = install("One", day="2024-01-01"), install("Another", day="2024-01-03")
    assert first.parameters()["day"] == "2024-01-01"
    assert second.parameters()["day"] == "2024-01-03"
    assert second.parameters()["jdbc_password"] not in (None, "not looked at")
    assert second.counts()[0] == 0


def test_an_unknown_parameter_is_told(real_nifi: Server, tmp_path: Path) -> None:
    with pytest.raises(FactoryError, match="no parameter 'dya'") as told:
        flows.install(real_nifi, DEFINITION, "Misspelt", parameters={"dya": DAY})
    assert "day, day_column" in told.value.hint
    broken = tmp_path / "flow.json"
    broken.write_text("{}")
    with pytest.raises(FactoryError, match="upload with 500"):
        flows.install(real_nifi, broken, "Broken")


def test_the_login(real_nifi: Server, api: httpx.Client) -> None:
    assert api.get("/flow/about").json()["about"]["version"] == relock.NIFI
    assert api.get("/flow/current-user").json()["identity"] == real_nifi.user
    with Client(real_nifi.address) as client:
        assert client.run(system.version()) == relock.NIFI
    wrong = {"username": real_nifi.user, "password": "wrong"}
    assert api.post("/access/token", data=wrong).status_code == 400


def test_a_client_certificate_is_a_login(real_nifi: Server) -> None:
    context = ssl.create_default_context(cafile=str(real_nifi.ca_file))
    with httpx.Client(verify=context, trust_env=False) as client:
        assert client.get(f"{real_nifi.base_url}/nifi-api/flow/about").status_code == 401
    context.load_cert_chain(real_nifi.client_file)
    with httpx.Client(verify=context, trust_env=False) as client:
        answer = client.get(f"{real_nifi.base_url}/nifi-api/flow/current-user")
    assert answer.json()["identity"] == "CN=pipeline-factory"


def test_it_listens_on_the_loopback_only(real_nifi: Server) -> None:
    sockets = psutil.Process(real_nifi.pid).net_connections()
    listening = [one.laddr for one in sockets if one.status == psutil.CONN_LISTEN]
    assert real_nifi.port in [address.port for address in listening]
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_its_secrets_are_for_its_owner(real_nifi: Server) -> None:
    names = ("secrets.json", "nifi.properties", "login-identity-providers.xml")
    for path in (real_nifi.folder / "conf" / name for name in (*names, "keystore.p12")):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_stopped_killed_and_started_again(tmp_path: Path) -> None:
    folder = tmp_path / "nifi"
    with running(folder, token_seconds=60) as server:
        group = flows.install(server, DEFINITION, "Kept", parameters={"day": "2024-02-29"})
        with flows.rest(server) as api:
            claims = json.loads(
                base64.urlsafe_b64decode(api.headers["Authorization"].split(".")[1] + "==")
            )
        assert claims["exp"] - claims["iat"] == 60
        first, port = server.pid, server.port
        server.stop()
        assert (server.pid, runs(first)) == (0, False)
        server.start()
        assert server.port == port
        time.sleep(1)  # the flow is written half a second after a change
        second = server.pid
        server.kill()
        assert not runs(second)
        server.start()
        with flows.rest(server) as api:
            assert Group(api, group).parameters()["day"] == "2024-02-29"
        with pytest.raises(FactoryError, match="in use by another process"), running(folder):
            pass
        third = server.pid
    assert not runs(third)
    assert not (folder / "work").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url, trust_env=False)


HOLD = """
import sys; from pathlib import Path
from factory_embedded.services.nifi.server import running
with running(Path(sys.argv[1])):
    pass
"""


def test_it_ends_with_its_owner(tmp_path: Path, real_nifi: Server) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "nifi")]) as owner:
        found: list[psutil.Process] = []

        def found_java() -> bool:
            below = psutil.Process(owner.pid).children(recursive=True)
            found[:] = [process for process in below if name_of(process) == "java"]
            return bool(found)

        until(found_java)
        owner.send_signal(signal.SIGKILL)
    until(lambda: not runs(found[0].pid))


@pytest.mark.slow
def test_a_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    properties = {"nifi.security.user.authorizer": "nobody"}
    with (
        pytest.raises(FactoryError, match="NiFi ended") as told,
        running(tmp_path, properties=properties),
    ):
        pass
    assert "nobody" in told.value.message
    assert str(tmp_path / "logs") in told.value.message


@pytest.mark.slow
def test_a_port_that_is_taken_is_told(tmp_path: Path, real_nifi: Server) -> None:
    with (
        pytest.raises(FactoryError, match="Address already in use"),
        running(tmp_path, port=real_nifi.port),
    ):
        pass


def test_a_start_is_cancelled(tmp_path: Path, real_nifi: Server) -> None:
    asked = itertools.count()
    with pytest.raises(Cancelled), running(tmp_path, cancelled=lambda: next(asked) > 1):
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://127.0.0.1:{port_of(tmp_path)}", trust_env=False)


def port_of(folder: Path) -> int:
    text = (folder / "conf" / "nifi.properties").read_text("utf-8")
    return int(text.partition("nifi.web.https.port=")[2].splitlines()[0])


@pytest.mark.slow
def test_assembled_from_an_empty_cache_and_then_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIFI_HOME", raising=False)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path))
    assert not assemble.is_at_hand()
    parts = assemble.distribution()
    assert assemble.is_at_hand()
    names = {path.name for path in parts.lib.iterdir()}
    wanted = {one.file_name for one in maven.locked(assemble.LOCK, ["lib", "nar"])}
    assert names - wanted == {
        f"nifi-{name}-nar-{relock.NIFI}.nar" for name in ("standard", "update-attribute")
    }
    assert wanted <= names
    assert parts.driver.name.startswith("postgresql-")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [parts.login.parent.name]
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    before = parts.driver.stat()
    assert assemble.distribution() == parts
    assert parts.driver.stat() == before


class TestNifiHome:
    def test_its_parts_are_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_nifi: Server
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        (home / "lib").symlink_to(real_nifi.parts.lib)
        monkeypatch.setenv("NIFI_HOME", str(home))
        monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
        parts = assemble.distribution()
        assert parts.lib == home / "lib"
        (nar,) = parts.login.iterdir()
        assert nar.name == f"pipeline-factory-login-nar-{relock.NIFI}.nar"
        assert list((parts.login.parent / "lib").iterdir()) == []

    def test_a_folder_without_nifi_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NIFI_HOME", str(tmp_path))
        with pytest.raises(FactoryError, match="nifi-framework-nar"):
            assemble.distribution()


class TestFetch:
    """From a mirror that jgo's settings name."""

    CONTENT = b"not really a jar"

    @pytest.fixture(autouse=True)
    def mirror(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        folder = tmp_path / "mirror"
        (folder / "org/example/thing/1.0").mkdir(parents=True)
        (folder / "org/example/thing/1.0/thing-1.0.jar").write_bytes(self.CONTENT)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with files.running(folder) as server:
            settings = tmp_path / "jgo.conf"
            settings.write_text(f"[repositories]\ncentral = {server.url}\n")
            monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
            yield folder

    @pytest.fixture
    def thing(self) -> maven.Artifact:
        digest = hashlib.sha256(self.CONTENT).hexdigest()
        return maven.Artifact("lib", "org.example", "thing", "jar", "", "1.0", digest)

    def test_it_comes_once(self, thing: maven.Artifact, tmp_path: Path, mirror: Path) -> None:
        path = maven.fetch([thing], tmp_path / "got")[thing]
        assert path.read_bytes() == self.CONTENT
        (mirror / "org/example/thing/1.0/thing-1.0.jar").unlink()
        assert maven.fetch([thing], tmp_path / "got") == {thing: path}

    def test_half_a_file_comes_again(self, thing: maven.Artifact, tmp_path: Path) -> None:
        path = maven.fetch([thing], tmp_path / "got")[thing]
        path.write_bytes(self.CONTENT[:5])
        assert maven.fetch([thing], tmp_path / "got")[thing].read_bytes() == self.CONTENT

    def test_another_file_is_refused(self, thing: maven.Artifact, tmp_path: Path) -> None:
        other = replace(thing, sha256="0" * 64)
        with pytest.raises(FactoryError, match=r"org\.example:thing:1\.0 .* the lock says 0000"):
            maven.fetch([other], tmp_path / "got")
        assert not list((tmp_path / "got").rglob("*.jar"))

    def test_a_missing_one_is_told(self, thing: maven.Artifact, tmp_path: Path) -> None:
        with pytest.raises(FactoryError, match=r"org\.example:thing:2\.0 can't be had") as told:
            maven.fetch([replace(thing, version="2.0")], tmp_path / "got")
        assert "jgo.conf" in told.value.hint

    def test_one_failure_ends_all_and_is_told(self, thing: maven.Artifact, tmp_path: Path) -> None:
        many = [replace(thing, version=f"2.{i}") for i in range(40)]
        with pytest.raises(FactoryError, match="can't be had"):
            maven.fetch([thing, *many], tmp_path / "got")

    def test_it_is_cancelled(self, thing: maven.Artifact, tmp_path: Path) -> None:
        with pytest.raises(Cancelled):
            maven.fetch([thing], tmp_path / "got", lambda: True)
        assert not (tmp_path / "got").exists()


def test_the_lock_is_whole() -> None:
    found = maven.locked(assemble.LOCK)
    assert {one.place for one in found} == {
        *("lib", "nar", "standard", "attributes", "jdbc", "compiler")
    }
    assert all(len(bytes.fromhex(one.sha256)) == 32 for one in found)
    assert {one.version for one in found if one.place == "nar"} == {relock.NIFI}
    text = assemble.LOCK.read_text("utf-8")
    assert [one.line for one in found] == [x for x in text.splitlines() if not x.startswith("#")]


def test_the_cache_is_where_users_expect_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACTORY_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert cache.cache_folder() == Path("/var/caches/pipeline-factory")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache.cache_folder() == Path("/home/someone/.cache/pipeline-factory")
    monkeypatch.setenv("FACTORY_CACHE", "here")
    assert cache.cache_folder() == Path(os.getcwd()) / "here"
