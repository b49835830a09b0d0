"""Two days of sample data, and a run of each, which the demo begins by hand."""

from __future__ import annotations

from datetime import date, datetime, time, timezone

from factory_embedded.airflow_api import AirflowApi, DagRun

DAYS = (date(2024, 1, 1), date(2024, 1, 2))


def run_days(api: AirflowApi, pipeline: str) -> None:
    """Run the days; once more, when an Airflow that was kept has run them."""
    api.pause(pipeline, False)
    before = api.dag_runs(pipeline)
    for run in before:
        api.clear(pipeline, run.dag_run_id)
    done = {day_of(run) for run in before}
    for day in DAYS:
        if str(day) not in done:
            api.trigger(pipeline, logical_date=datetime.combine(day, time(), timezone.utc))


def day_of(run: DagRun) -> str:
    """Which of them a run is of."""
    return f"{run.logical_date or run.run_after:%Y-%m-%d}"
