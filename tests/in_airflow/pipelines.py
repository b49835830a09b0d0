"""Pipelines from text, run by a real Airflow in this process."""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from factory_embedded.services.postgres import Server

DAY = datetime(2024, 1, 2, tzinfo=timezone.utc)
"""The logical date of a run, unless told."""


class Copy(NamedTuple):
    """One copy of a mapped task: its state, what it is called, what it returned."""

    state: str
    name: str
    xcom: Any


@dataclass(frozen=True)
class Run:
    """What became of a run."""

    dag_id: str
    run_id: str
    state: str
    states: Mapping[str, str]
    log: str

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        """What a task handed on; None when it did not."""
        from airflow.models.xcom import XComModel
        from airflow.sdk.bases.xcom import BaseXCom
        from airflow.utils.session import create_session

        with create_session() as session:
            found: Any = session.scalars(
                XComModel.get_many(
                    run_id=self.run_id, key=key, task_ids=task_id, dag_ids=self.dag_id
                )
            ).first()
            return None if found is None else BaseXCom.deserialize_value(found)

    def copies(self, task_id: str) -> list[Copy]:
        """Of a mapped task, each copy in its order."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        asked = select(TaskInstance).filter_by(dag_id=self.dag_id, run_id=self.run_id)
        with create_session() as session:
            found = session.scalars(asked.filter_by(task_id=task_id)).all()
            return [
                Copy(
                    str(one.state),
                    one.rendered_map_index or "",
                    one.xcom_pull(task_ids=task_id, map_indexes=one.map_index, session=session),
                )
                for one in sorted(found, key=lambda one: one.map_index)
            ]


class Pipelines:
    """A configuration root, and Airflow to run what is in it."""

    def __init__(
        self,
        root: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        self._capfd = capfd
        self._caplog = caplog

    def write(self, name: str, text: str) -> Path:
        """A file below the root."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def connect(self, conn_id: str, **fields: Any) -> None:
        """An Airflow connection, by the names of its fields: `conn_type`, `host`, `extra`, …"""
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    def connect_postgres(self, conn_id: str, server: Server, **fields: Any) -> None:
        """An Airflow connection to a PostgreSQL server; `fields` win over the server's own."""
        own = {
            "conn_type": "postgres",
            "host": server.host,
            "port": server.port,
            "login": server.user,
            "schema": server.database,
        }
        self.connect(conn_id, **own | fields)

    def dag(self, dag_id: str) -> Any:
        """The DAG of a file, made as a worker makes it."""
        from factory.in_airflow.render import render
        from factory.project import Project

        project = Project(self.root)
        return render(project.plan(dag_id), self.root)

    def done(self, dag_id: str, task_id: str, since: datetime) -> bool:
        """Whether the task has succeeded after `since`; for another thread to ask."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        found = (
            select(TaskInstance.state)
            .where(TaskInstance.dag_id == dag_id, TaskInstance.task_id == task_id)
            .where(TaskInstance.state == "success", TaskInstance.end_date >= since)
        )
        with create_session(scoped=False) as session:
            return session.scalars(found).first() is not None

    def run(
        self,
        dag_id: str,
        *,
        logical_date: datetime | None = DAY,
        conf: dict[str, Any] | None = None,
    ) -> Run:
        """One run from its first task to its last; deferred tasks wait in this process."""
        _read_dag_files_again()
        self._capfd.readouterr()
        self._caplog.clear()
        done = self.dag(dag_id).test(logical_date=logical_date, run_conf=conf)
        out, err = self._capfd.readouterr()
        states = {task.task_id: str(task.state) for task in done.get_task_instances()}
        # Airflow writes a part to a stream that it opened in an earlier test
        log = out + err + self._caplog.text
        return Run(dag_id, done.run_id, str(done.state), states, log)

    def again(self, run: Run, task_id: str) -> Run:
        """Clear one task of a run, and that alone: what became of it, and of the others before."""
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import clear_task_instances
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.session import create_session
        from sqlalchemy import select

        self._capfd.readouterr()
        self._caplog.clear()
        dag = self.dag(run.dag_id)
        with create_session() as session:
            found = select(DagRun).filter_by(dag_id=run.dag_id, run_id=run.run_id)
            task = session.scalars(found).one().get_task_instance(task_id, session=session)
            assert task is not None
            clear_task_instances([task], session)
        _run_task(ti=task, task=dag.get_task(task_id))
        return self._now(run)

    def anew(self, run: Run) -> Run:
        """Clear all tasks of a run, and run them as a scheduler would."""
        from airflow.models.dagrun import DagRun
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.models.taskinstance import clear_task_instances
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.session import create_session
        from sqlalchemy import select

        self._capfd.readouterr()
        self._caplog.clear()
        dag = self.dag(run.dag_id)
        found = select(DagRun).filter_by(dag_id=run.dag_id, run_id=run.run_id)
        with create_session() as session:
            clear_task_instances(session.scalars(found).one().get_task_instances(), session)
        for _ in range(1000):  # what is skipped is so in turns of its own
            with create_session() as session:
                now = session.scalars(found).one()
                now.dag = SerializedDagModel.get_dag(run.dag_id, session=session)
                ready, _ = now.update_state(session=session)
                if now.state in ("success", "failed"):
                    break
                tasks = [(each.task_id, each.map_index) for each in ready]
                now.schedule_tis(ready, session=session)
                session.commit()
                session.expire_all()
                for task_id, index in tasks:
                    task = now.get_task_instance(task_id, map_index=index, session=session)
                    if task and task.state == "scheduled":  # an empty one has succeeded by that
                        _run_task(ti=task, task=dag.get_task(task_id))
        return self._now(run)

    def _now(self, run: Run) -> Run:
        """What has become of a run that was cleared."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        found = select(DagRun).filter_by(dag_id=run.dag_id, run_id=run.run_id)
        with create_session() as session:
            done = session.scalars(found).one()
            states = {each.task_id: str(each.state) for each in done.get_task_instances()}
        log = "".join([*self._capfd.readouterr(), self._caplog.text])
        return Run(run.dag_id, run.run_id, str(done.state), states, log)


def _read_dag_files_again() -> None:
    """Airflow before 3.3 reads them only for the first `dag.test` of a DAG."""
    from airflow import __version__

    if tuple(map(int, __version__.split(".")[:2])) < (3, 3):
        from airflow.cli.commands.dag_command import dag_reserialize

        dag_reserialize(Namespace(bundle_name=None))
