"""Credentials that stand in a file: where, and the same file and what is said of it without them.

A file is looked through by its YAML events, so that one with mistakes is looked through as well;
what comes after a mistake in its syntax, line by line. No pass takes longer than the file's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
import yaml

from factory.diagnostics import Diagnostic, Path, quoted
from factory.spec.read import MAX_DEPTH, events
from factory.spec.secrets.words import is_secret, may_be_key, option_name

# of a text in lower case: to fold the case of each character takes six times as long
_MAYBE = (
    *("pass", "pwd", "pw", "secret", "token", "bearer", "basic", "auth", "cookie", "cred"),
    *("_pat", "-pat", "akia", "asia", "abia", "acca", "ghp_", "gho_", "ghs_", "ghu_"),
    *("ghr_", "xox", "xapp-", "hooks.", "webhook", "chat.googleapis", "aiza", "gocspx", "sk-"),
    *("k_live", "k_test", "sg.", "dapi", "hvs.", "npm_", "pypi-", "eyj", "/bot", "-----begin"),
    *(
        "curl",
        "wget",
        "http ",
        "https ",
        "mysql",
        "mariadb",
        "lftp",
        "mongo",
        "redis-cli",
        " login",
    ),
    *("sqlcmd", "bcp", "identified", "sig=", "signature="),
)
_MAYBE_GITLAB = re.compile(r"gl[a-z]{2,8}-[a-z0-9_-]{20}")
_KEY = re.compile("key")
_BEFORE_KEY = 16
_LINE = re.compile(
    r"[ \t]{0,200}(?:-[ \t]{1,20})?[{\[ ]{0,10}[\"']?(?P<name>[\w.-]{1,100})[\"']?[ \t]{0,20}:[ \t]"
    r"{1,20}(?P<value>[^\r\n]{1,2000})"
)
_NAMES_OF_COLUMNS = {"checks", "columns", "dtype", "dtypes", "fields", "rename", "schema", "types"}
_NAMES_A_SECRET = ".kubernetes.secret.Secret"
"""Its argument `secret` is the name of a Secret of Kubernetes."""
_GIVEN_AS = ("value", "default", "const")
_NOTHING = ("~", "null", "true", "false", "yes", "no")
_NUMBERS = ("integer", "number")
_SHORT = 5
"""A shorter secret is hidden where it stands, and as a whole word: `a` stands in every text."""
_MOST = 200
_MOST_OF_ALIAS = 500
_HEAD = 16
_BREAK = re.compile("(\r\n|[\n\r\x85\u2028\u2029])")  # what YAML takes for the end of a line


class Found(msgspec.Struct, frozen=True):
    """One secret. `line`, `column` and `width` are those of its key, or its own in a list.

    It stands between the characters `start` and `end` of the file; all of that when `whole`.
    """

    path: Path
    line: int
    column: int
    width: int
    what: str
    secret: str
    start: int
    end: int
    whole: bool = False


def scan(text: str) -> tuple[Found, ...]:
    """Every secret of a file that may be broken."""
    return _scanned(text)


@lru_cache(maxsize=8)  # a file with an error is asked about by the message, the line and the rule
def _scanned(text: str) -> tuple[Found, ...]:
    return tuple(_scan(text))


def _scan(text: str) -> Iterator[Found]:
    if not _may_have_one(text):
        return
    reached = 0
    try:
        for scalar in _scalars(text):
            reached = scalar.event.end_mark.index
            yield from _of(scalar)
    except (yaml.YAMLError, _TooDeep):
        yield from _by_lines(text, reached)


def hidden(text: str) -> str:
    """The file with a `*` for each character of a secret; lines and columns stay."""
    if not _may_have_one(text):
        return text
    found = [*scan(text)]
    cells = [*text]
    scalars: dict[tuple[int, int], list[Found]] = {}
    for entry in found:
        scalars.setdefault((entry.start, entry.end), []).append(entry)
    for (start, end), entries in scalars.items():
        for first, last in _places(text[start:end], entries):
            _blot(cells, start + first, start + last)
    shown = "".join(cells)
    known = sorted({entry.secret for entry in found if len(entry.secret) >= _SHORT}, key=len)
    for secret in known[-_MOST:]:
        shown = shown.replace(secret, "*" * len(secret))
    return "".join(map(_hidden_line, _BREAK.split(shown)))


def cleaned(entry: Diagnostic, secrets: frozenset[str]) -> Diagnostic:
    """A diagnostic that repeats no secret of its file."""
    if not secrets:
        return entry
    said = {
        name: without(getattr(entry, name), secrets)
        for name in ("message", "expected", "hint", "path")
    }
    return msgspec.structs.replace(entry, **said)


def without(text: str, secrets: frozenset[str]) -> str:
    """A text without the secrets, also where it has only the beginning of one."""
    for form in _forms(secrets):
        text = _without(text, form)
    return text


def blanked(value: Any, secrets: frozenset[str]) -> Any:
    """Plain data without the secrets."""
    if isinstance(value, dict):
        return {name: blanked(entry, secrets) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [blanked(entry, secrets) for entry in value]
    if isinstance(value, str):
        return without(value, secrets)
    return value if isinstance(value, bool) or str(value) not in secrets else "***"


def secrets_of(text: str) -> frozenset[str]:
    """The secrets of a file."""
    found = {entry.secret for entry in scan(text)}
    return frozenset(secret.strip() for secret in found) - {""}


@lru_cache(16)
def _forms(secrets: frozenset[str]) -> tuple[str, ...]:
    """How a text may write them, and each of their lines, the longest first."""
    known = sorted(secrets, key=len, reverse=True)[:_MOST]
    parts = {line.strip() for secret in known for line in secret.splitlines()[:_MOST]}
    said = {*known, *(part for part in parts if len(part) >= _SHORT)}
    forms = {form for secret in said for form in (secret, repr(secret)[1:-1])}
    return tuple(sorted(forms, key=len, reverse=True)[: 3 * _MOST])


def _places(text: str, entries: list[Found]) -> set[tuple[int, int]]:
    """Where the secrets stand in what YAML has for a scalar; of very many, all of it."""
    whole = (0, len(text))
    if len(entries) > _MOST:
        return {whole}
    found = set()
    for entry in entries:
        at = -1 if entry.whole else text.find(entry.secret)
        found.add((at, at + len(entry.secret)) if at >= 0 else whole)
    return found


def _without(text: str, secret: str) -> str:
    """A message without a secret, which it may have cut or put in lower case."""
    folded, wanted = text.lower(), secret.lower()
    if len(secret) < _SHORT or len(folded) != len(text):
        folded, wanted = text, secret
    head = wanted[:_HEAD]
    parts, last = [], 0
    while (at := folded.find(head, last)) >= 0:
        end = at + len(head)
        while end < len(text) and end - at < len(wanted) and folded[end] == wanted[end - at]:
            end += 1
        parts.append(text[last:at])
        around = text[max(0, at - 1) : at] + text[end : end + 1]
        is_part = len(secret) < _SHORT and any(character.isalnum() for character in around)
        parts.append(text[at:end] if is_part else "***")
        last = end
    return "".join([*parts, text[last:]])


class _TooDeep(Exception):
    """libyaml takes quadratic time for brackets in brackets."""


class _Scalar(msgspec.Struct):
    """A value: `event` is its scalar, `alias` what stands for it, `call` what it is given to."""

    event: Any
    path: Path
    key: Any
    before: str
    beside: str
    type: str
    call: str = ""
    alias: Any = None


class _Frame:
    """An open collection: its keys so far, and what a list's element before this one was."""

    __slots__ = ("before", "call", "is_mapping", "key", "name", "path", "size", "type")

    def __init__(self, is_mapping: bool, path: Path) -> None:
        self.is_mapping = is_mapping
        self.path = path
        self.key: Any = None
        self.size = 0
        self.before = ""
        self.call = ""
        self.name = ""
        self.type = ""

    def next(self) -> Path:
        if self.is_mapping:
            return (*self.path, getattr(self.key, "value", ""))
        return (*self.path, self.size)

    def took(self, event: Any) -> None:
        value = getattr(event, "value", "")
        key = getattr(self.key, "value", "") if self.is_mapping else ""
        if key in ("name", "key"):
            self.name = value
        elif key == "type":
            self.type = value
        elif key == "$call":
            self.call = value
        self.key = None
        self.size += 1
        self.before = value


