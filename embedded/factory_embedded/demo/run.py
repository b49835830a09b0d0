"""The demo: one of the examples, with the services that it needs, on a real Airflow.

Everything runs on the loopback, below one folder. Airflow begins anew each time, so that its
scheduler really runs the pipeline again.
"""

from __future__ import annotations

import fcntl
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory.errors import FactoryError
from factory_embedded.airflow_api import AirflowApi, ApiError, DagRun, TaskInstance
from factory_embedded.demo import bigquery as demo_bigquery
from factory_embedded.demo import lake_files as demo_lake_files
from factory_embedded.demo import nifi as demo_nifi
from factory_embedded.demo import snowflake as demo_snowflake
from factory_embedded.demo import taxi as demo_taxi
from factory_embedded.demo import web_files as demo_web_files
from factory_embedded.demo.example import Example, Services
from factory_embedded.demo.screen import Screen, indented, screen
from factory_embedded.exports import exported
from factory_embedded.patience import Patience
from factory_embedded.service import Cancelled, Connection, ServiceError
from factory_embedded.services import airflow
from factory_embedded.stop import Stop

EXAMPLES = {
    "taxi": demo_taxi.EXAMPLE,
    "nifi": demo_nifi.EXAMPLE,
    "lake-files": demo_lake_files.EXAMPLE,
    "web-files": demo_web_files.EXAMPLE,
    "bigquery": demo_bigquery.EXAMPLE,
    "snowflake": demo_snowflake.EXAMPLE,
}

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
    Airflow, where the taxi trips have nothing left to run; ``example`` is one of EXAMPLES.
    """

    project: Path
    home: Path
    port: int = 0
    stay: bool = False
    keep: bool = False
    example: str = "taxi"


@dataclass(frozen=True)
class _Demo:
    example: Example
    services: Services
    airflow: airflow.Airflow
    exports: Path


def run(options: Options) -> int:
    """Run the demo and return the exit code: 0 only when every run and every count is right."""
    with Stop() as stop, screen(EXAMPLES[options.example].label) as show:
        try:
            with _only_demo(options.home), _running(options, show, stop) as demo:
                try:
                    good = _follow(demo, show, stop)
                    if options.stay:
                        _stay(demo, show, stop)
                    elif good:
                        show.say(_next(options.example, demo.example.pipeline))
                finally:
                    show.settled()
                    show.say("stopping …", since=True)
            return 0 if good else 1
        except Cancelled:
            return 128 + stop.signal
        except ServiceError:
            if stop.signal:
                return 128 + stop.signal
            raise


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
def _running(options: Options, show: Screen, stop: Stop) -> Iterator[_Demo]:
    home, example = options.home, EXAMPLES[options.example]
    show.say(f"All of it runs on this machine alone (127.0.0.1), below {_short(home)}.\n")
    with example.services(options.project, home, show, stop) as services:
        stop.obey()
        if not options.keep:
            shutil.rmtree(home / "airflow", ignore_errors=True)
        shutil.rmtree(home / "stage", ignore_errors=True)
        log = _short(home / "airflow" / "standalone.log")
        starting = airflow.running(
            home / "airflow",
            dags=options.project / "dags",
            connections={name: one.json for name, one in services.connections.items()},
            env={"FACTORY_ENV": "dev", "FACTORY_STAGE": f"file://{home / 'stage'}"},
            port=options.port,
            paused=True,
            cancelled=stop.received,
        )
        with ExitStack() as running:
            show.say(f"Airflow's log is {log}", since=True)
            with show.waiting("Airflow starts, which takes 20 to 90 seconds"):
                server = running.enter_context(starting)
            show.say(f"Airflow is ready on {server.url}", since=True)
            show.say(_about_connections(services.connections), since=True)
            exports = exported(home / "connections.sh", services.connections)
            yield _Demo(example, services, server, running.enter_context(exports))


def _about_connections(connections: Mapping[str, Connection]) -> str:
    names = ", ".join(f"AIRFLOW_CONN_{name.upper()}" for name in connections)
    return (
        f"its connections are variables of its environment ({names}), so its page of "
        "connections lists none"
    )


def _follow(demo: _Demo, show: Screen, stop: Stop) -> bool:
    """Let the pipeline run, and show it and what it left; whether all is right."""
    example = demo.example
    with show.waiting(f"Airflow reads the pipelines, among them {example.pipeline}"):
        _await_pipeline(demo.airflow.api, example.pipeline, stop)
    demo.services.start(demo.airflow.api)
    show.say(f"the scheduler runs {example.pipeline}, {example.runs} times", since=True)
    runs = _await_runs(demo.airflow, example, show, stop)
    show.settled()
    failed = [run for run in runs if run.state != "success"]
    problems = [f"the run of {example.label(run)} {run.state}" for run in failed]
    problems += demo.services.problems(show)
    good = f"{len(runs)} of {example.runs} runs succeeded"
    show.say("\n".join(problems) if problems else good)
    return not problems


def _next(example: str, pipeline: str) -> str:
    again = "make demo" if example == "taxi" else f'make demo ARGS="--with {example}"'
    return f"""
