"""An Airflow connection as a profile of dbt.

A secret never stands in the file, which names environment variables. dbt knows those of this prefix
to be secret: it hides their values in its own logs, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.dbt.errors import DbtError
from factory.definitions.errors import unknown
from factory.login import Login

NAME = "factory"
"""Of the profile, whatever the project calls its own."""
SECRET = "DBT_ENV_SECRET_FACTORY_"
_CONNECT_SECONDS = 30
_LIBPQ = ("sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle")
_SNOWFLAKE = ("account", "warehouse", "database", "role", "authenticator")


@dataclass(frozen=True)
class Profile:
    """What `profiles.yml` holds, and the secrets that it names, by their environment variables."""

    output: Mapping[str, Any]
    secrets: Mapping[str, str]

    def write(self, folder: Path, target: str) -> None:
        """Write `profiles.yml`, with one target."""
        profile = {NAME: {"target": target, "outputs": {target: self.output}}}
        # JSON is YAML
        (folder / "profiles.yml").write_text(json.dumps(profile), "utf-8")


@dataclass(frozen=True)
class _Secret:
    value: str | None


def profile(login: Login, schema: str, threads: int) -> Profile:
    """The profile of a connection; models are built into `schema`.

    Raises `DbtError` and `BadOption`: dbt has no profile for it, or something is missing.
    """
    kind = login.conn_type or ""
    if kind not in _KINDS:
        raise unknown("type of a connection for a profile of dbt", kind, _KINDS)
    output = {**_KINDS[kind](login, schema), "threads": threads}
    secrets: dict[str, str] = {}
    return Profile(_without_secrets(output, "", secrets), secrets)


def _without_secrets(values: Mapping[str, Any], above: str, found: dict[str, str]) -> Any:
    """What is said, with the names of environment variables for secrets, which go into `found`."""
    said: dict[str, Any] = {}
    for name, value in values.items():
        variable = f"{above}{name.upper()}"
        if isinstance(value, Mapping):
            said[name] = _without_secrets(value, f"{variable}_", found)
        elif isinstance(value, _Secret):
            if value.value:
                found[f"{SECRET}{variable}"] = value.value
                said[name] = f"{{{{ env_var('{SECRET}{variable}') }}}}"
        elif isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value):
            raise DbtError(f"{name!r} of the connection holds what dbt takes for a template")
        elif value not in (None, ""):
            said[name] = value
    return said


def _postgres(login: Login, schema: str) -> dict[str, Any]:
    extras = login.extra_dejson
    return {
        "type": "postgres",
        "host": login.host or "localhost",
        "port": login.port or 5432,
        "user": login.login,
        # dbt wants one, also where the server asks for none
        "password": _Secret(login.password or "none"),
        "dbname": login.schema or login.login,
        "schema": schema,
        "connect_timeout": _CONNECT_SECONDS,
        **{word: extras.get(word) for word in _LIBPQ},
    }


def _redshift(login: Login, schema: str) -> dict[str, Any]:
    return {**_postgres(login, schema), "type": "redshift", "port": login.port or 5439}


def _snowflake(login: Login, schema: str) -> dict[str, Any]:
    extras = _bare(login.extra_dejson, "extra__snowflake__")
    if not extras.get("account"):
        raise DbtError(f"the connection {login.conn_id!r} does not say its `account`")
    return {
        "type": "snowflake",
        "user": login.login,
        "schema": schema,
        "connect_timeout": _CONNECT_SECONDS,
        **{word: extras.get(word) for word in _SNOWFLAKE},
        **_snowflake_login(login, extras),
    }


def _snowflake_login(login: Login, extras: Mapping[str, Any]) -> dict[str, Any]:
    """By key, by a token, or by password."""
    if key := extras.get("private_key_content"):
        return {"private_key": _Secret(key), "private_key_passphrase": _Secret(login.password)}
    if path := extras.get("private_key_file"):
        return {"private_key_path": path, "private_key_passphrase": _Secret(login.password)}
    if str(extras.get("authenticator") or "").lower() == "oauth":
        return {"token": _Secret(extras.get("token") or login.password)}
    return {"password": _Secret(login.password)}


def _bigquery(login: Login, schema: str) -> dict[str, Any]:
    extras = _bare(login.extra_dejson, "extra__google_cloud_platform__")
    own, project = _bigquery_login(extras)
    return {
        "type": "bigquery",
        "project": extras.get("project") or project,
        "dataset": schema,
        "location": extras.get("location"),
        "impersonate_service_account": extras.get("impersonation_chain"),
        "job_creation_timeout_seconds": _CONNECT_SECONDS,
        **own,
    }


def _bigquery_login(extras: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """By a key, which knows its project, too; else as the machine is known to Google."""
    if path := extras.get("key_path"):
        return {"method": "service-account", "keyfile": path}, None
    if not (given := extras.get("keyfile_dict")):
        return {"method": "oauth"}, None
    key = json.loads(given) if isinstance(given, str) else dict(given)
    shown = {**key, "private_key": _Secret(key.get("private_key"))}
    return {"method": "service-account-json", "keyfile_json": shown}, key.get("project_id")


def _bare(extras: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Airflow's older connections have the prefix before each name."""
    old = {k.removeprefix(prefix): v for k, v in extras.items() if k.startswith(prefix)}
    return {**old, **extras}


_KINDS: Mapping[str, Callable[[Login, str], dict[str, Any]]] = {
    "postgres": _postgres,
    "redshift": _redshift,
    "snowflake": _snowflake,
    "google_cloud_platform": _bigquery,
}
TYPES = tuple(_KINDS)
"""Types of the connections that a profile is made of."""
