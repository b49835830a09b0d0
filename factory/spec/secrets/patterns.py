"""Secrets inside a longer text: a command, an address, a header, a connection string.

Every pattern is bounded on both sides, so that a long text takes no more than its length. Each
begins with what is rare in a text, for which the text is looked through fast.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from factory.spec.secrets.words import (
    is_literal,
    is_random,
    is_secret,
    is_secret_name,
    is_signature,
    looks_random,
)

Seen = tuple[str, str]
"""(what it is, the secret)"""

_VALUE = (
    r"""(?:"(?P<double>[^"\n]{1,500})"|'(?P<single>[^'\n]{1,500})'"""
    r"""|(?P<bare>[^\s"'`;|<>()]{1,500}))"""
)
_NAME = r"(?P<name>[A-Za-z][A-Za-z0-9_.-]{0,60})"
_BEFORE = 70
# the last letter first: a name is looked for from the rare `=` and `:` behind it
_NAME_BACKWARDS = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_HEADER_BACKWARDS = re.compile(
    r"[ \t]{0,4}[\"']?(?P<name>[A-Za-z0-9_-]{1,61})"
    r"(?P<given>[\"']?[ \t=]{0,4}(?:H[A-Za-z]{0,8}-|redaeh--))?"
    r"(?P<alone>[\"' \t-]{0,4}(?:\n|$))?"
)
_ASSIGNED = re.compile(rf"=(?![=~]){_VALUE}")
_OPTION = re.compile(rf"-(?<![A-Za-z0-9_-]-)-?{_NAME}[ \t]{{1,4}}(?![-=&|]){_VALUE}")
_HEADER = re.compile(r":[ \t]{0,4}(?P<bare>[^\r\n\"']{1,500})")
_HEADERS = re.compile(r"(?:proxy-)?authorization|(?:set-)?cookie|x-.{1,40}|api-?key", re.IGNORECASE)
_PARAMETER = re.compile(rf"[?&]{_NAME}=(?P<bare>[^&#\s\"']{{1,2000}})")
_JSON = re.compile(rf"[\"']{_NAME}\\?[\"'][ \t]{{0,4}}:[ \t]{{0,4}}\\?{_VALUE}")
_ELEMENT = re.compile(rf"<{_NAME}>(?P<bare>[^<>\s]{{1,500}})</")
_SCHEME = re.compile(
    r"[BbTt](?<![A-Za-z0-9].)(?:earer|EARER|asic|ASIC|oken|OKEN)[ \t]{1,4}"
    r"(?P<bare>[A-Za-z0-9._~+/=-]{5,2000})"
)
_AUTH_SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey)[ \t]{1,4}", re.IGNORECASE)
_REGEX = re.compile(r"\[\^|\\[bdswDSW]|\.[*+]|\[[A-Za-z0-9]-[A-Za-z0-9]")
_SQL = re.compile(
    r"[PpIi](?:(?<![A-Za-z0-9_].)(?:ASSWORD|assword)[ \t]{1,4}(?:=[ \t]{0,4})?"
    r"|(?:DENTIFIED|dentified)[ \t]{1,4}(?:(?:WITH|with)[ \t]{1,4}[\w\"']{1,60}[ \t]{1,4})?"
    r"(?:BY|by|AS|as)[ \t]{1,4}(?:(?:PASSWORD|password)[ \t]{1,4})?)'(?P<bare>[^'\s]{1,200})'"
)
_QUOTE = r"[\"']?"
_LOGIN = re.compile(
    r"(?<![\w-])(?:-[A-Za-z]{0,8}[auU]|--user|--auth|--proxy-user)[ =]{0,4}[\"']?[^\s:\"'$]{0,100}"
    r":(?!//)(?P<bare>[^\s\"']{1,200})"
)
_LOGIN_WITH_COMMA = re.compile(
    rf"(?<![\w-])-u[ ]{{0,4}}{_QUOTE}[^\s,\"']{{1,100}},(?P<bare>[^\s\"']{{1,200}})"
)
_GLUED = re.compile(rf"(?<![\w-])-p{_QUOTE}(?P<bare>[^\s\"'-][^\s\"']{{0,200}})")
_GIVEN = re.compile(rf"(?<![\w-])-[paP][ \t=]{{0,4}}{_QUOTE}(?P<bare>[^\s\"'-][^\s\"']{{0,200}})")
_ARGUMENT = re.compile(rf"[ \t]{{1,4}}{_QUOTE}(?P<bare>[A-Za-z0-9._-]{{16,300}})")
_COMMAND = re.compile(
    r"(?:curl|wget|https?|mysql[a-z]{0,10}|mariadb(?:-[a-z]{1,10})?|lftp|sshpass|mongo[a-z]{0,8}"
    r"|redis-cli|docker login|podman login|sqlcmd|bcp|vault login)(?=[ \t\\])"
)
_REST_OF_COMMAND = re.compile(
    r"(?:[^\"'|;&\n\\]{1,1000}|\\[\s\S]|\"[^\"]{0,1000}\"|'[^']{0,1000}'|[\"'\\])*"
)
_LONGEST_COMMAND = 1000
_CONFIGURED = re.compile(rf"configure set {_NAME}[ \t]{{1,4}}{_VALUE}")
_PASS_ARGUMENT = re.compile(r"pass:(?<![\w-]pass:)(?P<bare>[^\s\"']{1,200})")
_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----")
_REST = r"[^\s\"'<>]{6,500}"
_LONGEST_LOGIN = 400
_END_OF_HOST = re.compile(r"[\s/?#\"'<>\\]")
_GIT_HOST = re.compile(r"git|bitbucket|dev\.azure|visualstudio|codeberg", re.IGNORECASE)


