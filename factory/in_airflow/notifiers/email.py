"""The `email` alert: text and HTML, through the SMTP connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html import escape
from typing import Any

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.hiding import hide_connection_of, redacted
from factory.in_airflow.notifiers.news import News, filled, news


def send(
    event: str, context: Mapping[str, Any], *, to: list[str], conn_id: str, subject: str = ""
) -> None:
    """Send one e-mail; the connection says from whom.

    :raises AirflowException: the connection cannot be used, or the server takes no mail.
    """
    from airflow.sdk import Connection

    hide_connection_of(conn_id)
    told = news(event, context)
    sender = Connection.get(conn_id).extra_dejson.get("from_email")
    if not sender:
        raise AirflowException(
            f"the connection {conn_id!r} does not say whose e-mails these are: put `from_email` "
            "into its extra"
        )
    title = " ".join(filled(subject, context, told, told.headline).split())
    _deliver(conn_id, message(told, sender, to, title))


def message(told: News, sender: str, to: Iterable[str], subject: str) -> EmailMessage:
    """The e-mail: the same in text and in HTML."""
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, sender, ", ".join(to)
    made["Date"], made["Message-ID"] = formatdate(localtime=True), make_msgid()
    made.set_content(_text(told))
    made.add_alternative(_page(told), subtype="html")
    return made


def _deliver(conn_id: str, mail: EmailMessage) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from factory.in_airflow.failure import told

    try:
        with SmtpHook(smtp_conn_id=conn_id) as hook:
            # its own method sends HTML alone
            hook._smtp_client.send_message(mail)  # type: ignore[union-attr]
    except Exception as error:
        said = told(error, conn_ids=[conn_id])
        at_fault = said.connection or f"the connection {conn_id!r}"
        hint = f"; {said.hint}" if said.hint else ""
        failed = redacted(f"the e-mail is not sent: {at_fault}: {said.what}{hint}")
    else:
        return
    raise AirflowException(failed)  # outside of the handler, so that the log shows one error


def _facts(told: News) -> dict[str, str]:
    facts = {
        "Pipeline": told.dag_id,
        "Task": told.task_id or "",
        "Run": told.run_id,
        "Logical date": told.logical_date or "none",
        "Owner": told.owner,
    }
    return {name: text for name, text in facts.items() if text}


def _text(told: News) -> str:
    facts = _facts(told)
    width = max(map(len, facts)) + 1
    lines = [told.message]
    for reason in told.reasons:
        first, *more = reason.lines()
        lines += ["", first, *(f"  {line}" for line in more)]
    lines += ["", *(f"{f'{name}:':<{width}} {text}" for name, text in facts.items())]
    return "\n".join([*lines, *(["", told.log_url] if told.log_url else [])]) + "\n"


def _page(told: News) -> str:
    reasons = "".join(_reason(list(reason.lines())) for reason in told.reasons)
    cells = "".join(
        f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in _facts(told).items()
    )
    link = escape(told.log_url, quote=True)
    return (
        f"<p>{escape(told.message)}</p>{reasons}"
        f'<table style="text-align: left">{cells}</table>'
        + (f'<p><a href="{link}">{link}</a></p>' if link else "")
    )


def _reason(lines: list[str]) -> str:
    first, *more = map(escape, lines)
    return f"<p><strong>{first}</strong>{''.join(f'<br>{line}' for line in more)}</p>"
