"""A client of S3, of an Airflow connection to AWS: once in a process, until that changes.

Keys, profiles, roles that are assumed, web identity, endpoints and proxies are as Airflow's AWS
connection has them. botocore's session renews what expires.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from factory.stores.s3 import DEFAULT, SETTINGS

_clients: dict[str, tuple[str, Any]] = {}
_lock = threading.Lock()


def client(conn_id: str) -> Any:
    """boto3's client for S3, with our `SETTINGS`; what the connection's `config_kwargs` say wins.

    Without a connection `aws_default`, it is what the machine gives: its role, or its environment.

    :raises AirflowNotFoundException: there is no such connection, of another name.
    """
    facts = _facts(conn_id)
    # sessions are not made by two threads at once
    with _lock:
        known = _clients.get(conn_id)
        if known is None or known[0] != facts:
            known = _clients[conn_id] = facts, _made(conn_id)
        return known[1]


def _facts(conn_id: str) -> str:
    """Another text when the connection is another; nothing can be read from it."""
    try:
        said = Connection.get(conn_id).get_uri()
    except AirflowNotFoundException:
        if conn_id != DEFAULT:
            raise
        return ""
    return hashlib.sha256(said.encode()).hexdigest()


def _made(conn_id: str) -> Any:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config

    hook = AwsBaseHook(aws_conn_id=conn_id, client_type="s3")
    said = hook.conn_config
    config = Config(**SETTINGS)
    # not by the hook: to name its caller to AWS it looks at every provider and every frame
    return hook.get_session().client(
        "s3",
        endpoint_url=said.get_service_endpoint_url("s3"),
        config=config.merge(said.botocore_config) if said.botocore_config else config,
        verify=hook.verify,
    )
