"""What can go wrong with NiFi. No message holds a token or a password.

NiFiError
├── Unreachable        no answer, or 502–504, also after the retries; `sent`: it may have been heard
├── NotTrusted         the TLS handshake failed: certificate, host name, client certificate
├── LoginFailed
│   ├── BadCredentials     user or password refused
│   ├── NoLogin            this server takes no user and password
│   └── TokenRefused       a token or a client certificate is not taken (401)
├── Rejected           any other answer of 400 or more; `status`
│   ├── Refused            the user may not do that (403)
│   ├── Missing            nothing has that id (404)
│   ├── Conflict           not in its present state (409)
│   ├── StaleRevision      someone else changed it in between
│   └── NodeDisconnected   this node has left its cluster
├── UnexpectedAnswer   not what NiFi answers; often a proxy's page
├── NotFound           a name in a spec; `near` are the nearest names
│   ├── UnknownGroup, UnknownProcessor, UnknownConnection, UnknownParameter
├── Ambiguous          a name that several have; `ids`
│   └── AmbiguousGroup
├── CannotStart
│   ├── InvalidProcessors, ServicesNotEnabled, QueueNotEmpty, AlreadyRunning, NotRunning, NotStarted
├── ParametersRefused  the parameter context was not updated
├── QueuesNotEmptied   a drop request failed
└── NotStopped         threads still run after they were terminated
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

_NAMED = 10


class NiFiError(Exception):
    """What happened, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class Unreachable(NiFiError):
    """No answer came; `sent` when the request may have reached the server all the same."""

    def __init__(self, message: str, hint: str = "", *, sent: bool = False) -> None:
        super().__init__(message, hint)
        self.sent = sent


class NotTrusted(NiFiError):
    """The two ends did not agree on TLS."""


class LoginFailed(NiFiError):
    """NiFi does not know who asks."""


class BadCredentials(LoginFailed):
    """User or password refused."""


class NoLogin(LoginFailed):
    """This server takes no user and password."""


class TokenRefused(LoginFailed):
    """A token, or a client certificate, is not taken."""


class Rejected(NiFiError):
    """An answer of 400 or more."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class Refused(Rejected):
    """The user may not do that."""


class Missing(Rejected):
    """Nothing has that id."""


class Conflict(Rejected):
    """Not in its present state."""


class StaleRevision(Rejected):
    """Someone else changed it in between."""


class NodeDisconnected(Rejected):
    """This node has left its cluster."""


class UnexpectedAnswer(NiFiError):
    """Not what NiFi answers."""


class NotFound(NiFiError):
    """A name that nothing has; `near` are those that come near."""

    def __init__(self, message: str, hint: str = "", *, near: Iterable[str] = ()) -> None:
        super().__init__(message, hint)
        self.near = tuple(near)


class UnknownGroup(NotFound):
    """No such process group."""


class UnknownProcessor(NotFound):
    """No such processor in the group."""


class UnknownConnection(NotFound):
    """No such connection in the group."""


class UnknownParameter(NotFound):
    """No such parameter in the group's context, or no context."""


class Ambiguous(NiFiError):
    """A name that several have."""

    def __init__(self, message: str, hint: str = "", *, ids: Iterable[str] = ()) -> None:
        super().__init__(message, hint)
        self.ids = tuple(ids)


class AmbiguousGroup(Ambiguous):
    """Several process groups have that path."""


class CannotStart(NiFiError):
    """The flow was not started, or not all of it."""


class InvalidProcessors(CannotStart):
    """Some components are not valid; started, they would wait and start by themselves later."""


class ServicesNotEnabled(CannotStart):
    """Controller services did not become enabled."""


class QueueNotEmpty(CannotStart):
    """Flow files of an earlier run are left."""


class AlreadyRunning(CannotStart):
    """Something in the group runs that this run did not start."""


class NotRunning(CannotStart):
    """Nothing runs in a group that is said to be always on, or it is another run's to stop."""


class NotStarted(CannotStart):
    """Accepted, but not everything runs."""


class ParametersRefused(NiFiError):
    """The parameter context was not updated."""


class QueuesNotEmptied(NiFiError):
    """The queues could not be emptied."""


class NotStopped(NiFiError):
    """Something runs on after it was told to stop and its threads were ended."""


def nearest(name: str, known: Collection[str]) -> tuple[str, ...]:
    """The known names that come near, best first; upper and lower case are alike."""
    by_folded = {each.casefold(): each for each in known}
    return tuple(
        by_folded[each] for each in difflib.get_close_matches(name.casefold(), by_folded, n=3)
    )


def suggestion(name: str, known: Collection[str]) -> str:
    """Which name may have been meant, or which there are."""
    near = nearest(name, known)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return f"There are: {named(sorted(known))}" if known else "There are none"


def named(names: Collection[str]) -> str:
    """Some names in one line; of many, the first."""
    shown = ", ".join(list(names)[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
