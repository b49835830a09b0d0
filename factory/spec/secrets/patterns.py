"""Secrets inside a longer text: a command, an address, a header, a connection string.

Every pattern is bounded on both sides, so that a long text takes no more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory.spec.secrets.words import is_literal, is_secret_name, is_signature

Seen = tuple[str, str]
"""(what it is, the secret)"""

_VALUE = (
    r"""(?:"(?P<double>[^"\n]{1,500})"|'(?P<single>[^'\n]{1,500})'"""
    r"""|(?P<bare>[^\s"'`;|<>()]{1,500}))"""
)
_START = r"(?<![A-Za-z0-9_.-])"
_NAME = r"(?P<name>[A-Za-z][A-Za-z0-9_.-]{0,60})"
_ASSIGNED = re.compile(rf"{_START}(?:--?)?{_NAME}=(?![=~]){_VALUE}")
_OPTION = re.compile(rf"(?<![A-Za-z0-9_-])--?{_NAME}[ \t]{{1,4}}(?![-=&|]){_VALUE}")
_HEADER = re.compile(
    rf"{_START}(?P<name>(?:Proxy-)?Authorization|(?:Set-)?Cookie|X-[A-Za-z0-9-]{{1,40}}|[Aa]pi-?[Kk]ey)"
    r"[\"']?[ \t]{0,4}:[ \t]{0,4}(?P<bare>[^\r\n\"']{1,500})",
    re.IGNORECASE,
)
_PARAMETER = re.compile(rf"[?&]{_NAME}=(?P<bare>[^&#\s\"']{{1,2000}})")
_JSON = re.compile(rf"[\"']{_NAME}\\?[\"'][ \t]{{0,4}}:[ \t]{{0,4}}\\?{_VALUE}")
_SCHEME = re.compile(
    r"(?<![A-Za-z0-9])(?:Bearer|Basic|Token)[ \t]{1,4}(?P<bare>[A-Za-z0-9._~+/=-]{5,2000})",
    re.IGNORECASE,
)
_AUTH_SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey)[ \t]{1,4}", re.IGNORECASE)
_LOGIN = re.compile(
    r"(?<![\w-])(?:-[A-Za-z]{0,8}[uU]|--user|--proxy-user)[ =]{0,4}[\"']?[^\s:\"'$]{0,100}"
    r":(?P<bare>[^\s\"']{1,200})"
)
_MYSQL = re.compile(r"(?<![\w-])-p(?P<bare>[^\s\"'-][^\s\"']{0,200})")
_SSHPASS = re.compile(r"sshpass[ \t]{1,4}-p[ \t]{0,4}[\"']?(?P<bare>[^\s\"']{1,200})")
_PASS_ARGUMENT = re.compile(r"(?<![\w-])pass:(?P<bare>[^\s\"']{1,200})")
_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----")
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<an_AWS_key_id>(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9]))"
    r"|(?P<a_GitHub_token>gh[opsur]_[A-Za-z0-9]{16,255}|github_pat_[A-Za-z0-9_]{16,255})"
    r"|(?P<a_GitLab_token>gl[a-z]{2,8}-[A-Za-z0-9_-]{20,255})"
    r"|(?P<a_Slack_token>xox[a-z]-[A-Za-z0-9-]{8,255}|xapp-[A-Za-z0-9-]{8,255})"
    r"|(?P<a_webhook_address>(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)"
    r"|discord(?:app)?\.com/api/webhooks|[a-z0-9.-]{0,60}webhook\.office\.com/webhookb?2?"
    r"|chat\.googleapis\.com/v1/spaces)/[^\s\"'<>]{6,500})"
    r"|(?P<a_Google_key>AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,60})"
    r"|(?P<an_API_key>sk-[A-Za-z0-9_-]{20,255}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}"
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}|dapi[a-f0-9]{32}|hvs\.[A-Za-z0-9_-]{20,255})"
    r"|(?P<a_package_token>npm_[A-Za-z0-9]{30,60}|pypi-[A-Za-z0-9_-]{50,500})"
    r"|(?<![_-])(?P<a_JSON_web_token>eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_.-]{8,4000})"
    r")"
)
_LONGEST_LOGIN = 400
_END_OF_HOST = re.compile(r"[\s/?#\"'<>\\]")


