"""What happens when a run misses its deadline. Airflow calls it in the triggerer, once a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.notifiers import Notify

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dag:
    """What alerts need of a DAG; the triggerer does not read DAG files."""

    dag_id: str
    owner: str


async def missed(
    *,
    alerts: Sequence[Mapping[str, Any]],
    owner: str,
    after: str,
    reference: str,
    context: Mapping[str, Any],
) -> None:
    """Send every alert.

    :param context: `dag_run`, as the REST API gives it, and `deadline`.
    :raises AirflowException: some were not sent; the others were.
    """
    from asgiref.sync import sync_to_async

    told = _context(context, owner, after, reference)
    # not a plain thread: Airflow before 3.3 answers hooks only in one that asgiref made
    await sync_to_async(_tell, thread_sensitive=False)(alerts, told)


def _context(context: Mapping[str, Any], owner: str, after: str, reference: str) -> dict[str, Any]:
    """What a callback of a run gets, as far as it is known here."""
    run = context["dag_run"]
    run_id, moment = run["dag_run_id"], _moment(run["logical_date"])
    return {
        "dag": Dag(run["dag_id"], owner),
        "dag_run": {**run, "run_id": run_id},
        "run_id": run_id,
        "logical_date": moment,
        "ds": moment.strftime("%Y-%m-%d") if moment else None,
        "deadline": {
            "due": _moment(context["deadline"]["deadline_time"]),
            "after": after,
            "from": reference,
        },
    }


def _moment(given: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(given.replace("Z", "+00:00")) if isinstance(given, str) else given


def _tell(alerts: Sequence[Mapping[str, Any]], context: Mapping[str, Any]) -> None:
    failures = []
    for alert in alerts:
        try:
            Notify(alert["notifier"], alert["arguments"], "deadline")(context)
        except Exception as error:
            # a notifier may fail in any way; the others are sent all the same
            log.exception("an alert of a missed deadline cannot be sent")
            failures.append(f"{alert['notifier'].rpartition('.')[2]}: {error}")
    if failures:
        raise AirflowException(f"not every alert was sent: {'; '.join(failures)}")
