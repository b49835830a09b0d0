"""Airflow's own database: reachable, migrated, and with the same clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from factory.errors import words
from factory.in_airflow.doctor.finding import Finding, error, ok, warning
from factory.in_airflow.doctor.installation import Installation
from factory.in_airflow.doctor.patiently import NoAnswerError, patiently

_MOST_APART = 5.0  # seconds


def check(found: Installation) -> Iterator[Finding]:
    """Ask it."""
    from airflow import settings

    from factory.in_airflow.hiding import hide_login

    engine: Any = settings.get_engine()  # type: ignore[no-untyped-call]
    hide_login(engine.url.render_as_string(hide_password=False))
    called = f"Airflow's database ({engine.dialect.name})"
    apart, wrong = patiently(lambda: _apart(engine))
    if wrong is not None:
        yield error(
            f"{called} cannot be reached: {words(wrong, 200)}",
            "look at [database] sql_alchemy_conn, and whether the server runs",
        )
        return
    if engine.dialect.name == "sqlite":
        yield warning(f"{called} can be read; SQLite is for trying things out", "use PostgreSQL")
    else:
        yield ok(f"{called} can be read")
    yield _migrated(called)
    if apart is not None and abs(apart) > _MOST_APART:
        yield warning(
            f"the clock of {called} is {apart:+.0f} s from this machine's",
            "let all machines take their time from one server (NTP)",
        )


def _apart(engine: Any) -> float:
    """Asks the database; seconds that its clock is ahead."""
    from sqlalchemy import text

    with engine.connect() as connection:
        now = connection.execute(text("SELECT CURRENT_TIMESTAMP")).scalar()
    moment = datetime.fromisoformat(now) if isinstance(now, str) else now
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return float((moment - datetime.now(timezone.utc)).total_seconds())


def _migrated(called: str) -> Finding:
    from airflow.utils.db import check_migrations

    _, wrong = patiently(lambda: check_migrations(0))  # type: ignore[no-untyped-call]
    if wrong is None:
        return ok(f"{called} has the tables of this version")
    if isinstance(wrong, TimeoutError) and not isinstance(wrong, NoAnswerError):
        # so says Airflow itself that migrations are left
        return error(f"{called} has not the tables of this version", "run `airflow db migrate`")
    return error(
        f"whether {called} has the tables of this version cannot be told: {words(wrong, 200)}",
        "try again; `airflow db check-migrations` says more",
    )
