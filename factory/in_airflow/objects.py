"""What Airflow is given of plain values, whether for a DAG or for a task."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from airflow.sdk import Asset

from factory.fields import seconds
from factory.in_airflow.notifiers import Notify
from factory.plan.model import Alert


def asset(uri: str) -> Asset:
    """An asset whose name is its address as Airflow keeps it, however it was written.

    Of two names for one address Airflow activates one, and tasks that update the other fail.
    """
    kept = Asset(uri=uri).uri
    return Asset(uri=kept, name=kept)


def notify(alert: Alert, event: str) -> Notify:
    """Who tells of an alert, as a callback of Airflow's."""
    return Notify(alert.notifier, dict(alert.arguments), event)


@lru_cache(maxsize=1024)
def duration(text: str) -> timedelta:
    """`5m` as Airflow takes it."""
    return timedelta(seconds=seconds(text))
