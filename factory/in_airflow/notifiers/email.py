"""The `email` alert."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from factory.in_airflow.hiding import hide_connection_of
from factory.in_airflow.notifiers.news import News, filled, news


def send(
    event: str, context: Mapping[str, Any], *, to: list[str], conn_id: str, subject: str = ""
) -> None:
    """Send one e-mail; the connection says from whom."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier
    from airflow.sdk import Connection

    hide_connection_of(conn_id)
    told = news(event, context)
    notifier = SmtpNotifier(
        to=to,
        from_email=Connection.get(conn_id).extra_dejson.get("from_email"),
        subject=" ".join(filled(subject, context, told, told.headline).split()),
        html_content=_page(told),
        smtp_conn_id=conn_id,
    )
    # not called as a callback: Airflow would fill in templates again, in text that others wrote
    notifier.notify(context)  # type: ignore[arg-type]


def _page(told: News) -> str:
    rows = {
        "Pipeline": told.dag_id,
        "Run": told.run_id,
        "Logical date": told.logical_date or "none",
        "Owner": told.owner,
    }
    if told.task_id:
        rows["Task"] = told.task_id
    cells = "".join(
        f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in rows.items()
    )
    link = escape(told.log_url, quote=True)
    return (
        f"<p>{escape(told.message)}</p>"
        f'<table style="text-align: left">{cells}</table>'
        f'<p><a href="{link}">{link}</a></p>'
    )
