"""`factory run`, on a real Airflow in a process of its own."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from factory_embedded.ports import free_port
from factory_embedded.services.postgres import Server
from tests.nifi import fake
from tests.patience import output, until
from tests.web import serving

from .conftest import Result, process

pytestmark = pytest.mark.slow

SPECS = {
    "fails.yaml": """
version: 1
tasks:
  - {id: fine, run: echo fine}
  - id: bad
    needs: [fine]
    retries: 3
    run: |
      echo about to fail
      echo "no such table" >&2
      exit 3
  - {id: after, needs: [bad], run: echo never}
""",
    "templates.yaml": """
version: 1
tasks:
  - {id: first, run: "echo {{ ds }"}
  - {id: second, run: "echo {{ nope }}", needs: [first], trigger_rule: all_done}
  - {id: third, run: "echo mine; exit 3", needs: [second], trigger_rule: all_done}
  - {id: fourth, run: "echo {{ ds | upperr }}", needs: [third], trigger_rule: all_done}
""",
    "dated.yaml": """
version: 1
start_date: 2024-01-01
end_date: 2024-03-31
timezone: Europe/Berlin
tasks:
  - {id: first, run: exit 1}
  - {id: day, needs: [first], run: 'test "{{ ds }}" = 2024-03-30'}
""",
    "copies.yaml": """
version: 1
tasks:
  - id: shop
    for_each: [1, 2, 3]
    tasks:
      - {id: asks, if: "{{ item < 3 }}", run: "test {{ item }} = 1"}
      - {id: loads, needs: asks, run: "echo loads {{ item }}"}
  - {id: never, needs: shop, for_each: [1, 2], run: echo never}
""",
    "given.yaml": """
version: 1
params: {full: false, tables: {type: array, default: []}}
tasks:
  - id: shown
    run: echo "{{ params.full }} of {{ params.tables | join('+') }}"
""",
    "code.yaml": """
version: 1
tasks:
  - {id: call, uses: python, with: {callable: code.py:run}}
""",
    "code.py": """
def run(ds: str) -> None:
    print("so far so good")
    divide(1, 0)


def divide(a: int, b: int) -> float:
    return a / b
""",
    "lacks.yaml": """
version: 1
tasks: [{id: post, uses: python, with: {callable: lacks.py:run}}]
""",
    "lacks.py": """
import sys

def run():
    sys.modules["slack_sdk"] = None  # as where it is not installed
    import slack_sdk
""",
    "connects.yaml": """
version: 1
tasks:
  - {id: ask, uses: sql, with: {conn_id: not_there, sql: SELECT 1}}
""",
    "call_api.yaml": """
version: 1
tasks:
  - id: call
    uses: http
    with:
      conn_id: web
      endpoint: /x
      headers: {Authorization: "Bearer {{ var.value.api_token }}"}
""",
    "prints.yaml": """
version: 1
tasks:
  - id: call
    uses: python
    with: {callable: prints.py:run, args: {token: "{{ var.value.api_token }}"}}
""",
    "prints.py": """
import sys

def run(token: str) -> None:
    print("the token is", token)
    print("it is", token, file=sys.stderr)
    raise ValueError(f"{token} is no token")
""",
    "starts.yaml": """
version: 1
tasks:
  - {id: start, uses: trigger, with: {pipeline: code}}
""",
    "loads.yaml": """
version: 1
tasks:
  - id: ingest
    uses: ingest
    with:
      source: {type: file, path: "file://${vars.data}/*.csv", format: csv}
      target: {type: postgres, conn_id: warehouse, table: public.few}
      on_bad_row: quarantine
      write: {mode: replace}
      checks: [{type: row_count, min: 10, severity: warn}]
  - {id: hello, needs: [ingest], run: echo said by a person}
""",
    "defers.yaml": """
version: 1
tasks:
  - id: until
    uses: wait
    with: {for: {type: sql, conn_id: warehouse, sql: SELECT false}, poll_interval: 1s}
  - {id: after, needs: [until], run: echo never}
""",
    "drives.yaml": """
version: 1
tasks:
  - {id: lake, uses: nifi, with: {conn_id: nifi, group: Orders, wait: {poll_interval: 1s}}}
""",
    "unknown_operator.yaml": """
version: 1
tasks:
  - {id: fine, run: echo fine}
  - {id: odd, uses: airflow.providers.standard.operators.bash.BashOperatr}
