"""The `webhook` alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.http import send as send_http
from factory.in_airflow.http import unmet
from factory.in_airflow.notifiers.news import filled, news


def send(
    event: str, context: Mapping[str, Any], *, conn_id: str, path: str = "", message: str = ""
) -> None:
    """Post one JSON message.

    :raises AirflowException: it is not accepted.
    """
    told = news(event, context)
    body = {
        "event": told.event,
        "dag_id": told.dag_id,
        "run_id": told.run_id,
        "task_id": told.task_id,
        "failed_tasks": list(told.failed_tasks),
        "logical_date": told.logical_date,
        "owner": told.owner,
        "message": filled(message, context, told, told.whole),
        "reasons": [asdict(reason) for reason in told.reasons],
        "log_url": told.log_url or None,
    }
    answer = send_http(conn_id=conn_id, method="POST", endpoint=path, body=body)
    problem = unmet(answer, {})
    if problem:
        raise AirflowException(problem)
