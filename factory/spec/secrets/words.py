"""Which names are those of secrets, and which values are none."""

from __future__ import annotations

import re

_LONGEST = 200
_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LAST = {
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "accountkey",
    "bearer",
    "authorization",
    "cookie",
}
_ENDS = ("password", "passwd", "passphrase")
"""Also of one word: `pgpassword`."""
_KEYS = {
    "access",
    "account",
    "api",
    "auth",
    "encryption",
    "fernet",
    "license",
    "master",
    "password",
    "private",
    "secret",
    "service",
    "shared",
    "sharedaccess",
    "signing",
    "ssh",
    "storage",
    "subscription",
    "token",
    "webhook",
}
"""What makes a `key` a secret one."""
_PASS = {
    "admin",
    "auth",
    "db",
    "ftp",
    "http",
    "ldap",
    "mail",
    "proxy",
    "root",
    "sftp",
    "smtp",
    "user",
}
_OTHER_TOKENS = {"continuation", "cursor", "end", "next", "page", "start", "stop"}
_SIGNED = {"sig", "signature"}

_TEMPLATE = re.compile(r"\{\{|\{%|\$\{|\$\(|%\(|`")
_PLACEHOLDER = re.compile(
    r"[*xX.…_-]{1,200}|<[^<>]{0,200}>|\[[^\[\]]{0,200}\]|[Nn]one|[Nn]ull|[Tt]rue|[Ff]alse"
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is secret: `API_TOKEN`, `clientSecret`, `X-Api-Key`."""
    if len(name) > _LONGEST:
        return False
    words = [word.lower() for word in _WORDS.findall(_CAMEL.sub("_", name))]
    while len(words) > 1 and (words[-1] == "value" or words[-1].isdecimal()):
        words.pop()
    if not words:
        return False
    *before, last = words
    above = before[-1] if before else ""
    if last == "key":
        return above in _KEYS
    if last == "pass":
        return not before or above in _PASS
    if last == "token":
        return above not in _OTHER_TOKENS
    return last in _LAST or last.endswith(_ENDS)


def is_signature(name: str) -> bool:
    """Whether a parameter of an address signs it."""
    return name.lower().rpartition("-")[2] in _SIGNED


def is_literal(value: str) -> bool:
    """Whether a value is the secret itself: not blank, no template, no shell's variable."""
    text = value.strip()
    if not text or text[0] == "$" or _TEMPLATE.search(text):
        return False
    return not _PLACEHOLDER.fullmatch(text)