""",
    "unknown_argument.yaml": """
version: 1
tasks:
  - id: odd
    uses: airflow.providers.standard.operators.bash.BashOperator
    with: {bash_comand: echo}
""",
    "alarms.yaml": """
version: 1
alerts: {on_failure: [{type: webhook, conn_id: hook}]}
tasks: [{id: bad, run: exit 1}]
""",
    "sleeps.yaml": """
version: 1
tasks:
  - {id: sleep, run: "echo $$ > ${vars.pid}; sleep 600"}
  - {id: after, needs: [sleep], run: echo never}
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "dag_factory_configs"
    root.mkdir()
    for name, text in SPECS.items():
        (root / name).write_text(text)
    (root / "_defaults.yaml").write_text(
        f"version: 1\nvars: {{pid: {tmp_path}/pid, data: {tmp_path}}}\n"
    )
    return tmp_path


def run(project: Path, env: Mapping[str, str], *argv: str) -> Result:
    return process("run", *argv, only=env, cwd=project)


def test_a_failed_task_tells_its_own_error(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "fails")
    assert (result.code, result.err) == (1, "")
    out = result.out
    assert "✓ fine   success" in out
    assert "✗ bad    failed" in out
    assert "- after  not run" in out
    assert "bad failed: Bash command failed" in out
    assert "    about to fail\n    no such table\n" in out
    assert "  at dag_factory_configs/fails.yaml:5, step bad\n" in out
    assert "3 tasks: 1 succeeded, 1 failed, 1 not run" in out
    assert "Traceback" not in out
    log = Path(out.rsplit("the whole log: ", 1)[1].strip())
    assert "Traceback" in log.read_text()


def test_each_failed_task_tells_its_own_output_alone(project: Path, env: Mapping[str, str]) -> None:
    out = run(project, env, "templates").out
    parts = re.split(r"\n(?=\w+ failed: )", out.partition("\nfailed after")[0])[1:]
    wanted = [("first", "{{ ds }"), ("second", "nope"), ("third", "mine"), ("fourth", "upperr")]
    for part, (name, said) in zip(parts, wanted, strict=True):
        assert part.startswith(f"{name} failed: ")
        shown = part.partition("its last output:\n")[2]
        assert said in shown
        assert not any(other in shown for _, other in wanted if other != said)
    assert ".py" not in out
    assert "-0.0" not in out


def test_a_date_and_a_task(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "dated", "--date", "2024-03-30T12:00", "--task", "day")
    assert (result.code, result.err) == (0, "")
    assert "dated for 2024-03-30T12:00:00+01:00" in result.out
    assert "1 task: 1 succeeded" in result.out
    assert "first" not in result.out
    late = run(project, env, "dated", "--date", "2024-04-01")
    assert late.code == 2
    assert "after the pipeline's end_date" in late.err


def test_copies_that_never_started_are_told(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "copies")
    assert result.code == 1
    ended = r"^  \S (\S+) +(success|failed|skipped|not run)"
    assert dict(re.findall(ended, result.out, re.M)) == {
        "shop.asks[0]": "success",
        "shop.asks[1]": "failed",
        "shop.asks[2]": "skipped",
        "shop.loads[0]": "success",
        "shop.loads[1]": "not run",
        "shop.loads[2]": "skipped",
        "never[0]": "not run",
        "never[1]": "not run",
        "watcher": "not run",
    }
    assert "9 tasks: 2 succeeded, 1 failed, 2 skipped, 4 not run" in result.out


def test_params_are_given(project: Path, env: Mapping[str, str]) -> None:
    given = ("--param", "full=true", "--param", 'tables=["a", "b"]')
    result = run(project, env, "given", "--verbose", *given)
    assert result.code == 0
    assert "True of a+b" in result.out


def test_python_that_fails_shows_its_line(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "dag_factory_configs/code.yaml")
    assert result.code == 1
    assert "call failed: ZeroDivisionError: division by zero" in result.out
    assert "in divide, dag_factory_configs/code.py:8\n    return a / b\n" in result.out
    assert "so far so good" in result.out


def test_a_missing_connection_is_named(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "connects")
    assert result.code == 1
    assert "  at dag_factory_configs/connects.yaml:4, step ask\n" in result.out
    assert "  connection: not_there, which Airflow does not know\n" in result.out
    assert "export AIRFLOW_CONN_NOT_THERE='" in result.out