def in_text(text: str) -> Iterator[Seen]:
    """What is secret in a text; templates are not."""
    yield from _addresses(text)
    yield from _blocks(text)
    yield from _found(TOKENS, text)
    yield from _headers(text)
    yield from _assigned(text)
    yield from _commands(text)


class Rule(NamedTuple):
    """What a pattern finds, and which of its matches count.

    A text without any of the ``beginnings`` holds none, and is not looked through.
    """

    what: str
    pattern: re.Pattern[str]
    counts: Callable[[re.Match[str]], bool]
    beginnings: tuple[str, ...] = ()


def _found(rules: Iterable[Rule], text: str) -> Iterator[Seen]:
    for what, pattern, counts, beginnings in rules:
        if not beginnings or any(beginning in text for beginning in beginnings):
            for match in pattern.finditer(text):
                if counts(match):
                    yield what, _value(match)


def _is_token(match: re.Match[str]) -> bool:
    """A word of its own, and no words with `-` between them: `sk-learn-…`, `global-…`."""
    text = match[0]
    if match.string[max(0, match.start() - 1) : match.start()].isalnum():
        return False
    beginning, dash, rest = text.partition("-")
    if not dash or not beginning.islower() or beginning == "pypi":
        return True
    has_digits = any(character.isdigit() for character in rest)
    return has_digits and (beginning != "sk" or "-" not in rest or not rest.islower())


def _is_credential(match: re.Match[str]) -> bool:
    """Behind `Basic` a login, behind `Bearer` and `Token` what no person chose."""
    is_basic = match[0][1] in "aA"
    return _is_basic(match["bare"]) if is_basic else looks_random(match["bare"])


def _is_given(match: re.Match[str]) -> bool:
    return is_literal(match["bare"])


def _is_given_and_random(match: re.Match[str]) -> bool:
    return is_literal(match["bare"]) and is_random(match["bare"])


def _is_password(match: re.Match[str]) -> bool:
    return is_secret("password", match["bare"]) and not _is_code("", match["bare"], "")


def _is_basic(text: str) -> bool:
    """Whether it is a login in base64."""
    plain = text.rstrip("=")
    try:
        return b":" in base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def _headers(text: str) -> Iterator[Seen]:
    """Of HTTP, behind `-H`, and a line of its own as in a file of YAML."""
    for match in _HEADER.finditer(text):
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        found = _HEADER_BACKWARDS.match(before[::-1])
        if not found:
            continue
        name = found["name"][::-1]
        value = _AUTH_SCHEME.sub("", match["bare"].strip(), count=1)
        if not is_secret(name, value):
            continue
        is_line = found["alone"] is not None and looks_random(value) and not re.search(r"\s", value)
        if found["given"] or is_line or _HEADERS.fullmatch(name):
            yield f"the header {name}", value


def _assigned(text: str) -> Iterator[Seen]:
    for match in _ASSIGNED.finditer(text):
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        found = _NAME_BACKWARDS.match(before[::-1])
        yield from _of_name(found[0][::-1].lstrip("-") if found else "", match)
    for pattern in (_JSON, _OPTION, _ELEMENT, _CONFIGURED):
        for match in pattern.finditer(text):
            if pattern is not _OPTION or "=" not in _value(match):
                yield from _of_name(match["name"], match)
    for match in _PARAMETER.finditer(text):
        name, value = match["name"], match["bare"]
        if is_secret(name, value) or (is_signature(name) and is_literal(value)):
            yield f"a value for {name!r}", value


def _of_name(name: str, match: re.Match[str]) -> Iterator[Seen]:
    """Also of `--from-literal=password=…`."""
    value = _value(match)
    if "=" in value and not is_secret_name(name):
        name, _, value = value.partition("=")
    if not is_secret(name, value):
        return
    if match.lastgroup != "bare" or not _is_code(
        name, value, match.string[match.end() : match.end() + 1]
    ):
        yield f"a value for {name!r}", value


def _is_code(name: str, value: str, after: str) -> bool:
    """A condition, a bound parameter, a call: `a.token=b.token`, `token=:token`, `token=get()`."""
    return (
        value[0] in ":?%"
        or value == name
        or (after in ("(", "[") and value.replace(".", "").isidentifier())
        or (value[-1] == "[" and value[:-1].replace(".", "").isidentifier())
        or ("." in value and value.replace(".", "").isidentifier() and is_secret_name(value))
        or _REGEX.search(value) is not None
    )


