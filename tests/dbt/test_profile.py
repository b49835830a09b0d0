"""A connection as a profile: what may be read stands in it, what may not is named there only."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from factory.dbt.errors import DbtError
from factory.dbt.profile import profile
from factory.definitions.errors import BadOption

SECRET = "s3cret-w0rd"
KEY = {"type": "service_account", "project_id": "p", "private_key": f"-----\n{SECRET}\n"}


@dataclass
class Login:
    conn_type: str
    host: str | None = None
    port: int | None = None
    login: str | None = "me"
    schema: str | None = None
    password: str | None = SECRET
    extra_dejson: dict[str, Any] = field(default_factory=dict)
    conn_id: str = "it"


SNOWFLAKE = {"account": "a", "warehouse": "w", "role": "r", "database": "d"}
LOGINS: dict[str, tuple[Login, dict[str, Any]]] = {
    "postgres": (
        Login("postgres", host="h", schema="db", extra_dejson={"sslmode": "require"}),
        {"type": "postgres", "host": "h", "port": 5432, "dbname": "db", "schema": "marts"},
    ),
    "redshift": (Login("redshift", host="h", schema="db"), {"type": "redshift", "port": 5439}),
    "snowflake": (
        Login("snowflake", extra_dejson=SNOWFLAKE),
        {"type": "snowflake", "user": "me", "schema": "marts", **SNOWFLAKE},
    ),
    "snowflake, key": (
        Login("snowflake", extra_dejson={**SNOWFLAKE, "private_key_content": SECRET}),
        {"account": "a"},
    ),
    "snowflake, token": (
        Login(
            "snowflake", extra_dejson={"extra__snowflake__account": "a", "authenticator": "oauth"}
        ),
        {"account": "a", "authenticator": "oauth"},
    ),
    "bigquery, key": (
        Login(
            "google_cloud_platform", password=None, extra_dejson={"keyfile_dict": json.dumps(KEY)}
        ),
        {"type": "bigquery", "method": "service-account-json", "project": "p", "dataset": "marts"},
    ),
}


@pytest.mark.parametrize("name", LOGINS)
def test_secrets_are_named_and_not_written(name: str) -> None:
    login, shown = LOGINS[name]
    made = profile(login, "marts", 4)
    assert shown.items() <= made.output.items()
    assert made.output["threads"] == 4
    assert SECRET not in json.dumps(made.output)
    assert any(SECRET in value for value in made.secrets.values())
    for variable in made.secrets:
        assert f"env_var('{variable}')" in json.dumps(made.output)


def test_google_may_know_the_machine() -> None:
    made = profile(Login("google_cloud_platform", extra_dejson={"project": "p"}), "marts", 1)
    assert (made.output["method"], made.output["project"], made.secrets) == ("oauth", "p", {})


def test_what_no_profile_can_be_made_of() -> None:
    with pytest.raises(BadOption, match="type of a connection for a profile of dbt 'mysql'"):
        profile(Login("mysql"), "marts", 1)
    with pytest.raises(DbtError, match="does not say its `account`"):
        profile(Login("snowflake"), "marts", 1)
    with pytest.raises(DbtError, match="'host' of the connection holds what dbt takes"):
        profile(Login("postgres", host="{{ x }}"), "marts", 1)