def test_a_missing_package_is_told_with_its_extra(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "lacks")
    assert result.code == 1
    assert "hint: in a checkout of this project: pip install '.[slack]'" in result.out


def test_a_server_that_is_not_there_is_named_by_its_connection(
    project: Path, env: Mapping[str, str]
) -> None:
    port = free_port()
    address = {"AIRFLOW_CONN_NOT_THERE": f"postgres://someone:hunter2@127.0.0.1:{port}/db"}
    out = run(project, {**env, **address}, "connects").out
    assert f"  connection: not_there (postgres, 127.0.0.1:{port}): nothing listens there\n" in out
    assert "  hint: start the server, or correct host and port of the connection\n" in out
    assert "hunter2" not in out


@pytest.mark.parametrize("sends", [False, True])
def test_alerts_are_sent_when_they_are_asked_for(
    project: Path, env: Mapping[str, str], sends: bool
) -> None:
    with serving() as web:
        known = {**env, "AIRFLOW_CONN_HOOK": f"http://127.0.0.1:{web.port}"}
        out = run(project, known, "alarms", *(["--alerts"] if sends else [])).out
    said = "alerts: webhook to hook" if sends else "alerts are off (webhook to hook): --alerts"
    assert f"  {said}" in out
    told = [asked.json()["reasons"] for asked in web.asked]
    reason = {
        "task_id": "bad",
        "error": "Bash command failed. The command returned a non-zero exit code 1.",
        "place": "dag_factory_configs/alarms.yaml:4, step bad",
        "connection": "",
        "data": "",
    }
    assert told == ([[reason]] if sends else [])


def test_another_environment_is_no_rehearsal(project: Path, env: Mapping[str, str]) -> None:
    environments = project / "dag_factory_configs/environments"
    environments.mkdir()
    (environments / "prod.yaml").write_text("version: 1")
    known = {**env, "AIRFLOW_CONN_NOT_THERE": "postgres://me:hunter2@127.0.0.1:1/db"}
    out = run(project, known, "connects", "--env", "prod").out
    before = out.partition("…")[0]
    assert "this is not a rehearsal: it runs for real, in the environment prod" in before
    assert "  connections: not_there (postgres, 127.0.0.1:1)\n" in before
    assert "hunter2" not in out
    assert "rehearsal" not in run(project, known, "connects").out


def test_it_knows_no_other_pipeline(project: Path, env: Mapping[str, str]) -> None:
    result = run(project, env, "starts")
    assert result.code == 1
    assert "start failed: Airflow finds no pipeline 'code'" in result.out
    assert "set AIRFLOW_HOME" in result.out


