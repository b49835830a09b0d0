"""Which extra of the package brings what is missing."""

from __future__ import annotations

from factory.errors import install_hint

BRINGS = {
    "adbc_driver_manager": "postgres",
    "adbc_driver_postgresql": "postgres",
    "airflow": "airflow",
    "airflow.providers.common.sql": "sql",
    "airflow.providers.git": "git",
    "airflow.providers.http": "http",
    "airflow.providers.postgres": "postgres",
    "airflow.providers.slack": "slack",
    "airflow.providers.smtp": "smtp",
    "httpx": "nifi",
    "psycopg": "postgres",
    "pyarrow": "files",
    "requests": "http",
    "slack_sdk": "slack",
    "sqlglot": "sql",
}
"""The extra that brings a module, by the name that is missing without it."""


def hint(error: BaseException | None) -> str:
    """How to get the module that was missing, or an empty string when no extra brings it."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    extra = BRINGS.get(missing or "")
    return install_hint(extra) if extra else ""
