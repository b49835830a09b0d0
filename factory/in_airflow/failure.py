"""What a person is told of a failed task: the same in Airflow's log, `factory run` and alerts.

First what happened, then where that stands in the YAML, which connection is at fault, what it means
for the data, and what to do. Airflow is imported inside functions only.
"""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from factory import extras
from factory.plan.model import Pipeline
from factory.spec import discover, positions
from factory.spec.resolve import Resolved

ATTRIBUTE = "told_by_factory"
_OURS = str(Path(__file__).parent.parent)
_FRAMEWORK = tuple(
    dict.fromkeys([*(sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")), _OURS])
)
_CONNECTION = re.compile(r"conn_id [`'\"]([\w.-]+)[`'\"] isn't defined")
_CONNECTION_MISSING = re.compile(r"[Cc]onnection[^`'\"]*[`'\"]([\w.-]+)[`'\"].*not found")
_LOST = re.compile(r"connection to \w+ was lost|server closed the connection", re.IGNORECASE)
_DEFECTS = (AssertionError, AttributeError, LookupError, NotImplementedError, TypeError)
_LONGEST = 400  # characters of an alert's reason

_FAULTS = (
    (
        re.compile(r"connection refused|refused the connection", re.IGNORECASE),
        "nothing listens there",
        "start the server, or correct host and port of the connection",
    ),
    (
        re.compile(
            r"failed to resolve|could not translate host|name or service not known"
            r"|name resolution|nodename nor servname|getaddrinfo",
            re.IGNORECASE,
        ),
        "no such host is known",
        "correct the host of the connection",
    ),
    (
        re.compile(
            r"password authentication failed|authentication failed|no password supplied"
            r"|access denied for user|FATAL: +role .* does not exist|answered 401"
            r"|user or password|credentials invalid",
            re.IGNORECASE,
        ),
        "its login or password is refused",
        "correct login and password of the connection",
    ),
    (
        re.compile(r"FATAL: +database .* does not exist", re.IGNORECASE),
        "it has no such database",
        "correct the database (the field `schema`) of the connection",
    ),
    (
        re.compile(r"certificate|\bSSL\b|\bTLS\b"),
        "the two ends do not agree on TLS",
        "look at the certificate that the server shows, and at the connection's TLS options",
    ),
    (
        re.compile(
            r"timeout expired|connection timed out|connect timeout|timed out|no route to host"
            r"|network is unreachable",
            re.IGNORECASE,
        ),
        "no answer came in time",
        "look whether this machine may reach that host and port (a firewall, a VPN)",
    ),
)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A failure in words. `public` is what happened without values of the data, for alerts."""

    what: str
    public: str
    place: str = ""
    connection: str = ""
    data: str = ""
    hint: str = ""

    def lines(self) -> Iterator[str]:
        """All but what happened, a line each."""
        if self.place:
            yield f"at {self.place}"
        for name, text in (("connection", self.connection), ("data", self.data)):
            if text:
                yield f"{name}: {text}"
        if self.hint:
            yield f"hint: {self.hint}"


def told(
    error: BaseException | None, *, place: str = "", conn_ids: Iterable[str] = (), data: str = ""
) -> Told:
    """A failure in words.

    :param conn_ids: the connections of the task, one of which may be at fault.
    :param data: what a failure of the task means for the data.
    """
    what = message(error)
    if error is None:
        return Told(what=what, public=what, place=place, data=data)
    missing = missing_connection(error)
    at_fault, way = ("", "") if missing else _connection_at_fault(_all_words(error), conn_ids)
    if missing:
        at_fault = f"{missing}, which Airflow does not know"
        way = f"add the connection {missing!r} to Airflow, or set AIRFLOW_CONN_{missing.upper()}"
    hint = getattr(error, "hint", "") or extras.hint(error) or way or _advice(error)
    if data and _LOST.search(what):
        data = f"{data}, unless the connection was lost while it was published: repeat the step"
    return Told(
        what=what,
        public=_public(error, what),
        connection=at_fault,
        data=data,
        hint=hint,
        place=place,
    )


def message(error: BaseException | None) -> str:
    """An error in one line or a few, with its type when that says something."""
    if error is None:
        return "it failed"
    detail = getattr(error, "detail", None)  # of an answer of Airflow's API
    if isinstance(detail, dict) and "message" in detail:
        return f"Airflow says: {detail['message']}"
    own = getattr(error, "message", None) if _is_ours(error) else None
    text = str(own or error).strip()
    name = type(error).__name__
    if not text:
        return name
    return text if own or name.startswith("Airflow") else f"{name}: {text}"


def _is_ours(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "factory"


def _public(error: BaseException, what: str) -> str:
    """One line. A row that is not what it should be is told of by the log alone."""
    if type(error).__name__ == "BadRow":
        return "data is not what it was declared to be: the task's log says which"
    line = what.splitlines()[0] if what else ""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _all_words(error: BaseException) -> str:
    return "\n".join(str(each) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def missing_connection(error: BaseException | None) -> str:
    """The connection that a task could not do without, or an empty string."""
    for each in _chain(error) if error else ():
        for pattern in (_CONNECTION, _CONNECTION_MISSING):
            if match := pattern.search(str(each)):
                return match[1]
    return ""


def _connection_at_fault(words: str, conn_ids: Iterable[str]) -> tuple[str, str]:
    """The connection that cannot be used, and why; then what to do."""
    known = list(dict.fromkeys(conn_ids))
    for pattern, why, way in _FAULTS if known else ():
        if pattern.search(words):
            places = {conn_id: address_of(conn_id) for conn_id in known}
            named = [name for name, at in places.items() if _names(words, at)] or known
            shown = " or ".join(f"{n} ({places[n]})" if places[n] else n for n in named)
            return f"{shown}: {why}", way
    return "", ""


def _names(words: str, address: str) -> bool:
    host, _, port = address.rpartition(" ")[2].rpartition(":")
    return bool(host) and host in words and (not port or port in words)


def address_of(conn_id: str) -> str:
    """`postgres, db.example.org:5432`: where a connection leads, without login and secrets."""
    from airflow.sdk import Connection

    from factory.in_airflow.hiding import hide_connection, redacted

    with suppress(Exception):  # a backend of secrets may fail in any way
        found = Connection.get(conn_id)
        hide_connection(found)
        host = (found.host or "").rpartition("@")[2].partition("?")[0]
        where = f"{host}:{found.port}" if host and found.port else host
        return redacted(", ".join(part for part in (found.conn_type, where) if part))
    return ""


def _advice(error: BaseException) -> str:
    words = str(error)
    if "non-zero exit code" in words:
        return "what the command wrote, if anything, stands above"
    if type(error).__module__.startswith("jinja2"):
        return "correct the template: what is named in it is not there when the task runs"
    if is_defect(error):
        return "this looks like a defect of Pipeline Factory: report it with the lines below"
    return ""


def is_defect(error: BaseException) -> bool:
    """Whether our own code failed in a way that nobody meant."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, _DEFECTS) and bool(frames) and frames[-1].filename.startswith(_OURS)


def user_code(error: BaseException | None) -> tuple[str, int, str, str] | None:
    """(file, line, function, source) of the innermost frame that is the user's own."""
    found = None
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            own = not frame.filename.startswith(_FRAMEWORK) and Path(frame.filename).is_file()
            if own and frame.lineno:
                found = (frame.filename, frame.lineno, frame.name, frame.line or "")
        error = error.__cause__
    return found


def is_ours(filename: str) -> bool:
    """Whether a frame's file is one of this package."""
    return filename.startswith(_OURS)


def place_of(root: Path, dag_id: str, task_id: str, file: Path) -> str:
    """`dag_factory_configs/sales/orders.yaml:12, step load`, as far as it can be told."""
    from factory.project import Project

    shown = discover.display(root, file)
    with suppress(Exception):  # the files may have changed since the DAG was built
        plan, resolved = Project(root).planned(dag_id)
        shown = as_text(step_lines(resolved, plan, task_id))
        if step := step_of(plan, task_id):
            shown += f", step {step}"
    return shown


def step_of(plan: Pipeline, task_id: str) -> str:
    """The id of the step that a task belongs to; `task_id` may have a map index."""
    task = task_id.partition("[")[0]
    return next((known.step for known in plan.tasks if known.id == task), "")


def step_lines(resolved: Resolved, plan: Pipeline, task_id: str) -> list[tuple[str, int]]:
    """The file and the line where the step of a task begins, then those of the calls of kinds that
    led there; `task_id` may have a map index."""
    step = step_of(plan, task_id)
    for index, task in enumerate(resolved.value["tasks"]):
        if task["id"] == step:
            place = resolved.task_place[index]
            return [positions.line_of(one.document, one.path) for one in (place, *place.callers())]
    return [(resolved.document.name, 1)]


def as_text(lines: Sequence[tuple[str, int]]) -> str:
    """`a.yaml:3, called from b.yaml:7`."""
    first, *calls = (f"{file}:{line}" for file, line in lines)
    return first + (f", called from {', '.join(calls)}" if calls else "")
