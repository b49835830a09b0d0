"""The `slack` alert."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
from airflow.sdk.exceptions import AirflowException
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from factory.in_airflow.hiding import hide_connection_of
from factory.in_airflow.notifiers.news import News, filled, news
from factory.transfer.http import cause

_TIMEOUT = 10
_LONGEST_WAIT = 20
"""Seconds; with one retry, less than Airflow's DAG processor gives to all callbacks of a run."""
_MOST = 3000
"""Characters of the message; Slack wants less than 4,000 with its link."""

# the library logs the address, which is the secret; what goes wrong is raised as well
_silent = logging.getLogger(f"{__name__}.library")
_silent.setLevel(logging.CRITICAL + 1)


def send(
    event: str, context: Mapping[str, Any], *, conn_id: str, channel: str = "", message: str = ""
) -> None:
    """Post one message; tried again once.

    :raises AirflowException: it is not accepted.
    """
    hide_connection_of(conn_id)
    told = news(event, context)
    default = f"{told.headline}\n{told.whole}"
    text = _cut(filled(message, context, told, default, escaped))
    hook = SlackWebhookHook(
        slack_webhook_conn_id=conn_id,
        timeout=_TIMEOUT,
        retry_handlers=[
            ConnectionErrorRetryHandler(),
            ServerErrorRetryHandler(),
            _RateLimit(),
        ],
        logger=_silent,
    )
    try:
        hook.send(text=f"{text}{_link(told)}", channel=channel or None, unfurl_links=False)
    except AirflowException:
        raise
    except Exception as error:
        # its own message may show the address
        raise AirflowException(
            f"the Slack webhook of the connection {conn_id!r} cannot be used: {cause(error)}"
        ) from None


def escaped(text: str) -> str:
    """Text that Slack takes for plain."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _RateLimit(RateLimitErrorRetryHandler):
    """Waits as long as Slack asks for, unless that is too long."""

    def _can_retry(self, *, response: Any = None, **more: Any) -> bool:
        if not super()._can_retry(response=response, **more):
            return False
        wait = {name.lower(): values for name, values in response.headers.items()}.get(
            "retry-after", ["1"]
        )[0]
        return wait.isdecimal() and int(wait) <= _LONGEST_WAIT


def _cut(text: str) -> str:
    if len(text) <= _MOST:
        return text
    return re.sub(r"&[a-z]{0,3}\Z", "", text[: _MOST - 1]) + "…"


def _link(told: News) -> str:
    if not told.log_url:
        return ""
    name = f"Log of {told.task_id}" if told.task_id else f"Run {told.run_id}"
    return f"\n<{escaped(told.log_url).replace('|', '%7C')}|{escaped(name)}>"
