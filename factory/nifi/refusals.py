"""From an answer of NiFi that refuses to the error that says what to do."""

from __future__ import annotations

import re

from factory.nifi import errors
from factory.nifi.flow import Answer, Request
from factory.nifi.server import BearerToken, Server, UserPassword

_SHOWN = 400
_TAG = re.compile(r"<style.*?</style>|<head.*?</head>|<[^>]+>", re.DOTALL)


def refusal(server: Server, request: Request, answer: Answer) -> errors.NiFiError:
    """The error for an answer of 300 or more."""
    if answer.status == 401:
        return _not_known(server)
    text = said(answer)
    if answer.status < 400:
        return errors.UnexpectedAnswer(
            f"{server.base} answered {answer.status} to {request}: it sends elsewhere",
            "Is the address that of NiFi itself, not of a proxy's login page?",
        )
    told = f"{request} was answered {answer.status}: {text}"
    if answer.status == 400 and "revision" in text:
        return errors.StaleRevision(told, "Someone changes the flow at the same time", status=400)
    if "disconnected" in text.lower() and request.method != "GET":
        return errors.NodeDisconnected(
            f"the NiFi node at {server.base} has left its cluster and takes no changes: {text}",
            "Reconnect it, or set `acknowledge_disconnected` in the connection to change this node "
            "alone",
            status=answer.status,
        )
    if answer.status == 400 and "SNI" in text:
        return errors.NotTrusted(
            f"the certificate of NiFi does not name the host of {server.base}: {text}",
            "Call NiFi by the name in its certificate, or add this name to it",
        )
    if answer.status == 403:
        return errors.Refused(told, _who(server), status=403)
    if answer.status == 404:
        return errors.Missing(told, "Was it deleted, or is it another NiFi's?", status=404)
    if answer.status == 409:
        return errors.Conflict(told, "NiFi can't do that now; see the flow in its UI", status=409)
    return errors.Rejected(told, "NiFi's log (nifi-app.log) tells more", status=answer.status)


def login_refusal(server: Server, given: UserPassword, answer: Answer) -> errors.NiFiError:
    """The error for a login that gave no token. NiFi answers bad credentials with 400."""
    if answer.status in (400, 401, 403):
        return errors.BadCredentials(
            f"NiFi at {server.base} refused user {given.username!r} with that password "
            f"(answer {answer.status})",
            "Correct login and password of the connection",
        )
    if answer.status == 409:
        return errors.NoLogin(
            f"NiFi at {server.base} takes no login by user and password",
            "It runs on plain HTTP (then give no user), or has no login provider (then give a "
            "client certificate or a token)",
        )
    return errors.UnexpectedAnswer(
        f"{server.base}/nifi-api/access/token answered {answer.status} and gave no token",
        "Is the address that of NiFi itself?",
    )


def signs_no_tokens_yet(answer: Answer) -> bool:
    """A NiFi that came up answers before it has made its key for tokens: 1.x for many seconds."""
    return answer.status == 409 and "Signer not configured" in answer.text


def said(answer: Answer) -> str:
    """The answer's text in one line, without a page's tags."""
    text = " ".join(_TAG.sub(" ", answer.text).split())
    return text[:_SHOWN] or "nothing"


def _not_known(server: Server) -> errors.NiFiError:
    given = server.credentials
    if isinstance(given, UserPassword):
        return errors.TokenRefused(
            f"NiFi at {server.base} logged {given.username!r} in, and refused the token at once",
            "Clocks that differ, or several nodes behind one address without sticky sessions",
        )
    if isinstance(given, BearerToken):
        return errors.TokenRefused(
            f"NiFi at {server.base} does not take the token", "It has expired: put in a new one"
        )
    if server.certificate:
        return errors.TokenRefused(
            f"NiFi at {server.base} does not know the user of the client certificate",
            "Add its distinguished name as a user in NiFi",
        )
    return errors.TokenRefused(
        f"NiFi at {server.base} wants a login",
        "Give user and password, a token or a client certificate",
    )


def _who(server: Server) -> str:
    given = server.credentials
    user = f"user {given.username!r}" if isinstance(given, UserPassword) else "this user"
    return (
        f"In NiFi, give {user} the policies to view, operate and modify the process group and, "
        "for parameters, its parameter context"
    )