def test_an_airflow_of_the_users_is_used_as_it_is(
    project: Path, env: Mapping[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "airflow"
    (home / "dags").mkdir(parents=True)
    own = {**env, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    result = run(project, own, "code")
    assert result.code == 1
    assert "has no tables yet" in result.err
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(migrate, env=own, check=True, capture_output=True)
    result = run(project, own, "code")
    assert result.code == 1
    assert "does not know the pipeline 'code'" in result.err
    shutil.copy(Path(__file__).parents[2] / "dags" / "pipelines.py", home / "dags")
    own["FACTORY_CONFIGS"] = str(project / "dag_factory_configs")
    result = run(project, own, "starts")  # here it knows the other pipelines, too
    assert (result.code, result.err) == (0, "")


def test_each_task_says_what_it_did(
    project: Path, env: Mapping[str, str], postgres: Server
) -> None:
    (project / "few.csv").write_text("id,name\n1,a\n2,b\n3,c,d\n")
    known = {**env, "AIRFLOW_CONN_WAREHOUSE": postgres.connection.json}
    result = run(project, known, "loads")
    assert (result.code, result.err) == (0, "")
    done = re.split(r"\n(?=  [✓…])", result.out)
    (load,) = (text for text in done if "ingest.load" in text and "✓" in text)
    assert "public.few: 3 rows read, 1 set aside, 2 published by replace (2 inserted), " in load
    assert "1 check failed, " in load
    assert "warning: check row_count failed: 2 rows, expected at least 10" in load
    assert "warning: rows in quarantine stay in " in result.out
    (hello,) = (text for text in done if "✓ hello" in text)
    assert "said by a person" in hello
    assert " succeeded, 2 warnings\nthe whole log: " in result.out


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("unknown_operator", "5:21", "step 'odd': the module airflow.providers.standard.o"),
        ("unknown_argument", "6:12", "step 'odd': BashOperator has no argument 'bash_comand'"),
    ],
)
def test_what_airflow_cannot_build_is_told_at_its_place(
    project: Path, env: Mapping[str, str], name: str, place: str, message: str
) -> None:
    result = run(project, env, name)
    assert result.code == 1
    where = f"dag_factory_configs/{name}.yaml:{place}: error[not-built]: {message}"
    assert result.err.startswith(where)
    assert "hint: " in result.err


STOPS = pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@STOPS
def test_a_person_stops_what_waits(
    project: Path, env: Mapping[str, str], postgres: Server, stop: signal.Signals, code: int
) -> None:
    known = {**env, "AIRFLOW_CONN_WAREHOUSE": postgres.connection.json}
    with subprocess.Popen(
        [sys.executable, "-m", "factory", "run", "defers"],
        cwd=project,
        env=known,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        while "until" not in child.stdout.readline():
            assert child.poll() is None
        time.sleep(2)
        child.send_signal(stop)
        out, err = output(child)
    assert (child.returncode, err) == (code, "\nstopped\n")
    assert "✗ until  stopped" in out
    assert "- after  not run" in out


def test_what_was_started_is_stopped_after_a_stop_in_the_wait(
    project: Path, env: Mapping[str, str]
) -> None:
    with fake.serving() as running:
        group = running.nifi.group("Orders", curve=fake.by_looks([fake.Load(queued=1, threads=1)]))
        source = running.nifi.processor(group, "Query")
        login = {"login": fake.USER, "password": fake.PASSWORD}
        known = json.dumps({"conn_type": "nifi", "host": running.url, **login})
        with subprocess.Popen(
            [sys.executable, "-m", "factory", "run", "drives"],
            cwd=project,
            env={**env, "AIRFLOW_CONN_NIFI": known},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            while "lake.wait" not in child.stdout.readline():
                assert child.poll() is None
            assert source.state == "RUNNING"
            time.sleep(2)
            group.curve = fake.by_looks([fake.Load()])
            child.send_signal(signal.SIGTERM)
            out, err = output(child)
        assert (child.returncode, err, source.state) == (143, "\nstopped\n", "STOPPED")
        assert "✓ lake.stop" in out


@STOPS
def test_a_person_stops_what_runs(
    project: Path, env: Mapping[str, str], stop: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "factory", "run", "sleeps"],
        cwd=project,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        pid = _eventually(project / "pid")
        child.send_signal(stop)
        out, err = output(child)
    assert child.returncode == code
    assert err == "\nstopped\n"
    assert "✗ sleep  stopped" in out
    assert "- after  not run" in out
    _gone(pid)


def test_no_secret_is_shown_with_all_that_airflow_says(
    project: Path, env: Mapping[str, str]
) -> None:
    secrets = {"AIRFLOW_VAR_API_TOKEN": "SECRET123", "AIRFLOW_CONN_WEB": "http://127.0.0.1:9"}
    done = process("run", "prints", "--verbose", cwd=project, only={**env, **secrets})
    assert done.code == 1
    assert "the token is ***" in done.out
    assert "Traceback" in done.out + done.err
    assert "SECRET123" not in done.out + done.err


@pytest.mark.parametrize("ends", ["", "\n"])
@pytest.mark.parametrize("name", ["call_api", "prints"])
def test_no_secret_is_shown_or_logged(
    project: Path, env: Mapping[str, str], cache: Path, name: str, ends: str
) -> None:
    """A Variable that ends in a line break cannot be sent: HTTP libraries quote it whole."""
    secrets = {
        "AIRFLOW_VAR_API_TOKEN": f"SECRET123{ends}",
        "AIRFLOW_CONN_WEB": "http://127.0.0.1:9",
    }
    done = process("run", name, cwd=project, only={**env, **secrets})
    log = (cache / "pipeline-factory/logs" / f"{name}.log").read_text()
    assert done.code == 1
    assert "SECRET123" not in done.out + done.err + log
    if name == "prints":
        assert "ValueError: *** is no token" in done.out
        assert "the token is ***" in log
    elif ends:
        assert "the header 'Authorization' holds a line break" in done.out


def _eventually(file: Path) -> int:
    return int(until(lambda: file.read_text().strip() if file.exists() else "", "its shell"))


def _gone(pid: int) -> None:
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the task's shell")
