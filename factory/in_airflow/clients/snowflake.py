"""The login of a Snowflake connection: all that Airflow's hook makes of it.

Passwords, key pairs, OAuth, programmatic tokens, workload identity, proxies and session parameters
are as Airflow's Snowflake connection has them. A token that ends is asked for anew by each session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowException

from factory.errors import FactoryError

if TYPE_CHECKING:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    from factory.transfer.snowflake.session import Account

_OF_THE_HOOK = (
    *("grant_type", "refresh_token", "token_endpoint", "scope", "azure_conn_id"),
    *("client_id", "client_secret", "oauth_username", "oauth_password", "redirect_uri"),
)
"""What the hook asks for a token with: the connector is given the token."""
_ALSO = {"protocol": str, "custom_root_store_path": str, "login_timeout": int}
"""Of the connection's extra, what the connector takes, and the hook leaves out."""


def account(
    conn_id: str, tag: str = "", *, warehouse: str | None = None, role: str | None = None
) -> Account:
    """Who logs in by a connection; the queries of its sessions are known by `tag`."""
    from factory.transfer.snowflake import session

    own = login(Connection.get(conn_id), warehouse=warehouse, role=role)
    return session.account(own, tag or run_tag())


def run_tag() -> str:
    """What the queries of this run of a task are known by: `factory <dag>/<task>/<run>`."""
    try:
        task = get_current_context()["task_instance"]
    except RuntimeError:  # a trigger's, or a command's
        return "factory"
    return f"factory {task.dag_id}/{task.task_id}/{task.run_id}"


def login(
    connection: Connection, *, warehouse: str | None = None, role: str | None = None
) -> Callable[[], Mapping[str, Any]]:
    """A function that gives what the connector takes, secrets included.

    :raises FactoryError: when it is called: the connection can't be used.
    """
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    hook = SnowflakeHook(
        snowflake_conn_id=connection.conn_id, warehouse=warehouse or None, role=role or None
    )
    return lambda: arguments(hook)


def arguments(hook: SnowflakeHook) -> Mapping[str, Any]:
    """What the connector takes for a session of this moment, secrets included.

    :raises FactoryError: the connection can't be used.
    """
    connection = hook.get_connection(hook.get_conn_id())
    try:
        found = hook._get_conn_params
        given = found() if callable(found) else found  # a property, in older providers
    except (AirflowException, KeyError, OSError, TypeError, ValueError) as error:
        raise FactoryError(
            f"nobody can log in by the connection {connection.conn_id!r}: {error}",
            "correct `account`, the key or the `authenticator` in its extra",
        ) from None
    extra = connection.extra_dejson
    own = {name: value for name, value in given.items() if name not in _OF_THE_HOOK}
    return {**own, **{name: kind(extra[name]) for name, kind in _ALSO.items() if name in extra}}