def _commands(text: str) -> Iterator[Seen]:
    """Options that mean a password in one command, and something else in another."""
    found = [match for match in _COMMAND.finditer(text) if _begins_a_word(text, match.start())]
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=False):
        given = text[match.end() : min(end, match.end() + _LONGEST_COMMAND)]
        if "-" not in given and not match[0].startswith("vault"):
            continue
        rest = _REST_OF_COMMAND.match(given)
        options = next(rule for names, rule in OPTIONS if match[0].startswith(names))
        yield from _found((options,), rest[0] if rest else "")
    yield from _found(PASSWORDS, text)


def _begins_a_word(text: str, at: int) -> bool:
    before = text[at - 1 : at] if at else ""
    return not (before.isalnum() or before in ("_", ".", "-"))


def _addresses(text: str) -> Iterator[Seen]:
    """`scheme://user:password@host`, `scheme://token@git-host`."""
    at = text.find("://")
    while at >= 0:
        rest = text[at + 3 : at + 3 + _LONGEST_LOGIN]
        end = _END_OF_HOST.search(rest)
        login, found, host = rest[: end.start() if end else None].rpartition("@")
        user, colon, password = login.partition(":")
        if found and colon and is_literal(password) and "{" not in login:
            yield "a password in an address", password
        if found and is_random(user) and _GIT_HOST.search(host):
            yield "a token in an address", user
        at = text.find("://", at + 3)


def _blocks(text: str) -> Iterator[Seen]:
    match = _BLOCK.search(text)
    if match:
        yield "a private key", text[match.start() :]


def _value(match: re.Match[str]) -> str:
    """What the last group holds that matched: `double`, `single` or `bare`."""
    return str(match[match.lastgroup or 0])


OPTIONS: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("curl", "wget", "http"), Rule("a login", _LOGIN, _is_given)),
    (("mysql", "mariadb"), Rule("a password", _GLUED, _is_given)),
    (("lftp",), Rule("a password", _LOGIN_WITH_COMMA, _is_given)),
    (("vault",), Rule("a token", _ARGUMENT, _is_given_and_random)),
    (("",), Rule("a password", _GIVEN, _is_given)),
)
"""What commands that begin so take for a secret."""

PASSWORDS = (
    Rule("a password", _PASS_ARGUMENT, _is_given),
    Rule("a password", _SQL, _is_password, ("'",)),
)

TOKENS = (
    *(
        Rule(what, re.compile(pattern), _is_token, tuple(beginnings.split()))
        for what, pattern, beginnings in (
            ("an AWS key id", r"A[KSBC][IC]A[A-Z0-9]{16}(?![A-Za-z0-9])", "AKIA ASIA ABIA ACCA"),
            ("a GitHub token", r"gh[opsur]_[A-Za-z0-9]{16,255}", "gho_ ghp_ ghs_ ghu_ ghr_"),
            ("a GitHub token", r"github_pat_[A-Za-z0-9_]{16,255}", "github_pat_"),
            ("a GitLab token", r"gl[a-z]{2,8}-[A-Za-z0-9_-]{20,255}", "gl"),
            ("a Slack token", r"xox[a-z]-[A-Za-z0-9-]{8,255}", "xox"),
            ("a Slack token", r"xapp-[A-Za-z0-9-]{8,255}", "xapp-"),
            (
                "a webhook address",
                rf"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/{_REST}",
                "hooks.slack",
            ),
            (
                "a webhook address",
                rf"discord(?:app)?\.com/api/webhooks/{_REST}",
                "discord",
            ),
            (
                "a webhook address",
                rf"webhook\.office\.com/webhookb?2?/{_REST}",
                "webhook.office",
            ),
            ("a webhook address", rf"chat\.googleapis\.com/v1/spaces/{_REST}", "chat.googleapis"),
            ("a Google key", r"AIza[A-Za-z0-9_-]{35}", "AIza"),
            ("a Google key", r"GOCSPX-[A-Za-z0-9_-]{20,60}", "GOCSPX-"),
            ("an API key", r"sk-[A-Za-z0-9_-]{20,255}", "sk-"),
            ("an API key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}", "k_live k_test"),
            ("an API key", r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}", "SG."),
            ("an API key", r"dapi[a-f0-9]{32}", "dapi"),
            ("an API key", r"hvs\.[A-Za-z0-9_-]{20,255}", "hvs."),
            ("a Telegram token", r"bot[0-9]{6,12}:[A-Za-z0-9_-]{30,60}", "/bot"),
            ("a package token", r"npm_[A-Za-z0-9]{30,60}", "npm_"),
            ("a package token", r"pypi-[A-Za-z0-9_-]{50,500}", "pypi-"),
            (
                "a JSON web token",
                r"eyJ(?<![_-]eyJ)[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_.-]{8,4000}",
                "eyJ",
            ),
        )
    ),
    Rule("a token", _SCHEME, _is_credential),
)
"""What is secret wherever it stands."""
