"""A schedule beside which updated assets start runs: what Airflow's scheduler makes of it.

It is apart, for what it imports is slow, and a task needs none of it.
"""

from __future__ import annotations

from typing import Any

from airflow.timetables.simple import AssetTriggeredTimetable

from factory.in_airflow.timetable import PipelineTimetable
from factory.intervals import Runs


class OrAssetsTimetable(PipelineTimetable, AssetTriggeredTimetable):
    """One that the scheduler takes for a timetable by assets, too. Airflow keeps it as the other.

    Airflow's `AssetOrTimeSchedule` would not ask the schedule what the next run comes after.
    """

    @classmethod
    def of(cls, runs: Runs, kept: dict[str, Any]) -> OrAssetsTimetable:
        """Of what Airflow keeps of the assets."""
        waited: Any = AssetTriggeredTimetable.deserialize(kept)
        return cls(runs, waited.asset_condition)


for _name in ("__module__", "__name__", "__qualname__"):
    setattr(OrAssetsTimetable, _name, getattr(PipelineTimetable, _name))
