"""A client of GCS, of an Airflow connection to Google Cloud.

Keys, whom they impersonate, federated identity and the project that pays are as Airflow's Google
connection has them. The session renews what expires.
"""

from __future__ import annotations

import json
import os
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException

from factory.errors import FactoryError
from factory.in_airflow.clients.known import Known
from factory.stores.gcs import DEFAULT
from factory.stores.gcs.api import READ_SECONDS, Api

EMULATOR = "STORAGE_EMULATOR_HOST"
"""The variable by which Google's own clients find an emulator."""
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_KEYS = ("key_path", "keyfile_dict", "credential_config_file", "is_anonymous")
_NO_LOGIN = (
    *("project", "num_retries", "api_endpoint"),
    *("bigquery_endpoint", "bigquery_storage_endpoint"),
)
AT_ONCE = 16
"""Connections to GCS that are kept open, at most."""


def _made(conn_id: str, connection: Connection | None) -> Api:
    own = connection.extra_dejson.get("api_endpoint") if connection else None
    emulator = os.environ.get(EMULATOR)
    login = credentials(conn_id, connection, emulator=bool(emulator) and not own)
    return Api(session(login), url(own or emulator or endpoint("storage")))


def session(login: Any) -> Any:
    """A `requests.Session` that logs in, and renews what expires."""
    from google.auth.transport.requests import AuthorizedSession
    from requests.adapters import HTTPAdapter

    made: Any = AuthorizedSession(login, refresh_timeout=READ_SECONDS)  # type: ignore[no-untyped-call]
    made.mount("https://", HTTPAdapter(pool_maxsize=AT_ONCE))
    made.mount("http://", HTTPAdapter(pool_maxsize=AT_ONCE))
    return made


def credentials(conn_id: str, connection: Connection | None, *, emulator: bool) -> Any:
    """What a connection logs in by; an emulator is given no key."""
    return _anonymous() if emulator else _credentials(conn_id, connection)


def _anonymous() -> Any:
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()  # type: ignore[no-untyped-call]


def _credentials(conn_id: str, connection: Connection | None) -> Any:
    if connection is None:
        import google.auth

        return google.auth.default(scopes=[SCOPE])[0]
    try:
        return _by_key(connection) if _is_plain(connection) else _by_hook(conn_id)
    except (AirflowException, KeyError, ValueError, OSError) as error:
        what = f"{type(error).__name__}: {error}"
        raise FactoryError(
            f"the connection {conn_id!r} has no key that can be used: {what}",
            "set one of `keyfile_dict`, `key_path`, `credential_config_file` in its extra, to what "
            "Google gave out as JSON",
        ) from None


def _is_plain(connection: Connection) -> bool:
    """Whether all that it says of a login is a key, or nothing."""
    return connection.extra_dejson.keys() <= {*_KEYS, *_NO_LOGIN}


def _by_key(connection: Connection) -> Any:
    """As Airflow's hook does, by what lies beneath it, which takes less to import."""
    from airflow.providers.google.cloud.utils.credentials_provider import (
        get_credentials_and_project_id,
    )

    extra = connection.extra_dejson
    said = {name: extra[name] for name in _KEYS if extra.get(name)}
    if isinstance(said.get("keyfile_dict"), str):
        said["keyfile_dict"] = json.loads(said["keyfile_dict"])
    return get_credentials_and_project_id(scopes=[SCOPE], **said)[0]


def _by_hook(conn_id: str) -> Any:
    """Whatever else a connection may say."""
    from airflow.providers.google.common.hooks.base_google import GoogleBaseHook

    return GoogleBaseHook(gcp_conn_id=conn_id).get_credentials()


def endpoint(service: str) -> str:
    """Where a service of Google's is."""
    return f"https://{service}.{os.environ.get('GOOGLE_CLOUD_UNIVERSE_DOMAIN') or 'googleapis.com'}"


def url(given: str) -> str:
    """The address of an endpoint, with its scheme."""
    return (given if "://" in given else f"http://{given}").rstrip("/")


client = Known(DEFAULT, _made)
"""The `Api` of GCS. Without a connection `google_cloud_default` it logs in with what the machine
gives: its service account, or `GOOGLE_APPLICATION_CREDENTIALS`.
"""
