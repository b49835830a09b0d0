"""One real run of one DAG in this process, through Airflow's `dag.test`.

Airflow's database is a copy of one that is migrated once for each Airflow version; a run leaves
nothing in it. When the user sets AIRFLOW_HOME, their own Airflow is used as it is.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Literal

import msgspec

from factory.errors import FactoryError, Terminated
from factory.extras import install_hint
from factory.plan.model import Group, Output, Pipeline, Task

State = Literal["running", "success", "failed", "stopped", "skipped", "upstream_failed"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A task's new state. `seconds` is how long it ran; `error` is why it failed."""

    task: str
    state: State
    seconds: float = 0.0
    error: BaseException | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    `stopped` is what a person stopped it with; `not_run` are tasks that never started, with their
    states.
    """

    run_id: str
    succeeded: bool
    stopped: KeyboardInterrupt | None
    not_run: tuple[Event, ...] = ()


Watch = Callable[[Event], None]

_DAG_FILE = """\
# airflow dag
from factory.in_airflow.run import rendered

globals().update(rendered())
"""
_current: list[Callable[[], dict[str, Any]]] = []


@contextmanager
def airflow_home(log: Path) -> Iterator[None]:
    """An Airflow of the user's, or one of its own with an empty, migrated database.

    Sets the environment; call it before anything imports Airflow.

    :raises FactoryError: Airflow is not installed, or its database cannot be made.
    """
    try:
        installed = version("apache-airflow-core")
    except PackageNotFoundError:
        raise FactoryError(
            "Airflow is not installed here",
            install_hint("airflow"),
        ) from None
    if os.environ.get("AIRFLOW_HOME"):
        yield
        return
    template = _migrated(cache() / f"airflow-{installed}", log)
    with TemporaryDirectory(prefix="factory-run-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        dags = home / "dags"
        dags.mkdir()
        (dags / "this_run.py").write_text(_DAG_FILE)
        (home / "airflow.db").write_bytes((template / "airflow.db").read_bytes())
        (home / "airflow.cfg").write_bytes((template / "airflow.cfg").read_bytes())
        before = dict(os.environ)
        os.environ.update(_environment(home))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises `Terminated`, where Ctrl-C raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def cache() -> Path:
    """Where a migrated database and the logs of runs are kept."""
    above = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(above) / "pipeline-factory"


def run(
    plan: Pipeline,
    root: Path,
    moment: str,
    only: str,
    watch: Watch,
    *,
    since: datetime | None = None,
    params: Mapping[str, Any] | None = None,
) -> Result:
    """Run a DAG for a moment (ISO, with its zone); `only` a task or a group, if it is given.

    A run's id is of `since`, else of now: with the same one, it is that run again, cleared.
    `params` are values that a person gives for the pipeline's.

    Tasks that fail are not tried again. Ctrl-C, or SIGTERM within `terminable`, stops the running
    task, then runs the teardowns.

    :raises FactoryError: the DAG cannot be built, or Airflow does not know it.
    """
    from airflow.providers.common.compat.sdk import get_listener_manager  # it moved after 3.1

    from factory.in_airflow.render import render

    plan = _without_retries(plan)
    _current[:] = [lambda: {plan.dag_id: render(plan, root)}]
    dag = rendered()[plan.dag_id]
    listener = _listener(watch, only)
    get_listener_manager().add_listener(listener)  # type: ignore[no-untyped-call]
    others = _others(plan, only) if only else None
    try:
        with _stoppable_triggers(listener):
            done = dag.test(
                logical_date=datetime.fromisoformat(moment),
                mark_success_pattern=others,
                run_after=since,
                run_conf=dict(params) if params else None,
            )
    except Exception as error:
        explained = _explained(plan.dag_id, error)
        if explained is None:
            raise
        raise explained from error
    finally:
        get_listener_manager().clear()  # type: ignore[no-untyped-call]
    order = {task.id: place for place, task in enumerate(plan.tasks)}
    left = [] if only else [ti for ti in done.get_task_instances() if ti.task_id in order]
    left.sort(key=lambda ti: (order[ti.task_id], ti.map_index))
    return Result(
        run_id=done.run_id,
        succeeded=str(done.state) == "success",
        stopped=listener.stopped,
        not_run=tuple(
            Event(task=_name(ti), state=str(ti.state))  # type: ignore[arg-type]
            for ti in left
            if _name(ti) not in listener.seen
        ),
    )


def returned(dag_id: str, run_id: str) -> dict[str, Any]:
    """What the tasks of a run have returned, by their ids."""
    from airflow.models.xcom import XComModel
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.utils.session import create_session

    with create_session() as session:
        asked = XComModel.get_many(run_id=run_id, dag_ids=dag_id, key=BaseXCom.XCOM_RETURN_KEY)
        found = session.scalars(asked).all()
        return {each.task_id: BaseXCom.deserialize_value(each) for each in found}


@contextmanager
def _stoppable_triggers(listener: Any) -> Iterator[None]:
    """Ctrl-C while a task is deferred fails that task; Airflow would run no teardown after it."""
    from airflow.sdk.definitions import dag as runner

    inline: Any = runner._run_inline_trigger

    def run(trigger: Any, instance: Any, *more: Any) -> Any:
        try:
            return inline(trigger, instance, *more)
        except KeyboardInterrupt as error:
            listener.end_deferred(instance, error)
        raise RuntimeError("the task was stopped while it was deferred")

    runner._run_inline_trigger = run
    try:
        yield
    finally:
        runner._run_inline_trigger = inline


def rendered() -> dict[str, Any]:
    """The DAG of this run, for the Dag file that Airflow reads it from."""
    return _current[0]() if _current else {}


def _others(plan: Pipeline, only: str) -> str:
    """A pattern of the tasks that are no part of one, nor give the items of it or its groups."""
    own = re.escape(only)
    mapped: list[Group | Task] = [*plan.groups, *plan.tasks]
    listed = [_items_of(one) for one in mapped if f"{only}.".startswith(f"{one.id}.")]
    given = "".join(f"|{re.escape(name)}$" for name in listed if name)
    return f"(?!{own}$|{own}[.]{given}).*"


def _items_of(mapped: Group | Task) -> str:
    return mapped.for_each.task if isinstance(mapped.for_each, Output) else ""


def _without_retries(plan: Pipeline) -> Pipeline:
    tasks = tuple(
        msgspec.structs.replace(task, settings={**task.settings, "retries": 0})
        for task in plan.tasks
    )
    return msgspec.structs.replace(plan, tasks=tasks)


def _listener(watch: Watch, only: str) -> Any:
    from airflow.listeners import hookimpl

    class Listener:
        """Told by Airflow of each task's states, in the thread that runs the tasks."""

        def __init__(self) -> None:
            self.stopped: KeyboardInterrupt | None = None
            self.seen: set[str] = set()
            self.started: dict[str, float] = {}

        @hookimpl
        def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
            """The task starts, or goes on after it was deferred."""
            signal.signal(signal.SIGTERM, _terminate)  # Airflow has set its own for this task
            name = _name(task_instance)
            if name not in self.started:
                self.seen.add(name)
                self.started[name] = time.monotonic()
                watch(Event(task=name, state="running"))
            if self.stopped and not task_instance.task.is_teardown:
                raise KeyboardInterrupt  # an Exception would be logged and forgotten

        @hookimpl
        def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
            """The task succeeded."""
            self._ended(task_instance, "success")

        @hookimpl
        def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
            """The task skipped itself."""
            self._ended(task_instance, "skipped")

        @hookimpl
        def on_task_instance_failed(
            self, previous_state: Any, task_instance: Any, error: Any
        ) -> None:
            """The task failed."""
            if isinstance(error, KeyboardInterrupt) and not self.stopped:
                self.stopped = error
                task_instance.task.on_kill()
            stopped = isinstance(error, KeyboardInterrupt)
            self._ended(task_instance, "stopped" if stopped else "failed", error)

        def end_deferred(self, instance: Any, error: KeyboardInterrupt) -> None:
            """A person has stopped the run while the task was deferred."""
            self.stopped = self.stopped or error
            self._ended(instance, "stopped", error)

        def _ended(self, instance: Any, state: State, error: Any = None) -> None:
            name = _name(instance)
            now = time.monotonic()
            seconds = now - self.started.get(name, now)
            self.seen.add(name)
            watch(Event(task=name, state=state, seconds=seconds, error=error))

    return Listener()


