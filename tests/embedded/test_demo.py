import json
import subprocess
import threading
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from factory.errors import FactoryError
from factory_embedded.airflow_api import DagRun, TaskInstance
from factory_embedded.demo import results as demo_results
from factory_embedded.demo import run as demo
from factory_embedded.demo import screen as demo_screen
from factory_embedded.demo.results import Results, Table
from factory_embedded.exports import exported
from factory_embedded.service import Connection

DATE = datetime(2024, 2, 2, 6, tzinfo=timezone.utc)
COLUMNS = ("month", "trips", "revenue")


def report(*trips: int) -> Table:
    return Table(COLUMNS, [(f"2024-{at:02}", n, Decimal(1)) for at, n in enumerate(trips, 1)])


def a_run(state: str) -> DagRun:
    return DagRun(
        dag_id="taxi",
        dag_run_id="february",
        run_type="scheduled",
        state=state,
        run_after=DATE,
        logical_date=DATE,
        start_date=DATE,
        end_date=None,
        bundle_version=None,
        dag_versions=[],
    )


def a_task(name: str, state: str | None) -> TaskInstance:
    return TaskInstance(
        dag_id="taxi",
        dag_run_id="february",
        task_id=name,
        map_index=-1,
        state=state,
        try_number=1,
        max_tries=2,
        operator=None,
        start_date=None,
        end_date=None,
        duration=1.25,
        run_after=DATE,
    )


def test_a_table_looks_like_psql() -> None:
    table = Table(COLUMNS, [("2024-01", 100_000, Decimal("2491225.74")), ("2024-02", 7, 0)])
    assert demo_screen.format_table(table) == [
        "  month  |  trips  |   revenue",
        " --------+---------+-------------",
        " 2024-01 | 100,000 | 2,491,225.74",
        " 2024-02 |       7 |            0",
    ]


def test_lines_tell_each_change_once_and_tasks_in_their_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = ["load", "check"]
    with demo_screen.LineScreen() as screen:
        for load, check, run in [
            ("running", None, "running"),
            ("running", None, "running"),
            ("success", "success", "success"),
        ]:
            screen.progress(order, [a_run(run)], [a_task("check", check), a_task("load", load)])
        screen.settled()
    said = [line[9:] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        "2024-02  load   running",
        "2024-02  the run  running",
        "2024-02  load   success",
        "2024-02  check  success",
        "2024-02  the run  success",
    ]


def test_what_is_waited_for_is_told_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_screen, "_PATIENCE", 0.001)
    looked = threading.Event()

    def how_far() -> str:
        looked.set()
        return "(1 of 3)"

    with demo_screen.LineScreen() as screen, screen.waiting("NiFi starts", how_far):
        assert looked.wait(60)
    first, second, *_ = (line[9:] for line in capsys.readouterr().out.splitlines())
    assert (first, second) == ("NiFi starts", "… NiFi starts (1 of 3)")


def test_why_the_page_of_connections_is_empty() -> None:
    said = demo._about_connections({"lake": Connection("aws", "127.0.0.1")})
    assert "variables of its environment (AIRFLOW_CONN_LAKE)" in said


def test_a_terminal_gets_one_line_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("FORCE_COLOR", "1")
    from rich.console import Console

    screen = demo_screen.LiveScreen()
    tasks = [a_task("load", "success"), a_task("check", "running")]
    console = Console(width=100, no_color=True)
    with console.capture() as shown:
        console.print(screen._table(["load", "check"], [a_run("running")], tasks))
    assert "2024-02  success 1.2 s  running  running" in shown.get()


def test_the_table_of_a_nifi_run_fits_into_80_columns() -> None:
    from rich.console import Console

    screen = demo_screen.LiveScreen()
    order = [f"move.{task}" for task in ("preflight", "start", "wait", "done", "stop")]
    tasks = [a_task(name, "success") for name in (*order, "compare")]
    tasks[2] = a_task("move.wait", "deferred")
    tasks[3] = msgspec.structs.replace(tasks[3], operator="EmptyOperator")
    console = Console(width=80, no_color=True)
    with console.capture() as shown:
        console.print(screen._table([*order, "compare"], [a_run("running")], tasks))
    assert "…" not in shown.get()
    head = next(line for line in shown.get().splitlines() if "preflight" in line)
    assert head.split()[:6] == ["run", "preflight", "start", "wait", "stop", "compare"]


def test_a_run_of_many_tasks_has_a_line_for_each_step() -> None:
    from rich.console import Console

    screen = demo_screen.LiveScreen()
    steps = ("changed__orders", "whole__customers", "load__orders")
    order = [f"{step}.{task}" for step in steps for task in ("read", "load", "clean_up")]
    states = ["success", "success", "success", "success", "running", None, None, None, None]
    tasks = [a_task(name, state) for name, state in zip(order, states, strict=True)]
    console = Console(width=80, no_color=True)
    with console.capture() as shown:
        console.print(screen._table(order, [a_run("running")], tasks))
    lines = [line.strip() for line in shown.get().splitlines() if line.strip()]
    assert lines[0].endswith("2024-02")
    assert [line.split(maxsplit=1) for line in lines[2:]] == [
        ["changed__orders", "success 3.8 s"],
        ["whole__customers", "running, 1 of 3"],
        ["load__orders"],
        ["the", "run           running"],
    ]


def test_complete_results_have_no_problem() -> None:
    assert Results(30, report(10, 10, 10)).problems(3, 10) == []


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        (Results(29, report(10, 10, 10)), "raw.yellow_taxi holds 29 rows, not 30"),
        (Results(30, report(10, 10)), "does not show 3 months of 10 trips"),
        (Results(30, report(10, 10, 9)), "does not show 3 months of 10 trips"),
        (Results(30, Table((), [])), "does not show 3 months of 10 trips"),
    ],
)
def test_what_is_missing_is_told(results: Results, problem: str) -> None:
    (told,) = results.problems(3, 10)
    assert problem in told


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear …")
    with pytest.raises(FactoryError, match="not a demo's folder"):
        demo.run(demo.Options(project=tmp_path, home=tmp_path))
    assert [*tmp_path.iterdir()] == [letter]


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    with (
        demo._only_demo(tmp_path / "home"),
        pytest.raises(FactoryError, match="another demo runs"),
        demo._only_demo(tmp_path / "home"),
    ):
        pass
    assert (tmp_path / "home" / ".gitignore").read_text() == "*\n"


def test_the_project_is_found_from_below() -> None:
    root = Path(__file__).parents[2]
    assert demo.find_project(root / "tests" / "embedded") == root
    with pytest.raises(FactoryError, match=r"dags/pipelines\.py"):
        demo.find_project(Path("/"))


def test_an_empty_database_has_no_rows_and_no_report(tmp_path: Path) -> None:
    from factory_embedded.services import postgres

    with postgres.running(tmp_path / "data") as server:
        assert demo_results.loaded_rows(server.uri) == 0
        assert demo_results.read(server.uri) == Results(0, Table((), []))


def test_a_shell_takes_the_connections_while_they_hold(tmp_path: Path) -> None:
    file = tmp_path / "connections.sh"
    known = Connection("postgres", "127.0.0.1", 5432, password="it's $HOME", schema="shop")
    with exported(file, {"warehouse": known}):
        assert file.stat().st_mode & 0o777 == 0o600
        shell = f'. {file}; printf %s "$AIRFLOW_CONN_WAREHOUSE"'
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == json.loads(known.json)
    assert not file.exists()
