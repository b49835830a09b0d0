"""A client of BigQuery, of an Airflow connection to Google Cloud: it logs in as the one of GCS."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.clients import gcs
from factory.in_airflow.clients.known import Known
from factory.stores.gcs import DEFAULT
from factory.transfer.bigquery.api import Api

if TYPE_CHECKING:
    from airflow.sdk import Context

EMULATOR = "BIGQUERY_EMULATOR_HOST"
"""The variable by which Google's own client finds an emulator."""
_LONGEST_LABEL = 63
_EXTRAS = ("project", "extra__google_cloud_platform__project")


def _made(conn_id: str, connection: Connection | None) -> Api:
    extra = connection.extra_dejson if connection else {}
    own, emulator = extra.get("bigquery_endpoint"), os.environ.get(EMULATOR)
    login = gcs.credentials(conn_id, connection, emulator=bool(emulator) and not own)
    return Api(
        gcs.session(login),
        gcs.url(own or emulator or gcs.endpoint("bigquery")),
        _project(conn_id, extra, login),
        credentials=login,
        storage=extra.get("bigquery_storage_endpoint") or "",
    )


def _project(conn_id: str, extra: Any, login: Any) -> str:
    """The connection's, else that of its key."""
    named = next((extra[name] for name in _EXTRAS if extra.get(name)), None)
    found = named or getattr(login, "project_id", None) or os.environ.get("GOOGLE_CLOUD_PROJECT")
    if not found:
        raise AirflowException(
            f"the connection {conn_id!r} names no project, in which the jobs of BigQuery would "
            "run: set `project` in its extra"
        )
    return str(found)


client = Known(DEFAULT, _made)
"""The `Api` of a connection."""


def labelled(conn_id: str, context: Context) -> Api:
    """The same, whose jobs are labelled with a task."""
    task = context["task_instance"]
    run = hashlib.sha256(task.run_id.encode()).hexdigest()[:16]
    named = {"dag": _label(task.dag_id), "task": _label(task.task_id), "run": run}
    labels = {f"factory_{name}": value for name, value in named.items()}
    api: Api = client(conn_id)
    return replace(api, labels=labels)


def _label(text: str) -> str:
    """As BigQuery takes it."""
    return re.sub("[^a-z0-9_-]", "_", text.lower())[:_LONGEST_LABEL]