def in_text(text: str) -> Iterator[Seen]:
    """What is secret in a text; templates are not."""
    yield from _addresses(text)
    yield from _blocks(text)
    for match in _TOKENS.finditer(text):
        yield (match.lastgroup or "").replace("_", " "), match[0]
    for match in _HEADER.finditer(text):
        value = _AUTH_SCHEME.sub("", match["bare"].strip(), count=1)
        if is_secret_name(match["name"]) and is_literal(value):
            yield f"the header {match['name']}", value
    for match in _SCHEME.finditer(text):
        if _looks_random(match["bare"]):
            yield "a token", match["bare"]
    yield from _assigned(text)
    yield from _commands(text)


def option_name(text: str) -> str:
    """`password` of the argument `--password`; empty when it is none."""
    name = text.lstrip("-")
    return name if text.startswith("-") and is_secret_name(name) else ""


def _assigned(text: str) -> Iterator[Seen]:
    for pattern in (_ASSIGNED, _JSON, _OPTION):
        for match in pattern.finditer(text):
            name, value = match["name"], _value(match)
            if match["bare"] and _is_code(name, value, text[match.end() : match.end() + 1]):
                continue
            if pattern is _OPTION and "=" in value:
                continue
            if is_secret_name(name) and is_literal(value):
                yield f"a value for {name!r}", value
    for match in _PARAMETER.finditer(text):
        name = match["name"]
        if (is_secret_name(name) or is_signature(name)) and is_literal(match["bare"]):
            yield f"a value for {name!r}", match["bare"]


def _is_code(name: str, value: str, after: str) -> bool:
    """A condition, a bound parameter, a call: `a.token=b.token`, `token=:token`, `token=get()`."""
    return (
        value[0] in ":?%"
        or value == name
        or (after in ("(", "[") and value.replace(".", "").isidentifier())
        or (value[-1] == "[" and value[:-1].replace(".", "").isidentifier())
        or ("." in value and value.replace(".", "").isidentifier() and is_secret_name(value))
    )


def _commands(text: str) -> Iterator[Seen]:
    if "curl" in text or "wget" in text:
        for match in _LOGIN.finditer(text):
            if is_literal(match["bare"]):
                yield "a login", match["bare"]
    patterns = [_SSHPASS, _PASS_ARGUMENT] + ([_MYSQL] if "mysql" in text else [])
    for pattern in patterns:
        for match in pattern.finditer(text):
            if is_literal(match["bare"]):
                yield "a password", match["bare"]


def _addresses(text: str) -> Iterator[Seen]:
    """`scheme://user:password@host`."""
    at = text.find("://")
    while at >= 0:
        rest = text[at + 3 : at + 3 + _LONGEST_LOGIN]
        end = _END_OF_HOST.search(rest)
        login, found, _ = rest[: end.start() if end else None].rpartition("@")
        _, colon, password = login.partition(":")
        if found and colon and is_literal(password) and "{" not in login:
            yield "a password in an address", password
        at = text.find("://", at + 3)


def _blocks(text: str) -> Iterator[Seen]:
    match = _BLOCK.search(text)
    if match:
        yield "a private key", text[match.start() :]


def _looks_random(text: str) -> bool:
    """Not a word: `Bearer token`, `Basic authentication`."""
    if any(character.isdigit() or character in "=_+/" for character in text):
        return True
    return len(text) >= 20 or not (text.islower() or text.isupper() or text.istitle())


def _value(match: re.Match[str]) -> str:
    return match["double"] or match["single"] or match["bare"]