def _scalars(text: str) -> Iterator[_Scalar]:
    """Every value that is a scalar, with its key."""
    stack: list[_Frame] = []
    anchors: dict[str, Any] = {}
    for event in events(text):
        frame = stack[-1] if stack else None
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            path = () if frame is None else frame.next()
            if len(stack) >= MAX_DEPTH:
                raise _TooDeep
            stack.append(_Frame(isinstance(event, yaml.MappingStartEvent), path))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            stack.pop()
            if stack:
                stack[-1].took(None)
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) and frame is not None:
            if frame.is_mapping and frame.key is None:
                frame.key = event
                continue
            alias = event if isinstance(event, yaml.AliasEvent) else None
            meant = event if alias is None else anchors.get(event.anchor or "")
            if meant is not None:
                path = frame.next()
                call = stack[-2].call if path[-2:-1] == ("with",) else ""
                yield _Scalar(
                    *(meant, path, frame.key, frame.before, frame.name, frame.type, call, alias)
                )
            if alias is None and event.anchor:
                anchors[event.anchor] = event
            frame.took(meant)


def _of(scalar: _Scalar) -> Iterator[Found]:
    value: str = scalar.event.value
    name = _secret_name(scalar)
    if name and not _is_plain_nothing(scalar.event):
        yield _found(scalar, f"a value for {quoted(name)}", value, whole=True)
        return
    for what, secret in () if scalar.alias else _in_text(value):
        yield _found(scalar, what, secret)


