"""Airflow's settings that bear on pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from factory.in_airflow.doctor.finding import Finding, error, names, ok, warning
from factory.in_airflow.doctor.installation import Installation
from factory.in_airflow.doctor.storage import remote_executors
from factory.plan import alerts

_HERE = ("localhost", "127.0.0.1", "0.0.0.0", "::1")


def check(found: Installation) -> Iterator[Finding]:
    """Executor, time zone, how soon a change is seen, and where links lead."""
    from airflow.configuration import conf

    remote = remote_executors()
    where = "on several machines" if remote else "on the scheduler's machine"
    executor = conf.get("core", "executor", fallback="LocalExecutor")
    zone = conf.get("core", "default_timezone", fallback="utc")
    yield ok(f"AIRFLOW_HOME is {found.home}; tasks run {where} ({executor})")
    yield ok(f"Airflow's time zone is {zone}; a pipeline has its own `timezone`, else UTC")
    yield _interval()
    yield from _links(found)


def _interval() -> Finding:
    from airflow.configuration import conf

    again = conf.getint("dag_processor", "min_file_process_interval", fallback=30)
    text = f"a change of a pipeline is seen after about {again} s (min_file_process_interval)"
    if again > 300:
        return warning(text, "lower [dag_processor] min_file_process_interval where that is long")
    return ok(text)


def _links(found: Installation) -> Iterator[Finding]:
    """Alerts hold a link to the run, which begins with what this setting says."""
    from airflow.configuration import conf

    telling = [plan.dag_id for plan in found.plans if any(alerts.every(plan))]
    if not telling:
        return
    base = conf.get("api", "base_url", fallback="")
    host = urlsplit(base).hostname or ""
    todo = "set [api] base_url to the address that people open, such as https://airflow.example.org"
    if base and "://" not in base:
        yield error(f"[api] base_url is no address: {base}", todo)
    elif not base:
        yield warning(f"[api] base_url is not set: alerts of {names(telling)} lead nowhere", todo)
    elif host in _HERE:
        yield warning(f"links of alerts lead to {host}, which is the reader's own machine", todo)
    else:
        yield ok(f"links of alerts begin with {base}")
