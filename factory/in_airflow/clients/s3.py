"""A client of S3, of an Airflow connection to AWS.

Keys, profiles, roles that are assumed, web identity, endpoints and proxies are as Airflow's AWS
connection has them. botocore's session renews what it knows to expire; where S3 refuses credentials
all the same, the connection is asked for others.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from airflow.sdk import Connection

from factory.in_airflow.clients.known import Known
from factory.stores.s3 import DEFAULT, SETTINGS

log = logging.getLogger(__name__)

ENDED = {"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId"}
"""What S3 says of credentials that were good once."""
_JUST_NOW = 10.0


def _made(conn_id: str, connection: Connection | None) -> Any:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config

    # without the connection, the hook has what the machine gives
    hook = AwsBaseHook(aws_conn_id=conn_id, client_type="s3")
    said = hook.conn_config
    config = Config(**SETTINGS)
    # not by the hook: to name its caller to AWS it looks at every provider and every frame
    made = hook.get_session().client(
        "s3",
        endpoint_url=said.get_service_endpoint_url("s3"),
        config=config.merge(said.botocore_config) if said.botocore_config else config,
        verify=hook.verify,
    )
    made.meta.events.register_last("needs-retry.s3", _Renewal(conn_id, made).renewed)
    if hook.service_config.get("requester_pays"):
        made.meta.events.register("provide-client-params.s3", _who_pays)
    return made


def _who_pays(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
    """Say with each request that knows the word that who asks pays for it."""
    knows = model.input_shape is not None and "RequestPayer" in model.input_shape.members
    return {"RequestPayer": "requester", **params} if knows else params


class _Renewal:
    """Other credentials for a client whose own are refused, once for a request."""

    def __init__(self, conn_id: str, client: Any) -> None:
        self._conn_id = conn_id
        self._signer = client._request_signer
        self._one_at_a_time = threading.Lock()
        self._last = -_JUST_NOW

    def renewed(self, response: Any, request_dict: Any, **_: Any) -> float | None:
        """Seconds until the request is repeated with others; None: there are none, or no need."""
        context = request_dict["context"]
        if response is None or "factory_renewed" in context or not _is_ended(response[1]):
            return None
        context["factory_renewed"] = True
        with self._one_at_a_time:
            if time.monotonic() - self._last < _JUST_NOW:  # for another of the client's requests
                return 0.0
            fresh = _credentials(self._conn_id)
            if fresh is None or _shown(fresh) == _shown(self._signer._credentials):
                return None
            log.info("S3 refuses credentials of the connection %r: it has others", self._conn_id)
            self._signer._credentials = fresh
            self._last = time.monotonic()
            return 0.0


def _is_ended(parsed: Any) -> bool:
    code = str(parsed.get("Error", {}).get("Code", ""))
    # an answer to a HEAD has no more than a status
    return code in ENDED or code == "400"


def _credentials(conn_id: str) -> Any:
    """Those that a connection gives now, whatever it gave before."""
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    return AwsBaseHook(aws_conn_id=conn_id, client_type="s3").get_session().get_credentials()


def _shown(credentials: Any) -> tuple[str, str | None]:
    frozen = credentials.get_frozen_credentials()
    return frozen.access_key, frozen.token


client = Known(DEFAULT, _made)
"""boto3's client for S3, with our `SETTINGS`; what the connection's `config_kwargs` say wins.

Without a connection `aws_default`, it is what the machine gives: its role, or its environment.
"""
