"""The demo: a PostgreSQL, a file server and an Airflow that loads three months of taxi trips.

Everything runs on the loopback, below one folder. The database is kept between demos, so that a
second one shows that the same months loaded again leave the same rows; Airflow begins anew each
time, so that its scheduler really runs them again.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from factory.embedded import airflow, demo_results, files, postgres, samples
from factory.embedded.airflow import Cancelled
from factory.embedded.airflow_api import AirflowApi, ApiError, DagRun, TaskInstance
from factory.embedded.demo_screen import Screen, format_table, indented, month, screen
from factory.errors import FactoryError

PIPELINE = "yellow_taxi_ingest"
MONTHS = ((2024, 1), (2024, 2), (2024, 3))
ROWS_A_MONTH = 100_000

_MARK = ".factory-demo"
_APPEAR_SECONDS = 90.0
_RUN_SECONDS = 900.0
_POLL = 0.7
_LOG_LINES = 20
_MISSED_ANSWERS = 20


@dataclass(frozen=True)
class Options:
    """How to run the demo.

    ``project`` holds `dags/` and `dag_factory_configs/`; all that the demo writes is below
    ``home``; ``stay`` keeps everything running until Ctrl-C; ``keep`` goes on with the last demo's
    Airflow, which then has nothing left to run.
    """

    project: Path
    home: Path
    port: int = 0
    stay: bool = False
    keep: bool = False


@dataclass(frozen=True)
class _Services:
    database: postgres.Server
    airflow: airflow.Airflow


def run(options: Options) -> int:
    """Run the demo and return the exit code: 0 only when every run and every count is right."""
    with _Stop() as stop, screen() as show:
        try:
            with _only_demo(options.home), _services(options, show, stop) as services:
                try:
                    good = _follow(services, show, stop)
                    if options.stay:
                        _stay(services, show, stop)
                finally:
                    show.settled()
                    show.say("stopping …", since=True)
            return 0 if good else 1
        except Cancelled:
            return 128 + stop.signal
        except postgres.EmbeddedError as error:
            if stop.signal:
                return 128 + stop.signal
            raise FactoryError(str(error)) from error


class _Stop:
    """Remembers SIGINT, SIGTERM and SIGHUP, so that the demo ends between two steps, not in one."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> _Stop:
        self._before = [signal.signal(number, self._receive) for number in self._NUMBERS]
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in zip(self._NUMBERS, self._before, strict=True):
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number

    def received(self) -> bool:
        return bool(self.signal)

    def check(self) -> None:
        if self.signal:
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            time.sleep(min(0.2, seconds))
        self.check()


@contextmanager
def _only_demo(home: Path) -> Iterator[None]:
    """Make the folder ours, for one demo at a time, and unseen by Git."""
    mark = home / _MARK
    if home.is_dir() and not mark.exists() and any(home.iterdir()):
        raise FactoryError(
            f"{home} is not empty and not a demo's folder", hint="choose another with --home"
        )
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n")
    with mark.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FactoryError(
                f"another demo runs in {home}", hint="end it, or choose another with --home"
            ) from None
        yield


@contextmanager
def _services(options: Options, show: Screen, stop: _Stop) -> Iterator[_Services]:
    home = options.home
    trips = _write_samples(home / "samples", show, stop)
    with (
        postgres.running(home / "postgres", log=home / "postgres.log") as database,
        files.serving(trips) as url,
    ):
        _welcome(database, url, show)
        stop.check()
        if not options.keep:
            shutil.rmtree(home / "airflow", ignore_errors=True)
        shutil.rmtree(home / "stage", ignore_errors=True)
        log = _short(home / "airflow" / "standalone.log")
        show.say(f"Airflow starts; its log is {log}", since=True)
        with airflow.running(
            home / "airflow",
            dags=options.project / "dags",
            connections=_connections(database, url),
            env={"FACTORY_ENV": "dev", "FACTORY_STAGE": f"file://{home / 'stage'}"},
            port=options.port,
            paused=True,
            cancelled=stop.received,
        ) as server:
            show.say(f"Airflow is ready on {server.url}", since=True)
            yield _Services(database, server)


def _write_samples(folder: Path, show: Screen, stop: _Stop) -> Path:
    folder.mkdir(exist_ok=True)
    show.say(f"sample data: {len(MONTHS)} months of {ROWS_A_MONTH:,} taxi trips", since=True)
    for year, number in MONTHS:
        samples.write_taxi_month(folder, year, number, ROWS_A_MONTH)
        stop.check()
    return folder


def _welcome(database: postgres.Server, url: str, show: Screen) -> None:
    show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
    show.say(f"the sample data is served on {url}", since=True)
    before = demo_results.loaded_rows(database.uri)
    if before:
        text = f"{demo_results.RAW} still holds {before:,} rows of the last demo"
        show.say(f"{text}; loading them again must leave the same", since=True)


