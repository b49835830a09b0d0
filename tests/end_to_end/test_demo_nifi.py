"""`factory demo --with nifi` as a person runs it: two databases, NiFi, S3, Airflow."""

import gzip
import importlib.util
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from factory_embedded.demo import nifi as demo_nifi
from factory_embedded.demo.screen import LineScreen
from factory_embedded.services import postgres, s3
from factory_embedded.services.nifi import flows
from factory_embedded.services.nifi import server as nifi
from tests.embedded.nifi_flow import DEFINITION, Group
from tests.end_to_end.test_demo import FACTORY, PROJECT, processes_below

pytestmark = pytest.mark.slow


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(FACTORY), "demo", "--with", "nifi", "--exit", "--home", str(home)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def secrets_of(home: Path) -> list[str]:
    """The passwords of the connections that a running Airflow has."""
    for process in psutil.process_iter():
        try:
            found = process.environ()
        except psutil.Error:
            continue
        if found.get("AIRFLOW_HOME") == str(home / "airflow"):
            names = ("AIRFLOW_CONN_NIFI", "AIRFLOW_CONN_LAKE")
            return [json.loads(found[name])["password"] for name in names]
    raise AssertionError("Airflow does not run")


def flow_states(home: Path) -> set[str]:
    """The states of the processors that NiFi has kept."""
    flow = json.loads(gzip.decompress((home / "nifi/conf/flow.json.gz").read_bytes()))
    groups = flow["rootGroup"]["processGroups"]
    assert len(groups) == 2
    return {one["scheduledState"] for group in groups for one in group["processors"]}


def test_two_days_go_through_nifi_and_arrive(tmp_path: Path) -> None:
    home = tmp_path / "home"
    lines, secrets = [], []
    with start(home) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            lines.append(line)
            if "Airflow is ready" in line:
                secrets = secrets_of(home)
    said = "".join(lines)
    assert demo.returncode == 0, said
    arrived = re.findall(r"lake/(\S+)/orders/day=(\S+)/: (\d+) objects, (\S+) rows\n", said)
    days = ("2024-01-01", "2024-01-02")
    assert arrived == [(shop, day, "5", "25,000") for shop in ("postgres", "mysql") for day in days]
    assert "NiFi's group Orders of postgres is stopped\n" in said
    assert "NiFi's group Orders of mysql is stopped\n2 of 2 runs succeeded\n" in said
    assert re.search(r"2024-01-02  move\S*\.wait +deferred\n", said)
    assert flow_states(home) == {"ENABLED"}  # NiFi's word for what is stopped
    assert processes_below(home) == []

    # its logs, and its database with XComs, rendered fields and Dags
    files = [path for path in (home / "airflow").rglob("*") if path.is_file()]
    assert len(secrets) == 2
    assert [path for path in files if any(x.encode() in path.read_bytes() for x in secrets)] == []
    logs = [path.read_text("utf-8") for path in files if "run_id=" in str(path)]
    for shop in ("postgres", "mysql"):
        told = rf"lake/{shop}/orders/\S+ has all 25,000 rows of shop.orders, in 5 objects"
        assert any(re.search(told, log) for log in logs)
    assert not any("eyJ" in log for log in logs)  # a token begins so


def test_ended_while_nifi_starts_it_leaves_no_process(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "NiFi starts" in line:
                break
        demo.send_signal(signal.SIGINT)
        said = demo.stdout.read()
    assert demo.returncode == 128 + signal.SIGINT, said
    assert processes_below(tmp_path) == []


def test_what_did_not_arrive_is_told(
    real_nifi: nifi.Server,
    real_s3: s3.Server,
    postgres: postgres.Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real_s3.create_bucket(demo_nifi.BUCKET)
    group = flows.install(real_nifi, DEFINITION, "Nothing arrived")
    shop = demo_nifi.Shop("postgres", postgres.connection, {}, group)
    with LineScreen() as show, flows.rest(real_nifi) as api:
        told = demo_nifi.Orders([shop], real_nifi, real_s3).problems(show)
        Group(api, group).delete()
    real_s3.client().delete_bucket(Bucket=demo_nifi.BUCKET)
    assert told == [
        "0 rows of 2024-01-01 of postgres arrived, not 25,000",
        "0 rows of 2024-01-02 of postgres arrived, not 25,000",
    ]
    assert "lake/postgres/orders/day=2024-01-01/: 0 objects, 0 rows\n" in capsys.readouterr().out


class TestCompare:
    """The task after the flow."""

    CSV = 'order_id,ordered_on,amount,note\n1,2024-01-01,0.10,"two\nlines"\n3,2024-01-01,2.50,\n'

    @pytest.fixture
    def lake(
        self, real_s3: s3.Server, postgres: postgres.Server, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Any]:
        fields = {
            "conn_type": "aws",
            "login": real_s3.access_key,
            "password": real_s3.secret_key,
            "extra": {"endpoint_url": real_s3.endpoint, "region_name": real_s3.region},
        }
        monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(fields))
        monkeypatch.setenv("AIRFLOW_CONN_SHOP", postgres.connection.json)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        real_s3.create_bucket("compared")
        with psycopg.connect(postgres.uri, autocommit=True) as database:
            database.execute(
                "create table compared as select n as order_id, date '2024-01-01' + (n + 1) % 2"
                " as ordered_on, (array[0.10, 7, 2.50, 9])[n] as amount"
                " from generate_series(1, 4) n"
            )
            yield real_s3.client()
            database.execute("drop table compared")
        client = real_s3.client()
        for found in client.list_objects_v2(Bucket="compared").get("Contents", ()):
            client.delete_object(Bucket="compared", Key=found["Key"])
        client.delete_bucket(Bucket="compared")

    def compare(self, day: str = "2024-01-01") -> None:
        file = PROJECT / "dag_factory_configs/lake/compare_orders.py"
        spec = importlib.util.spec_from_file_location("compare_orders", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.compare(day, "shop", "compared", "compared", f"orders/day={day}/")

    def put(self, lake: Any, text: str, part: int = 0) -> None:
        key = f"orders/day=2024-01-01/part-{part:05}.csv"
        lake.put_object(Bucket="compared", Key=key, Body=text.encode())

    def test_the_same_rows_in_any_number_of_objects(
        self, lake: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        head, *_ = self.CSV.splitlines(keepends=True)
        self.put(lake, self.CSV.removesuffix("3,2024-01-01,2.50,\n"))
        self.put(lake, f"{head}3,2024-01-01,2.50,\n", part=1)
        self.compare()
        assert "has all 2 rows of compared, in 2 objects" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("before", "after", "told"),
        [
            ("3,2024-01-01,2.50,\n", "", "rows=1, orders=1"),
            ("3,2024-01-01,2.50,\n", "3,2024-01-01,2.50,\n" * 2, "rows=3, orders=2"),
            ("\n3,", "\n1,", "rows=2, orders=1"),
            ("2.50", "2.51", r"Decimal\('2.61'\)"),
        ],
        ids=["missing", "doubled", "another", "changed"],
    )
    def test_a_difference_fails(self, lake: Any, before: str, after: str, told: str) -> None:
        assert before in self.CSV
        self.put(lake, self.CSV.replace(before, after))
        with pytest.raises(ValueError, match=f"rows=2, orders=2.* has .*{told}"):
            self.compare()

    def test_nothing_at_all_fails(self, lake: Any) -> None:
        with pytest.raises(ValueError, match="rows=0"):
            self.compare()
        with pytest.raises(ValueError, match="nothing to compare"):
            self.compare("2024-03-01")