def _secret_name(scalar: _Scalar) -> str:
    """The name that makes this value a secret; empty when it is none by its name."""
    names = [part for part in scalar.path if isinstance(part, str)]
    if any(name in _NAMES_OF_COLUMNS for name in names[-3:-1]):
        return ""
    if scalar.path[-1] == "secret" and scalar.call.endswith(_NAMES_A_SECRET):
        return ""
    value = scalar.event.value
    if scalar.alias:  # a long one may be meant a thousand times
        value = value[:_MOST_OF_ALIAS]
    return next((name for name in _names_of(scalar, names) if is_secret(name, value)), "")


def _names_of(scalar: _Scalar, names: list[str]) -> Iterator[str]:
    """What a value may be called: by its key, by those above, by the argument before it."""
    if isinstance(scalar.path[-1], int):
        yield option_name(scalar.before)
        if names and isinstance(scalar.path[-2:-1][0], str):
            yield names[-1]
        return
    key = scalar.path[-1]
    yield key
    if key in _GIVEN_AS and not (scalar.type in _NUMBERS and _is_number(scalar.event)):
        yield scalar.beside
        yield from [name for name in names[-3:-1] if name != "with"][-1:]


def _is_plain_nothing(event: Any) -> bool:
    return bool(event.implicit[0]) and event.value[:6].lower() in _NOTHING


def _is_number(event: Any) -> bool:
    return bool(event.implicit[0]) and str(event.value).replace(".", "").isdecimal()


def _found(scalar: _Scalar, what: str, secret: str, *, whole: bool = False) -> Found:
    at = scalar.key if isinstance(scalar.path[-1], str) else scalar.alias or scalar.event
    start, end = at.start_mark, at.end_mark
    own = scalar.event
    return Found(
        path=scalar.path,
        line=start.line + 1,
        column=start.column + 1,
        width=max(1, end.column - start.column) if end.line == start.line else 1,
        what=what,
        secret=secret,
        start=own.start_mark.index,
        end=own.end_mark.index,
        whole=whole,
    )


def _by_lines(text: str, start: int) -> Iterator[Found]:
    """What follows a mistake that no parser gets over."""
    number = len(_BREAK.findall(text[:start])) + 1
    place = start
    for index, part in enumerate(_BREAK.split(text[start:])):
        if index % 2:
            number += 1
        else:
            yield from _in_line(part, number, place)
        place += len(part)


def _in_line(line: str, number: int, place: int) -> Iterator[Found]:
    column = len(line) - len(line.lstrip()) + 1
    match = _LINE.match(line)
    if match and is_secret(match["name"], match["value"].strip("\"' ")):
        start, end = match.span("value")
        what, secret = f"a value for {quoted(match['name'])}", match["value"].strip("\"' ,}]")
        yield Found((), number, column, 1, what, secret, place + start, place + end, whole=True)
        return
    for what, secret in _in_text(line):
        yield Found((), number, column, 1, what, secret, place, place + len(line))


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    from factory.spec.secrets.patterns import in_text  # its expressions cost more than a file

    return in_text(text)


def _may_have_one(text: str) -> bool:
    folded = text.lower()
    if any(word in folded for word in _MAYBE):
        return True
    if ("://" in folded and "@" in folded) or _MAYBE_GITLAB.search(folded):
        return True
    ends = (match.start() for match in _KEY.finditer(folded))
    return any(may_be_key(folded[max(0, end - _BEFORE_KEY) : end]) for end in ends)


def _hidden_line(line: str) -> str:
    """Comments, too, which no event tells of."""
    secrets = {secret for _, secret in _in_text(line)} if _may_have_one(line) else ()
    if len(secrets) > _MOST:
        return "*" * len(line)
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, "*" * len(secret))
    return line


def _blot(cells: list[str], start: int, end: int) -> None:
    for index in range(start, min(end, len(cells))):
        if not cells[index].isspace():
            cells[index] = "*"