def _connections(database: postgres.Server, url: str) -> dict[str, str]:
    place = urlsplit(url)
    warehouse = {
        "conn_type": "postgres",
        "host": database.host,
        "port": database.port,
        "login": database.user,
        "schema": database.database,
    }
    taxi_files = {"conn_type": "http", "host": place.hostname, "port": place.port}
    return {"warehouse": json.dumps(warehouse), "taxi_files": json.dumps(taxi_files)}


def _follow(services: _Services, show: Screen, stop: _Stop) -> bool:
    """Let the pipeline run, and show it and its rows; whether all is right."""
    api = services.airflow.api
    _await_pipeline(api, stop)
    api.pause(PIPELINE, False)
    show.say(f"the scheduler runs {PIPELINE}", since=True)
    runs = _await_runs(services.airflow, show, stop)
    show.settled()
    results = demo_results.read(services.database.uri)
    problems = [f"the run of {month(run)} {run.state}" for run in runs if run.state != "success"]
    problems += results.problems(len(MONTHS), ROWS_A_MONTH)
    if results.months.rows:
        show.say("\n".join(["", demo_results.REPORT, *format_table(results.months)]))
    show.say(f"\n{demo_results.RAW}: {results.loaded:,} rows")
    show.say("\n".join(problems) if problems else f"{len(runs)} of {len(MONTHS)} runs succeeded")
    return not problems


def _await_pipeline(api: AirflowApi, stop: _Stop) -> None:
    deadline = time.monotonic() + _APPEAR_SECONDS
    while api.dag(PIPELINE) is None:
        broken = [line for one in api.import_errors() for line in one.stack_trace.splitlines()]
        ours = [line for line in broken if f"/{PIPELINE}.yaml:" in line]
        if ours:
            raise FactoryError("\n".join([f"the pipeline {PIPELINE} is broken", *ours]))
        if time.monotonic() > deadline:
            raise FactoryError("\n".join([f"Airflow does not find {PIPELINE}", *broken]))
        stop.sleep(_POLL)


def _await_runs(server: airflow.Airflow, show: Screen, stop: _Stop) -> Sequence[DagRun]:
    """Show the runs until all have ended, and the log of each try that failed."""
    order = [task.task_id for task in server.api.tasks(PIPELINE)]
    deadline = time.monotonic() + _RUN_SECONDS
    missed = 0
    told: set[tuple[str, str, int, int]] = set()
    while True:
        try:
            runs = server.api.dag_runs(PIPELINE)
            tasks = server.api.task_instances(PIPELINE)
            missed = 0
        except ApiError:
            missed += 1
            if missed > _MISSED_ANSWERS or server.ended:
                raise
        else:
            show.progress(order, runs, tasks)
            for task in tasks:
                _tell_failure(server.api, task, show, told)
            if len(runs) >= len(MONTHS) and all(run.ended for run in runs):
                return runs
        if time.monotonic() > deadline:
            raise FactoryError(f"the runs have not ended after {_RUN_SECONDS:.0f} s")
        stop.sleep(_POLL)


def _tell_failure(
    api: AirflowApi, task: TaskInstance, show: Screen, told: set[tuple[str, str, int, int]]
) -> None:
    attempt = (task.dag_run_id, task.task_id, task.map_index, task.try_number)
    if task.state not in ("failed", "up_for_retry") or attempt in told:
        return
    told.add(attempt)
    try:
        lines = [line for line in api.log(task) if not line.startswith(("::group", "::endgroup"))]
    except ApiError as error:
        lines = [f"its log cannot be read: {error}"]
    again = task.state == "up_for_retry"
    tries = f"try {task.try_number} of {task.max_tries + 1}"
    show.say(f"{task.task_id} failed in {task.dag_run_id}, {tries}:", since=True)
    show.say(indented(lines[-1:] if again else lines[-_LOG_LINES:]))


def _stay(services: _Services, show: Screen, stop: _Stop) -> None:
    server, database = services.airflow, services.database
    show.say(f"\nAirflow's UI   {server.url}/dags/{PIPELINE}")
    show.say(f"user           {server.username}\npassword       {server.password}")
    show.say(f"the database   {database.uri}\n\nCtrl-C ends the demo.")
    while not stop.received():
        if server.ended:
            raise FactoryError(f"Airflow ended by itself\n{airflow.log_tail(server.log)}")
        time.sleep(0.2)
    show.say()


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def find_project(start: Path) -> Path:
    """The folder at or above ``start`` that holds the pipelines and Airflow's loader."""
    for folder in (start, *start.parents):
        if (folder / "dags" / "pipelines.py").is_file() and (
            folder / "dag_factory_configs"
        ).is_dir():
            return folder
    raise FactoryError(
        "no dags/pipelines.py and dag_factory_configs/ here or above",
        hint="run the demo in the project's folder",
    )
