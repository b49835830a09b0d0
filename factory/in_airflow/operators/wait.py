"""The task of a `wait` step."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import (  # they moved after Airflow 3.1
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from airflow.sdk import BaseOperator

from factory.account import say
from factory.in_airflow.hiding import holds_secret
from factory.in_airflow.interval import NONE, interval_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.in_airflow.probes import Seen

log = logging.getLogger(__name__)


class Wait(BaseOperator):
    """Looks once, then leaves the looking to the triggerer, unless that would show a secret.

    Airflow's own sensors skip also when what they wait for failed, where only a time-out should;
    and their time-outs do not tell what was seen last.

    :param what: `type` is `time`, or one that `factory.in_airflow.probes.look` takes.
    :param poll_interval: seconds between two looks.
    :param timeout: seconds to wait at most.
    :param on_timeout: `fail` (without a retry) or `skip`.
    """

    template_fields: Sequence[str] = ("what",)

    def __init__(
        self,
        *,
        what: Mapping[str, Any],
        poll_interval: float,
        timeout: float,
        on_timeout: Literal["fail", "skip"],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.what = what
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.on_timeout = on_timeout
        if what["type"] == "sql":
            self.template_ext = (".sql",)

    def execute(self, context: Context) -> None:
        """Look; end, or defer."""
        if self.what["type"] == "time":
            self._wait_until(_moment(self.what, context))
            return
        what = {**self.what}
        if what["type"] == "pipeline":
            what["logical_dates"] = _logical_dates(context, what.pop("offset", 0))
        if what.get("column"):
            what["interval"] = [moment.isoformat() for moment in run_interval(context)]
        deadline = time.time() + self.timeout
        from factory.in_airflow.probes import look

        seen = look(what)
        if seen.state != "not_yet":
            self._end(seen.state, seen.detail)
            return
        log.info("not yet: %s", seen.detail)
        if holds_secret(what):
            self._look_here(what, seen, deadline)
            return
        from factory.in_airflow.triggers.poll import Poll

        self.defer(
            trigger=Poll(what, self.poll_interval, deadline, seen.detail), method_name="resume"
        )

    def resume(self, context: Context, event: Any = None) -> None:
        """End as the triggerer found."""
        if isinstance(event, Mapping):
            self._end(event["state"], event["detail"])

    def _look_here(self, what: Mapping[str, Any], seen: Seen, deadline: float) -> None:
        """Look on in the worker: Airflow keeps what a trigger is given for all to read."""
        from factory.in_airflow.probes import look

        log.warning(
            "this waits in the worker, not in the triggerer, since a secret is in what it sends; "
            "one that the connection holds does not need that"
        )
        while seen.state == "not_yet" and time.time() < deadline:
            time.sleep(min(self.poll_interval, max(deadline - time.time(), 0)))
            seen = look(what)
            log.info("%s: %s", seen.state.replace("_", " "), seen.detail)
        self._end("timeout" if seen.state == "not_yet" else seen.state, seen.detail)

    def _wait_until(self, moment: datetime) -> None:
        left = moment.timestamp() - time.time()
        if left <= 0:
            say("%s has come", moment)
        elif left > self.timeout:
            self._end("timeout", f"{moment} is {timedelta(seconds=round(left))} away")
        else:
            from airflow.providers.standard.triggers.temporal import DateTimeTrigger

            self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume")

    def _end(self, state: str, detail: str) -> None:
        if state == "timeout":
            longest = timedelta(seconds=self.timeout)
            detail = f"this waits {longest} at most; the last look: {detail}"
            if self.on_timeout == "fail":
                raise AirflowSensorTimeout(detail)
        elif state not in ("met", "skipped"):
            raise AirflowException(detail)
        say("%s", detail)
        if state != "met":
            raise AirflowSkipException(detail)


def _logical_dates(context: Context, offset: float) -> list[str]:
    """The run's own, and the start of its interval, which is the date of a scheduled run."""
    interval = interval_of(context)
    moments = [context.get("logical_date"), interval.start if interval else None]
    found = {moment - timedelta(seconds=offset): None for moment in moments if moment is not None}
    if not found:
        raise AirflowFailException(
            "this run has no logical date and no data interval, so there is no run of the other "
            "pipeline for the same date"
        )
    return [moment.isoformat() for moment in found]


def run_interval(context: Context) -> tuple[datetime, datetime]:
    """The run's, from its first moment until before its end."""
    interval = interval_of(context)
    if interval is None:
        raise AirflowFailException(NONE)
    return interval.start, interval.end


def _moment(what: Mapping[str, Any], context: Context) -> datetime:
    if "after" in what:
        interval = interval_of(context)
        end = interval.end if interval else context["dag_run"].run_after
        after: datetime = end + timedelta(seconds=what["after"])
        return after
    import pendulum

    try:
        moment = pendulum.parse(what["until"], tz=context["dag"].timezone)
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise AirflowFailException(
            f"{what['until']!r} is no moment: expected an ISO date and time, such as "
            "2024-01-01T18:00:00"
        )
    return moment
