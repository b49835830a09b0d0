"""Workers of an Airflow in processes of their own, which have no folder in common."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

WORKER = """
import sys
from pathlib import Path
from uuid import UUID

from airflow.models.taskinstance import TaskInstance
from airflow.sdk.definitions.dag import _run_task
from airflow.utils.session import create_session

from factory.in_airflow.render import render
from factory.project import Project

def stop():
    print("\\nstopped", flush=True)
    sys.stdin.read()

exec(sys.argv[2])
root = Path(sys.argv[1])
for line in sys.stdin:
    dag_id, task_id, found = line.split()
    dag = render(Project(root).plan(dag_id), root)
    with create_session() as session:
        ti = session.get(TaskInstance, UUID(found))
        _run_task(ti=ti, task=dag.task_dict[task_id], run_triggerer=True)
    print("ended", task_id, flush=True)
"""


class Killed(BaseException):
    """A worker stopped in a task, and was killed there; Airflow is to know nothing of it."""


@dataclass
class Worker:
    """A process, its temporary folder, and the tasks that it ran."""

    process: subprocess.Popen[str]
    folder: Path
    ran: list[str] = field(default_factory=list)

    def run(self, ti: Any) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # what it said is worth more
            self.process.stdin.write(f"{ti.dag_id} {ti.task_id} {ti.id}\n")
            self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line == f"ended {ti.task_id}\n":
                self.ran.append(ti.task_id)
                return
            if line == "stopped\n":
                self.process.kill()
                raise Killed
        pytest.fail(f"the worker ended: {said[-9:]}")  # `dag.test` would go on for ever


@contextmanager
def in_turn(root: Path, folder: Path, count: int, first: str = "") -> Iterator[list[Worker]]:
    """While it lasts, `dag.test` gives each task to another worker.

    :param first: code that each worker runs first. Who calls `stop()` in a task is killed there.
    """
    from airflow.sdk.definitions import dag

    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(root, folder / str(n), first)) for n in range(count)]
        turns = cycle(workers)

        def run(*, ti: Any, task: Any, run_triggerer: bool = False) -> None:
            next(turns).run(ti)

        before, dag._run_task = dag._run_task, run
        try:
            yield workers
        finally:
            dag._run_task = before


@contextmanager
def _worker(root: Path, folder: Path, first: str) -> Iterator[Worker]:
    folder.mkdir()
    path = os.pathsep.join(filter(None, sys.path))
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder), "HOME": str(folder)}
    command = [sys.executable, "-c", WORKER, str(root), first]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=env, cwd=folder
    ) as process:
        try:
            yield Worker(process, folder)
        finally:
            process.kill()
