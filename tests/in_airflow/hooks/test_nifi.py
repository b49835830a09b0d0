"""Connections of the type `nifi`: their form, what is read of it, and their test."""

import json
from typing import Any

import pytest
from airflow.sdk import Connection

from factory.in_airflow.hooks.nifi import NiFiHook, read
from factory.in_airflow.provider import get_provider_info
from factory.nifi.errors import NiFiError
from factory_embedded.services.nifi.server import Server


class Asked(dict[str, Any]):
    """Extras that note which of them were looked at."""

    def __init__(self) -> None:
        super().__init__(timeout=1, connect_timeout=1, attempts=1, client_certificate="c.pem")
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def named(**more: Any) -> Connection:
    return Connection(conn_id="nifi", conn_type="nifi", host="https://nifi.example.org", **more)


def test_every_option_has_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    monkeypatch.setattr(Connection, "extra_dejson", asked)
    read(named())
    (form,) = get_provider_info()["connection-types"]
    assert asked.names == set(form["conn-fields"])
    assert {"login", "host"} <= set(form["ui-field-behaviour"]["relabeling"])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("timeout", "soon", "Write a number of seconds, more than 0"),
        ("timeout", 0, "Write a number of seconds, more than 0"),
        ("connect_timeout", "inf", "Write a number of seconds, more than 0"),
        ("attempts", "1.5", "Write a whole number, more than 0"),
    ],
)
def test_a_number_that_is_none(name: str, value: Any, expected: str) -> None:
    connection = named(extra=json.dumps({name: value}))
    with pytest.raises(NiFiError) as refused:
        read(connection)
    assert f"`{name}` of the connection is {value!r}" in str(refused.value)
    assert expected in str(refused.value)


@pytest.mark.slow
class TestButton:
    """What it says of a real NiFi."""

    @pytest.fixture(autouse=True)
    def _connection(self, real_nifi: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.good = {
            "conn_type": "nifi",
            "host": real_nifi.base_url,
            "login": real_nifi.user,
            "password": real_nifi.password,
            "extra": {"verify": str(real_nifi.ca_file)},
        }
        self.patch = monkeypatch

    def pressed(self, **changed: Any) -> tuple[bool, str]:
        self.patch.setenv("AIRFLOW_CONN_PRESSED", json.dumps({**self.good, **changed}))
        return NiFiHook("pressed").test_connection()

    def test_a_good_login(self) -> None:
        good, said = self.pressed()
        assert good
        assert said.startswith("This is NiFi 2.")

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"password": "wrong"}, "Correct login and password of the connection"),
            ({"host": "https://127.0.0.1:1"}, "Is NiFi running, and is its address right?"),
            ({"extra": {}}, "Give the PEM file of the authority that signed NiFi's certificate"),
            ({"extra": {"verify": "/not/there.pem"}}, "'/not/there.pem' can't be read"),
            ({"extra": {"timeout": "soon"}}, "`timeout` of the connection is 'soon'"),
        ],
        ids=["password", "address", "certificate", "file", "number"],
    )
    def test_what_is_wrong(self, changed: dict[str, Any], expected: str) -> None:
        good, said = self.pressed(**changed)
        assert not good
        assert expected in said
        assert "wrong" not in said