def _name(instance: Any) -> str:
    index = getattr(instance, "map_index", -1)
    return instance.task_id if index in (None, -1) else f"{instance.task_id}[{index}]"


def _explained(dag_id: str, error: Exception) -> FactoryError | None:
    """What is wrong with an Airflow of the user's, in words."""
    if "is not serialized" in str(error):
        return FactoryError(
            f"the Airflow in AIRFLOW_HOME does not know the pipeline {dag_id!r}",
            "let its Dag folder hold dags/pipelines.py, or unset AIRFLOW_HOME to run without it",
        )
    if "no such table" in str(error) or "UndefinedTable" in str(error):
        return FactoryError(
            "the Airflow in AIRFLOW_HOME has no tables yet", "make them with `airflow db migrate`"
        )
    return None


def _environment(home: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONFIG": str(home / "airflow.cfg"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    }


def _migrated(home: Path, log: Path) -> Path:
    """A folder with a migrated database; made once, by one process at a time."""
    import fcntl

    ready = home / "airflow.db"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_file():
            _migrate(home, ready, log)
    return home


def _migrate(home: Path, ready: Path, log: Path) -> None:
    being_made = home / "being-made.db"
    being_made.unlink(missing_ok=True)
    env = {
        **os.environ,
        **_environment(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{being_made}",
    }
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0:
        raise FactoryError("Airflow's database could not be made", f"its output is in {log}")
    being_made.rename(ready)
