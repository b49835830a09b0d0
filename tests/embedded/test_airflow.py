import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from factory_embedded.service import Cancelled, ServiceError
from factory_embedded.services import airflow
from tests.patience import until
from tests.processes import name_of, runs

DAG = """
from datetime import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("sleepy", schedule=None, start_date=datetime(2024, 1, 1)):
    BashOperator(task_id="say", bash_command="echo $SAYING") >> BashOperator(
        task_id="sleep", bash_command="sleep 3600"
    )
"""

STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from factory_embedded.service import Cancelled, ServiceError
from factory_embedded.services import airflow
folder = Path(sys.argv[1])
with airflow.running(folder / "home", dags=folder):
    time.sleep(600)
"""


def processes_of(home: Path) -> list[psutil.Process]:
    """All processes that work for this home, wherever they moved: Airflow's and PostgreSQL's."""
    found = []
    for process in psutil.process_iter():
        try:
            of_airflow = process.environ().get("AIRFLOW_HOME") == str(home)
            of_postgres = str(home / "postgres") in (process.cwd(), *process.cmdline())
            if (of_airflow or of_postgres) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def counted(home: Path) -> tuple[int, int]:
    """How many are PostgreSQL's, how many Airflow's."""
    names = [name_of(process) for process in processes_of(home)]
    return names.count("postgres"), len(names) - names.count("postgres") - names.count("")


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with (
        taken_port() as port,
        pytest.raises(ServiceError, match=f"port {port} cannot be used"),
        airflow.running(tmp_path, dags=tmp_path, port=port),
    ):
        pass


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    env = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "nonsense"}
    with (
        pytest.raises(ServiceError, match=r"(?s)ended during its start.*ValueError"),
        airflow.running(tmp_path, dags=tmp_path, env=env),
    ):
        pass
    assert processes_of(tmp_path) == []


def test_a_start_can_be_cancelled(tmp_path: Path) -> None:
    with (
        pytest.raises(Cancelled),
        airflow.running(tmp_path, dags=tmp_path, cancelled=lambda: True),
    ):
        pass
    assert processes_of(tmp_path) == []


@pytest.mark.slow
def test_it_runs_dags_listens_on_the_loopback_only_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "nonsense")
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", "nonsense")
    home, dags = tmp_path / "home", tmp_path / "dags"
    dags.mkdir()
    (dags / "sleepy.py").write_text(DAG)
    with airflow.running(home, dags=dags, env={"SAYING": "hello there"}) as server:
        assert "AIRFLOW_CONN_THEIRS" not in server.env
        until(lambda: server.api.dag("sleepy"))
        run = server.api.trigger("sleepy")
        until(lambda: "running" in states(server, run.dag_run_id).get("sleep", ""))
        say, _ = sorted(server.api.task_instances("sleepy"), key=lambda task: task.task_id)
        assert "hello there" in "\n".join(server.api.log(say))
        assert server.api.import_errors() == []
        assert server.api.dag_source("sleepy") == DAG

        until(lambda: "sleep" in map(name_of, below(server)))
        ours = below(server)
        assert {address for process in ours for address in listeners(process)} == {"127.0.0.1"}
    assert not any(runs(process.pid) for process in ours)
    assert processes_of(home) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
def test_nothing_is_left_when_its_owner_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_AND_WAITS, str(tmp_path)]
    home = tmp_path / "home"
    with subprocess.Popen(command, env=os.environ) as owner:
        try:
            until(lambda: all(count > 3 for count in counted(home)))
        finally:
            owner.kill()
    until(lambda: processes_of(home) == [])


def states(server: airflow.Airflow, run_id: str) -> dict[str, str]:
    return {task.task_id: task.state or "" for task in server.api.task_instances("sleepy", run_id)}


def below(server: airflow.Airflow) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def listeners(process: psutil.Process) -> list[str]:
    try:
        connections = process.net_connections(kind="inet")
    except psutil.NoSuchProcess:
        return []
    return [one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN]
