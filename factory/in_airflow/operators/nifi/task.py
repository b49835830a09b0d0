"""What the tasks of a `nifi` step share: the login, names, the link, how errors end them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (  # they moved after Airflow 3.1
    AirflowException,
    AirflowFailException,
)
from airflow.sdk import BaseOperator, BaseOperatorLink

from factory.in_airflow.steps import step_of

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from factory.nifi.client import Client
    from factory.nifi.errors import NiFiError
    from factory.nifi.job import Job
    from factory.nifi.run.hold import Owner

log = logging.getLogger(__name__)

LINK = "link"
PROGRESS = "progress"
"""XCom of `start`: how far the wait is; it outlives a try of the wait."""


class GroupLink(BaseOperatorLink):
    """The process group in NiFi's own UI."""

    name = "NiFi"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """What the preflight found."""
        from airflow.sdk.execution_time.xcom import XCom

        link: str | None = XCom.get_one(
            key=LINK,
            dag_id=ti_key.dag_id,
            task_id=f"{step_of(operator.task_id)}.preflight",
            run_id=ti_key.run_id,
        )
        return link or ""


class NiFiTask(BaseOperator):
    """One task of the step; each logs in by itself, the token stays in its memory."""

    consequence = "what NiFi had handed on before stays where it is"

    template_fields: Sequence[str] = ("conn_id",)
    operator_extra_links = (GroupLink(),)

    def __init__(self, *, conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    def pull(self, context: Context, task: str, key: str = "return_value") -> Any:
        """What another task of the step handed on; None when it did not."""
        return context["task_instance"].xcom_pull(
            task_ids=f"{step_of(self.task_id)}.{task}", key=key
        )

    def show_link(self, context: Context, link: str) -> None:
        """So that it is there while the task runs; Airflow itself adds it at the end."""
        context["task_instance"].xcom_push(GroupLink().xcom_key, link)

    @contextmanager
    def connected(self) -> Iterator[Client]:
        """A client; what NiFi refuses ends the task with a sentence for people."""
        from factory.in_airflow.hooks.nifi import server
        from factory.nifi.client import Client
        from factory.nifi.errors import NiFiError

        failed: Exception
        try:
            with Client(server(self.conn_id)) as client:
                yield client
            return
        except NiFiError as error:
            failed = failure(error)
        # outside of `except`: the log's last line is what a person reads
        raise failed from None


def failure(error: NiFiError) -> Exception:
    """What ends the task."""
    return (AirflowFailException if is_final(error) else AirflowException)(str(error))


def is_final(error: NiFiError) -> bool:
    """Another try would not help, or harm: NiFi locks users who try wrong passwords."""
    from factory.nifi import errors

    final = (
        errors.LoginFailed,
        errors.NotTrusted,
        errors.NotFound,
        errors.Ambiguous,
        errors.Refused,
    )
    return isinstance(error, final)


def job_of(data: Mapping[str, Any]) -> Job:
    """A `Job` as a spec has it."""
    from factory.nifi.job import Job

    lists = ("sources", "failure_connections")
    return Job(**{**data, **{name: tuple(data[name]) for name in lists}})


def owner_of(context: Context) -> Owner:
    """Who drives the group. Another Airflow may have runs of the same names, not of that time."""
    from factory.nifi.run.hold import Owner

    task, run = context["task_instance"], context["dag_run"]
    who = f"{task.dag_id}/{task.run_id}/{step_of(task.task_id)}"
    digest = hashlib.sha256(f"{who}/{run.start_date}".encode()).hexdigest()
    return Owner(who, digest[:16])
