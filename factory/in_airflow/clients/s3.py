"""A client of S3, of an Airflow connection to AWS.

Keys, profiles, roles that are assumed, web identity, endpoints and proxies are as Airflow's AWS
connection has them. botocore's session renews what expires.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Connection

from factory.in_airflow.clients.known import Known
from factory.stores.s3 import DEFAULT, SETTINGS


def _made(conn_id: str, connection: Connection | None) -> Any:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    # without the connection, the hook has what the machine gives
    hook = S3Hook(aws_conn_id=conn_id)
    own = hook.conn_config.botocore_config
    config = Config(**SETTINGS)
    return hook.get_client_type(config=config.merge(own) if own else config)


client = Known(DEFAULT, _made)
"""boto3's client for S3, with our `SETTINGS`; what the connection's `config_kwargs` say wins.

Without a connection `aws_default`, it is what the machine gives: its role, or its environment.
"""
