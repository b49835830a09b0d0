"""Which extra of the package brings what is missing, which a module needs, how one is installed."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from importlib import metadata

NAME = "airflow-pipeline-factory"
SERVICES = f"{NAME}-embedded"
"""The package of real servers, in the folder `embedded/` of the same repository."""

BRINGS = {
    "adbc_driver_manager": "postgres",
    "adbc_driver_postgresql": "postgres",
    "airflow": "airflow",
    "airflow.providers.amazon": "s3",
    "airflow.providers.common.sql": "sql",
    "airflow.providers.git": "git",
    "airflow.providers.google": "gcs",
    "airflow.providers.http": "http",
    "airflow.providers.postgres": "postgres",
    "airflow.providers.sftp": "sftp",
    "airflow.providers.slack": "slack",
    "airflow.providers.smtp": "smtp",
    "airflow.providers.snowflake": "snowflake",
    "boto3": "s3",
    "botocore": "s3",
    "google.api_core": "gcs",
    "google.auth": "gcs",
    "google.cloud.bigquery_storage": "bigquery",
    "google.cloud.storage": "gcs",
    "google_crc32c": "gcs",
    "grpc": "bigquery",
    "httpx": "nifi",
    "paramiko": "sftp",
    "psycopg": "postgres",
    "pyarrow": "files",
    "pymysql": "mysql",
    "requests": "http",
    "slack_sdk": "slack",
    "snowflake": "snowflake",
    "sqlglot": "sql",
}
"""The extra that brings a module, by the name that is missing without it."""

OWNERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("factory/transfer/postgres/*", ("postgres",)),
    ("factory/transfer/mysql/*", ("mysql", "sql")),
    ("factory/transfer/snowflake/*", ("snowflake",)),
    ("factory/transfer/bigquery/*", ("bigquery",)),
    ("factory/in_airflow/clients/bigquery.py", ("bigquery",)),
    ("factory/in_airflow/operators/ingest/load_bigquery.py", ("bigquery",)),
    ("factory/in_airflow/operators/ingest/read_bigquery.py", ("bigquery",)),
    ("factory/in_airflow/operators/ingest/load_postgres.py", ("postgres",)),
    ("factory/in_airflow/operators/ingest/load_mysql.py", ("mysql", "sql")),
    ("factory/in_airflow/operators/ingest/load_snowflake.py", ("snowflake",)),
    ("factory/in_airflow/operators/ingest/read_snowflake.py", ("snowflake",)),
    ("factory/in_airflow/clients/snowflake.py", ("snowflake",)),
    ("factory/in_airflow/operators/ingest/write_files.py", ("files", "sql")),
    ("factory/in_airflow/operators/ingest/read_mysql.py", ("mysql",)),
    ("factory/in_airflow/operators/ingest/read_postgres.py", ("postgres",)),
    ("factory/in_airflow/operators/ingest/read_sql.py", ("files", "sql")),
    ("factory/in_airflow/operators/check.py", ("postgres",)),
    ("factory/in_airflow/operators/dry_run.py", ("bigquery", "sql")),
    ("factory/in_airflow/operators/sql.py", ("sql",)),
    ("factory/in_airflow/hooks/snowflake.py", ("snowflake",)),
    ("factory/in_airflow/triggers/snowflake.py", ("snowflake",)),
    ("factory/in_airflow/hooks/mysql.py", ("mysql", "sql")),
    ("factory/in_airflow/hooks/bigquery.py", ("bigquery", "sql")),
    ("factory/in_airflow/operators/dbt.py", ("files",)),
    ("factory/in_airflow/verify/*", ("files", "sql")),
    ("factory/in_airflow/operators/copy.py", ("files",)),
    ("factory/in_airflow/operators/delete.py", ("files",)),
    ("factory/in_airflow/connections.py", ("postgres",)),
    ("factory/transfer/http.py", ("http",)),
    ("factory/transfer/download/*", ("files", "http")),
    ("factory/in_airflow/operators/ingest/download.py", ("files", "http")),
    ("factory/in_airflow/http.py", ("http",)),
    ("factory/in_airflow/operators/http.py", ("http",)),
    ("factory/in_airflow/notifiers/webhook.py", ("http",)),
    ("factory/nifi/*", ("nifi",)),
    ("factory/in_airflow/*nifi*", ("nifi",)),
    ("factory/in_airflow/notifiers/slack.py", ("slack",)),
    ("factory/in_airflow/notifiers/email.py", ("smtp",)),
    ("factory/cli/sniff.py", ("files", "http")),
    ("factory/definitions/checks/*", ("sql",)),
    ("factory/definitions/statements.py", ("sql",)),
    ("factory/transfer/dbapi/*", ("files", "sql")),
    ("factory/transfer/warehouse/*", ("files", "sql")),
    ("factory/transfer/lake/*", ("files", "sql")),
    ("factory/transfer/*", ("files",)),
    ("factory/stores/gcs/*", ("gcs",)),
    ("factory/in_airflow/clients/gcs.py", ("gcs",)),
    ("factory/stores/s3/*", ("s3",)),
    ("factory/in_airflow/clients/s3.py", ("s3",)),
    ("factory/stores/sftp/*", ("sftp",)),
    ("factory/in_airflow/clients/sftp.py", ("sftp",)),
    ("factory/stores/*", ("files",)),
    ("factory/in_airflow/operators/ingest/*", ("files",)),
    ("factory/in_airflow/*", ("airflow",)),
    ("factory/*", ()),
)
"""The first that matches a file tells the extras in which all is that it imports."""


def hint(error: BaseException | None) -> str:
    """How to get the module that was missing, or an empty string when no extra brings it."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    extra = BRINGS.get(missing or "")
    return install_hint(extra) if extra else ""


def owners(file: str) -> tuple[str, ...]:
    """The extras that a file of this package needs, such as `factory/transfer/http.py`."""
    return next(found for pattern, found in OWNERS if fnmatch(file, pattern))


def needed(path: str) -> tuple[str, ...]:
    """The extras that an operator or notifier needs, by its import path; none: not one of ours."""
    if path.startswith("factory."):
        return owners(f"{path.rpartition('.')[0].replace('.', '/')}.py")
    above = path.split(".")
    names = (".".join(above[:length]) for length in range(len(above), 1, -1))
    found = next((BRINGS[name] for name in names if name in BRINGS), None)
    return (found,) if found else ("airflow",) if above[0] == "airflow" else ()


def provider(module: str) -> str:
    """The package of a provider of Airflow's, by a module in it; empty when it is none."""
    head, found, rest = module.partition("airflow.providers.")
    names = rest.split(".")
    if head or not found:
        return ""
    return "-".join(("apache-airflow-providers", *names[: 2 if names[0] in _FAMILIES else 1]))


_FAMILIES = ("apache", "atlassian", "cncf", "common", "dbt", "microsoft")
"""Whose providers are one level deeper: `airflow.providers.apache.spark`."""


def install_hint(extra: str) -> str:
    """How to get an extra: from where this package came."""
    origin = _git_origin()
    if origin:
        return f"pip install '{NAME}[{extra}] @ {origin}'"
    return f"in a checkout of this project: pip install '.[{extra}]'"


def requirement() -> str:
    """This package, as a line of a requirements file: from where it came, else from the index."""
    origin = _git_origin()
    return f"{NAME} @ {origin}" if origin else f"{NAME}=={metadata.version(NAME)}"


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
