"""A schedule beside which updated assets start runs: what Airflow's scheduler makes of it.

It is apart, for what it imports is slow, and a task needs none of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from airflow.timetables.base import Timetable
from airflow.timetables.simple import AssetTriggeredTimetable

from factory.intervals import Runs


def or_assets(timetable: type[Timetable], runs: Runs, kept: dict[str, Any]) -> Any:
    """A timetable of this class that the scheduler takes for one by assets, too.

    Airflow's `AssetOrTimeSchedule` would not ask the schedule what the next run comes after.

    :param kept: what Airflow keeps of the assets.
    """
    waited: Any = AssetTriggeredTimetable.deserialize(kept)
    return _beside_assets(timetable)(runs, waited.asset_condition)


@lru_cache
def _beside_assets(timetable: type[Timetable]) -> Any:
    """Airflow keeps it as the other, by the name that they share."""
    named = {"__module__": timetable.__module__, "__qualname__": timetable.__qualname__}
    return type(timetable.__name__, (timetable, AssetTriggeredTimetable), named)
