"""The alerts: what a person writes for each `type`. One Struct an alert.

`notifier` names the callable in Airflow's room that takes the Struct's fields; `filled` are those
that may be templates.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from factory.fields import ConnId, connects

Address = Annotated[
    str, Meta(pattern=r"^[^ \t\r\n]", title="mail address", examples=["trips@example.org"])
]


class Email(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="email",
    tag_field="type",
):
    """An e-mail through an SMTP connection."""

    notifier: ClassVar[str] = "factory.in_airflow.notifiers.email"
    filled: ClassVar[tuple[str, ...]] = ("subject",)

    to: Annotated[
        list[Address],
        Meta(description="Addresses.", min_length=1, examples=[["trips@example.org"]]),
    ]
    conn_id: Annotated[ConnId, connects("smtp"), Meta(description="Airflow SMTP connection.")] = (
        "smtp_default"
    )
    subject: Annotated[
        str, Meta(description="Subject; Jinja templates are filled in. Default: what happened.")
    ] = ""


class Webhook(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="webhook",
    tag_field="type",
):
    """A JSON message, posted to the address of an HTTP connection."""

    notifier: ClassVar[str] = "factory.in_airflow.notifiers.webhook"
    filled: ClassVar[tuple[str, ...]] = ("message",)

    conn_id: Annotated[
        ConnId,
        connects("http"),
        Meta(
            description="Airflow HTTP connection: its host is the address, its password stays "
            "out of the spec."
        ),
    ]
    path: Annotated[
        str, Meta(description="Added to the connection's address.", examples=["/hooks/data"])
    ] = ""
    message: Annotated[
        str, Meta(description="Text; Jinja templates are filled in. Default: what happened.")
    ] = ""


class Slack(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="slack",
    tag_field="type",
):
    """A message in Slack, through an incoming webhook."""

    notifier: ClassVar[str] = "factory.in_airflow.notifiers.slack"
    filled: ClassVar[tuple[str, ...]] = ("message",)

    conn_id: Annotated[
        ConnId,
        connects("slackwebhook"),
        Meta(
            description="Airflow connection of type Slack Incoming Webhook: the webhook's secret "
            "is its password and stays out of the spec.",
            examples=["slack_alerts"],
        ),
    ]
    channel: Annotated[
        str,
        Meta(
            description="Only the older custom integrations heed it: the webhook of a Slack app "
            "posts to its own channel.",
            examples=["#trips"],
        ),
    ] = ""
    message: Annotated[
        str,
        Meta(
            description="Text in Slack's markup, so `<!here>` calls people; Jinja templates are "
            "filled in, escaped. A link to the log or the run follows. Default: what happened.",
        ),
    ] = ""
