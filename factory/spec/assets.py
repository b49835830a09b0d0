"""How Airflow spells an asset's address. Two names for one address break the tasks that update it.

The general rules are those of `airflow.sdk.Asset`, without importing it; what a provider adds for
its own scheme (a default port), `render` asks Airflow for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from factory.diagnostics import Path, quoted
from factory.literals import is_template
from factory.problem import Problem

LONGEST = 1300  # name and address are one index in Airflow's database: 2,704 bytes in PostgreSQL
EXAMPLE = "table://warehouse/raw/orders"
_OURS = ("self", "context")  # names that Airflow keeps for itself
_BLANK = re.compile(r"^\s|\s$|[\x00-\x1f\x7f-\x9f]")
_TABLES = {"postgres", "postgresql"}  # of the providers that we depend on
_BUCKETS = {"gs", "s3"}
_ALSO = {"postgresql": "postgres", "mariadb": "mysql", "s3a": "s3", "s3n": "s3", "gcs": "gs"}
_PORTS = re.compile(
    r"(?<=^postgres/)([^/]*):5432|(?<=^mysql/)([^/]*):3306|(?<=^trino/)([^/]*):8080"
)


class Refused(ValueError):
    """Airflow takes no such asset; `expected` and `hint` are for the person who wrote it."""

    def __init__(self, message: str, expected: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.expected = expected or f"an address such as {EXAMPLE}"
        self.hint = hint


@lru_cache(maxsize=4096)
def normalized(uri: str) -> str:
    """The address as Airflow keeps it: by this one, pipelines find each other.

    :raises Refused: Airflow takes no such asset.
    """
    if len(uri) > LONGEST:
        raise Refused(f"the asset has {len(uri):,} characters", f"at most {LONGEST:,} characters")
    if not uri.strip():
        raise Refused("an asset without a name")
    _require_visible(uri)
    if "{{" in uri or "{%" in uri:
        raise Refused(f"{quoted(uri)} is a template, which nobody fills in here")
    if uri in _OURS:
        raise Refused(f"Airflow keeps the name {uri!r} for itself")
    try:
        spelled = _spelled(uri)
        if _spelled(spelled) != spelled:  # Airflow would take it for another one the next time
            raise Refused(f"{quoted(uri)} has slashes where the host should stand")
    except Refused:
        raise
    except ValueError as error:
        raise Refused(f"{quoted(uri)} is no address: {error}") from None
    _require_visible(spelled)
    scheme, netloc, *_ = urlsplit(spelled)
    if scheme in _BUCKETS and not netloc:
        raise Refused(f"{quoted(uri)} names no bucket", f"{scheme}://bucket/key")
    if not spelled.isascii():
        hint = f"did you mean {quote(spelled, safe=_SAFE)!r}?"
        message = f"{quoted(uri)} holds characters that are not ASCII"
        raise Refused(message, "ASCII characters only", hint)
    if len(spelled) > LONGEST:
        message = f"the asset has {len(spelled):,} characters once its query is encoded"
        raise Refused(message, f"at most {LONGEST:,} characters")
    return spelled


def _require_visible(uri: str) -> None:
    if _BLANK.search(uri):
        raise Refused(f"{quoted(uri)} begins or ends with a blank, or holds a control character")


_SAFE = "/:?#[]@!$&'()*+,;=%"


def _spelled(uri: str) -> str:
    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if not scheme or scheme.startswith("x-"):
        return uri
    if scheme == "airflow":
        raise Refused(f"Airflow keeps the scheme of {quoted(uri)} for itself")
    place = parts.netloc.rpartition("@")[2] if parts.password else parts.netloc
    parts = SplitResult(
        scheme=scheme,
        netloc=place,
        path=parts.path.rstrip("/") or "/",
        query=urlencode(sorted(parse_qsl(parts.query))) if parts.query else "",
        fragment="",
    )
    return urlunsplit(parts)


def require_provided(uri: str) -> None:
    """What the providers that come with the factory ask of their schemes; others are not known.

    :raises Refused: Airflow, with them, takes no such asset.
    """
    parts = urlsplit(normalized(uri))
    if parts.scheme not in _TABLES:
        return
    expected = f"{parts.scheme}://host/database/schema/table"
    if not parts.netloc or parts.path.count("/") != 3:
        message = (
            f"an address with {parts.scheme}:// names a host, a database, a schema and a table"
        )
        hint = f"what `ingest` loads is {EXAMPLE}: its conn_id, schema and table"
        raise Refused(message, expected, hint)
    try:
        _ = parts.port
    except ValueError as error:
        raise Refused(f"{quoted(uri)} is no address: {error}", expected) from None


def problems(
    places: Iterator[tuple[Path, str]], require: Callable[[str], object] = normalized
) -> Iterator[Problem]:
    """Assets that Airflow refuses."""
    for path, uri in places:
        if len(uri) > LONGEST:
            continue  # its schema says so
        try:
            require(uri)
        except Refused as error:
            yield Problem(path, "asset", str(error), error.expected, error.hint)


def of_table(conn_id: str, table: str) -> str | None:
    """`table://warehouse/raw/orders`: one word for one table, whatever the database.

    None when it is known at run time only.
    """
    if is_template(conn_id + table):
        return None
    names = "/".join(quote(name, safe=_PLAIN) for name in table.split("."))
    return f"table://{quote(conn_id, safe=_PLAIN)}/{names}"


def of_event(dag_id: str) -> str:
    """The asset that an event updates: of one pipeline, for Airflow watches an asset in one way."""
    return normalized(f"event://{dag_id}")


_PLAIN = "$ -"  # what an address may hold as it is, and Airflow does not change


def of_schedule(schedule: object) -> Iterator[tuple[Path, str]]:
    """The assets that a schedule waits for, as they are written, with their places."""
    given = schedule.get("assets") if isinstance(schedule, dict) else None
    for path, value in entries(given, ("schedule", "assets")):
        if isinstance(value, str) and value:
            yield path, value


def entries(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """A value, and all that it holds, with their places."""
    yield path, value
    each: Any = enumerate(value) if isinstance(value, list) else ()
    for key, entry in value.items() if isinstance(value, dict) else each:
        yield from entries(entry, (*path, key))


def of_steps(tasks: object) -> Iterator[tuple[Path, str]]:
    """The assets that steps say they update, as they are written, with their places."""
    for index, task in enumerate(tasks if isinstance(tasks, list) else ()):
        updates = task.get("updates") if isinstance(task, dict) else None
        for place, uri in enumerate(updates if isinstance(updates, list) else ()):
            if isinstance(uri, str) and uri:
                yield ("tasks", index, "updates", place), uri


class Folded(NamedTuple):
    """What all spellings of one address have in common."""

    parts: tuple[str, ...]


@lru_cache(maxsize=4096)
def folded(uri: str) -> Folded:
    """Without upper case, doubled slashes, percent signs, default ports and the schema `public`."""
    scheme, colon, rest = unquote(uri).casefold().partition(":")
    if not colon:
        return Folded((scheme.strip("/"),))
    scheme = _ALSO.get(scheme, scheme)
    text = _PORTS.sub(r"\1\2\3", "/".join([scheme, *filter(None, rest.split("/"))]))
    parts = text.replace("file/localhost/", "file/", 1).split("/")
    if scheme == "table" and len(parts) == 4 and parts[2] == "public":
        del parts[2]
    return Folded(tuple(parts))


def is_near(one: str, other: str) -> bool:
    """Whether one address may be a mistyped other: a letter more, less, else, or two exchanged.

    Numbers are never mistyped: they tell tables apart.
    """
    first, second = folded(one).parts, folded(other).parts
    if len(first) != len(second) or first[0] != second[0]:
        return False
    differing = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return not differing or (len(differing) == 1 and _is_one_slip(*differing[0]))


_LONGEST_PART = 64


def slips(uri: str) -> Iterator[tuple[str, ...]]:
    """Keys of which two addresses that are near each other share one: so not all are compared.

    Each is the address with one of its parts as it is, or without one of its letters.
    """
    parts = folded(uri).parts
    for index, part in enumerate(parts):
        if index and len(part) <= _LONGEST_PART:
            around = (str(index), *parts[:index], *parts[index + 1 :])
            yield (*around, part)
            yield from ((*around, part[:n] + part[n + 1 :]) for n in range(len(part)))


def _is_one_slip(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    start = next(
        (i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short)
    )
    left, right = short[start:], long[start:]
    slipped = (
        left == right[1:]  # one more
        or left[1:] == right[1:]  # another
        or left[1:2] + left[:1] + left[2:] == right  # two exchanged
    )
    return slipped and len(short) > 3 and not (set(left[:2] + right[:2]) & set("0123456789"))
