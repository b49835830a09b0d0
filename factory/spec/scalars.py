"""Unquoted scalars as YAML 1.1 reads them, and where people read them differently."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from factory.spec.syntax import ODD_SPACE, ODD_SPACES

_BOOLS = SafeConstructor.bool_values
_RESOLVERS = Resolver.yaml_implicit_resolvers
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")


class Doubtful(Exception):
    """An unquoted scalar that YAML 1.1 and people read differently."""

    def __init__(self, code: str, message: str, instead: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.instead = instead
        self.hint = hint


@lru_cache(maxsize=8192)
def plain_value(text: str) -> Any:
    """An unquoted scalar as YAML 1.1 reads it, except that dates stay text.

    :raises Doubtful: people may have meant something else.
    """
    if _DECIMAL.match(text):
        return _number(int(text), text)
    tag = _tag(text)
    if tag == "bool":
        return _bool(text)
    if tag == "null":
        return None
    if tag in ("int", "float"):
        construct = getattr(SafeConstructor(), f"construct_yaml_{tag}")
        try:
            value = construct(yaml.ScalarNode(tag, text))
        except ValueError:  # `0x_`
            return text
        return _number(value, text)
    if not text.isascii():
        _require_plain(text)
    return text


_OPENING, _CLOSING = "“”„‟‘’‚‛", "“”’‘"
_ODD_SPACE = re.compile(f"^[{ODD_SPACES}]|[{ODD_SPACES}]$")


def _require_plain(text: str) -> None:
    """What a word processor or a web page makes of quotes and spaces.

    :raises Doubtful: it looks like one of them.
    """
    if text[0] in _OPENING and (text[-1] in _CLOSING or text[0] in "“„"):
        message = f"{text[0]} is no quote to YAML: it would become a part of the text"
        inside = text.strip(_OPENING)
        raise Doubtful("odd-quotes", message, f'"{inside}"')
    if _ODD_SPACE.search(text):
        raise Doubtful("odd-space", ODD_SPACE, hint="write ordinary spaces")


def is_text(text: str) -> bool:
    """Whether it is read as this very text without quotes."""
    try:
        return bool(plain_value(text) == text)
    except Doubtful:
        return False


def _tag(text: str) -> str:
    """The short name of the type that YAML 1.1 sees in an unquoted scalar."""
    if not text:
        return "null"
    for tag, pattern in _RESOLVERS.get(text[0], ()):
        if pattern.match(text):
            return str(tag).rpartition(":")[2]
    return "str"


def _bool(text: str) -> bool:
    value = _BOOLS[text.lower()]
    word = str(value).lower()
    if text.lower() != word:
        raise Doubtful("ambiguous", f"YAML 1.1 reads {text} as {word}, YAML 1.2 as text", word)
    return value


def _number(value: int | float, text: str) -> int | float:
    if ":" in text:
        raise Doubtful("ambiguous", f"YAML 1.1 reads {text} as the number {value}")
    digits = text.lstrip("+-")
    if digits[0] == "0" and digits.isdigit() and len(digits) > 1:
        message = f"YAML 1.1 reads {text} as the octal number {value}"
        raise Doubtful("ambiguous", message, str(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise Doubtful("number", f"{text} is no number that JSON can hold")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Doubtful("number", f"{text} has more than 64 bits")
    return value


def long_value(text: str) -> str:
    """What is too long to be a number, and to be worth a place in the cache."""
    if _tag(text) in ("int", "float"):
        raise Doubtful("number", f"a number with {len(text):,} characters")
    return text
