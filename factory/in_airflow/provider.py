"""What this package tells Airflow of itself. Airflow reads it at every start: no imports here."""

from __future__ import annotations

from typing import Any

FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden_fields": ["schema"],
    "relabeling": {"host": "Address", "login": "User"},
    "placeholders": {
        "host": "https://nifi.example.org",
        "login": "empty with a token or a certificate",
        "port": "8443",
    },
}


def get_provider_info() -> dict[str, Any]:
    """A connection type, with its form."""
    return {
        "package-name": "airflow-pipeline-factory",
        "name": "Pipeline Factory",
        "description": "Data pipelines from declarative YAML files.",
        "connection-types": [
            {
                "connection-type": "nifi",
                "hook-name": "Apache NiFi",
                "hook-class-name": "factory.in_airflow.hooks.nifi.NiFiHook",
                "ui-field-behaviour": {
                    name.replace("_", "-"): value for name, value in FIELD_BEHAVIOUR.items()
                },
                "conn-fields": _FIELDS,
            }
        ],
    }


def _text(label: str, description: str, **more: Any) -> dict[str, Any]:
    schema = {"type": ["string", "null"], **more}
    return {"label": label, "description": description, "schema": schema}


def _number(label: str, description: str, **more: Any) -> dict[str, Any]:
    schema = {"type": ["number", "null"], **more}
    return {"label": label, "description": description, "schema": schema}


_FIELDS = {
    "verify": _text(
        "Trusted authority",
        "Path of the PEM file with the authority that signed NiFi's certificate; empty for those "
        'of the system; "false" trusts anyone.',
    ),
    "token": _text("Token", "A bearer token, in place of user and password.", format="password"),
    "client_certificate": _text(
        "Client certificate", "Path of a PEM file, in place of user and password."
    ),
    "client_key": _text("Client key", "Path of its key, when that is not in the same file."),
    "client_key_password": _text("Client key's password", "When it has one.", format="password"),
    "timeout": _number(
        "Timeout",
        "How many seconds NiFi may be silent before it answers. Default: 30.",
        exclusiveMinimum=0,
    ),
    "connect_timeout": _number(
        "Timeout to connect", "In seconds. Default: 10.", exclusiveMinimum=0
    ),
    "attempts": _number(
        "Attempts",
        "How often a request is sent at most, when NiFi does not answer. Default: 4.",
        type=["integer", "null"],
        minimum=1,
    ),
    "proxy": _text("Proxy", "URL of an HTTP proxy; the environment's is not used."),
    "acknowledge_disconnected": {
        "label": "Change disconnected nodes",
        "description": "Go on when the node has left its cluster: what is changed there is lost "
        "when it joins again.",
        "schema": {"type": ["boolean", "null"], "default": False},
    },
}