What to try next:
  {again}
               the same, but it stays: look at its runs in Airflow's pages
  . .venv/bin/activate; factory explain {pipeline}
               every value of the pipeline, and where it comes from
  factory new ingest orders
               a pipeline of your own; docs/reference/ has every kind"""


def _await_pipeline(api: AirflowApi, pipeline: str, stop: Stop) -> None:
    patience = Patience(_APPEAR_SECONDS)
    while api.dag(pipeline) is None:
        broken = [line for one in api.import_errors() for line in one.stack_trace.splitlines()]
        ours = [line for line in broken if f"/{pipeline}.yaml:" in line]
        if ours:
            raise FactoryError("\n".join([f"the pipeline {pipeline} is broken", *ours]))
        if patience.is_over:
            raise FactoryError("\n".join([f"Airflow does not find {pipeline}", *broken]))
        stop.sleep(_POLL)


def _await_runs(
    server: airflow.Airflow, example: Example, show: Screen, stop: Stop
) -> Sequence[DagRun]:
    """Show the runs until all have ended, and the log of each try that failed."""
    order = [task.task_id for task in server.api.tasks(example.pipeline)]
    patience = Patience(_RUN_SECONDS)
    missed = 0
    told: set[tuple[str, str, int, int]] = set()
    while True:
        try:
            runs = server.api.dag_runs(example.pipeline)
            tasks = server.api.task_instances(example.pipeline)
            missed = 0
        except ApiError:
            missed += 1
            if missed > _MISSED_ANSWERS or server.ended:
                raise
        else:
            show.progress(order, runs, tasks)
            for task in tasks:
                _tell_failure(server.api, task, show, told)
            if len(runs) >= example.runs and all(run.ended for run in runs):
                return runs
        if patience.is_over:
            raise FactoryError(f"the runs have not ended after {patience.waited:.0f} s")
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


def _stay(demo: _Demo, show: Screen, stop: Stop) -> None:
    server = demo.airflow
    lines = [
        ("Airflow's UI", f"{server.url}/dags/{demo.example.pipeline}"),
        ("user", server.username),
        ("password", server.password),
        *demo.services.addresses,
    ]
    show.say("\n".join(["", *(f"{name:14} {value}" for name, value in lines)]))
    ready = f". .venv/bin/activate; . {shlex.quote(_short(demo.exports))}"
    run = f"factory run {demo.example.pipeline} --date 2024-01-02"
    show.say(f"\nTo run it by hand, in another shell:\n  {ready}\n  {run}")
    show.say(
        "\nChange its YAML in dag_factory_configs/, and Airflow shows it within a minute.\n"
        "Ctrl-C ends the demo."
    )
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
