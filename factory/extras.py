"""Which extra of the package brings what is missing, and how it is installed."""

from __future__ import annotations

import json
from importlib import metadata

NAME = "airflow-pipeline-factory"
SERVICES = f"{NAME}-embedded"
"""The package of real servers, in the folder `embedded/` of the same repository."""

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


def install_hint(extra: str) -> str:
    """How to get an extra: from where this package came."""
    origin = _git_origin()
    if origin:
        return f"pip install '{NAME}[{extra}] @ {origin}'"
    return f"in a checkout of this project: pip install '.[{extra}]'"


def services_hint(extra: str = "") -> str:
    """How to get the servers of the demo; `all` brings those that are more than PostgreSQL."""
    extras = f"[{extra}]" if extra else ""
    origin = _git_origin()
    if origin:
        return f"pip install '{SERVICES}{extras} @ {origin}#subdirectory=embedded'"
    return f"in a checkout of this project: pip install './embedded{extras}'"


def _git_origin() -> str:
    """The repository and commit that this package was installed from, as pip takes them."""
    try:
        noted = metadata.distribution(NAME).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    found = json.loads(noted or "{}")
    vcs = found.get("vcs_info", {})
    return f"{vcs['vcs']}+{found['url']}@{vcs['commit_id']}" if vcs else ""
