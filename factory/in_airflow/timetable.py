"""The data interval of a run as the pipeline's `schedule` says it, whatever the Airflow.

Every process of Airflow loads this (an entry point names the plugin): it imports little.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from airflow.utils.types import DagRunType

from factory.intervals import Interval, Runs

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime


_ASSETS = "asset_condition"
"""The key under which Airflow keeps what a timetable waits for."""
_BY_SCHEDULE = (DagRunType.SCHEDULED, DagRunType.BACKFILL_JOB)


class PipelineTimetable(Timetable):
    """Runs at the moments of a cron or of a fixed interval, each with the interval it covers.

    A run's logical date is the start of its interval. `catchup`, `start_date` and `end_date` bound
    the intervals as those of Airflow's `CronDataIntervalTimetable`.

    :param assets: what starts runs as well when it is updated; Airflow's own.
    """

    def __init__(self, runs: Runs, assets: Any = None) -> None:
        self.runs = runs
        self.assets = assets
        self.can_be_scheduled = self.periodic = runs.scheduled
        self.description = f"{_when(runs)}{self._also}, of {_what(runs)}"

    @property
    def asset_condition(self) -> Any:  # type: ignore[override]  # Airflow reads it, and no more
        """What Airflow waits for; its class is slow to import, and few pipelines need it."""
        if self.assets is None:
            return Timetable.asset_condition
        from airflow.timetables.simple import AssetTriggeredTimetable

        return AssetTriggeredTimetable(self.assets).asset_condition

    @property
    def _also(self) -> str:
        return "" if self.assets is None else " or by assets"

    @property
    def summary(self) -> str:
        """In the list of all DAGs."""
        when = f"{_when(self.runs)}{self._also}"
        return when if self.runs.covers == "since_last_run" else f"{when} ({self.runs.covers})"

    def serialize(self) -> dict[str, Any]:
        """Plain data."""
        runs = self.runs
        return {
            **self._serialized_assets(),
            "covers": runs.covers,
            "zone": runs.zone,
            "cron": runs.cron,
            "every": runs.every,
            "anchor": runs.anchor.isoformat(),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PipelineTimetable:
        """From what `serialize` gives."""
        given = {**data, "anchor": datetime.fromisoformat(data["anchor"])}
        waited = given.pop(_ASSETS, None)
        if waited is None:
            return cls(Runs(**given))
        from factory.in_airflow.or_assets import or_assets

        found: PipelineTimetable = or_assets(cls, Runs(**given), {_ASSETS: waited})
        return found

    def _serialized_assets(self) -> dict[str, Any]:
        if self.assets is None:
            return {}
        from airflow.timetables.simple import AssetTriggeredTimetable

        return AssetTriggeredTimetable(self.assets).serialize()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PipelineTimetable)
            and other.runs == self.runs
            and other._serialized_assets() == self._serialized_assets()
        )

    def __hash__(self) -> int:
        return hash(self.runs)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """What holds the date if it is over by now, else the last that is over."""
        return _as_airflows(self.runs.holding(run_after, pendulum.now("UTC")))

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """The run after the last one, the first of all, or without catchup the newest."""
        bound: datetime | None = restriction.earliest
        if not self.runs.scheduled:
            return None
        if not restriction.catchup:
            newest = self.runs.newest(pendulum.now("UTC")).interval.start
            bound = max(newest, bound) if bound else newest
        found = None if bound is None else self.runs.first(bound)
        if last_automated_data_interval is not None:
            after = self.runs.next(Interval(*last_automated_data_interval))
            found = max(found, after) if found else after
        if found is None or (restriction.latest and found.interval.start > restriction.latest):
            return None
        # not made by its class: Airflow 3.2 alone has fields there that must be given
        moment = DagRunInfo.exact(pendulum.instance(found.moment))
        return moment._replace(data_interval=_as_airflows(found.interval))

    def generate_run_id(
        self,
        *,
        run_type: DagRunType,
        run_after: DateTime,
        data_interval: DataInterval | None,
        **extra: Any,
    ) -> str:
        """Of a run by the schedule, its moment and the start of its interval.

        After a change of the schedule two intervals may be due at one moment: the first day of a
        daily run comes at the moment of the last monthly one. Airflow's own id is the moment.
        """
        if data_interval is None or run_type not in _BY_SCHEDULE:
            return super().generate_run_id(
                run_type=run_type, run_after=run_after, data_interval=data_interval, **extra
            )
        usual = Timetable.generate_run_id(
            self, run_type=run_type, run_after=run_after, data_interval=data_interval, **extra
        )
        return f"{usual}_{data_interval.start.isoformat()}"

    def run_info_from_dag_run(self, *, dag_run: Any) -> DagRunInfo:
        """What the next run comes after; Airflow asks since 3.2.

        A run by hand may have taken the logical date of the next run by the schedule, before that
        was due, and is of the interval before. Airflow makes no second run of one date: without
        this it would ask for that one, and find it taken, for ever.
        """
        info = super().run_info_from_dag_run(dag_run=dag_run)
        date, known = dag_run.logical_date, info.data_interval
        if date is None or known is None or date < known.end:
            return info
        taken = self.runs.holding(date, datetime.max.replace(tzinfo=timezone.utc))
        return info._replace(data_interval=_as_airflows(taken))


def _as_airflows(interval: Interval) -> DataInterval:
    return DataInterval(*map(pendulum.instance, interval))


def _when(runs: Runs) -> str:
    if runs.every is not None:
        return f"every {pendulum.duration(seconds=runs.every).in_words()}"
    return runs.cron or "by hand"


def _what(runs: Runs) -> str:
    if runs.covers == "since_last_run":
        return "the time since the run before"
    return f"the {runs.covers.replace('_', ' ')} in {runs.zone}"


class PipelinePlugin(AirflowPlugin):
    """Airflow reads a timetable of others only when a plugin names it."""

    name = "pipeline_factory"
    timetables = [PipelineTimetable]  # noqa: RUF012
