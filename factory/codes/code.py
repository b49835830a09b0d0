"""What is known of one code of a problem, and of a group of them."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The word in brackets of `error[unknown-key]`.

    `meaning` and `advice` are Markdown, in whole sentences. `wrong` and `right` are parts of one
    pipeline file; what a whole one needs, and they leave out, is `version` and `tasks`.
    `severity` is the usual one: some problems of an error's code are only warnings, and say so.
    """

    name: str
    title: str
    meaning: str
    advice: str
    wrong: str = ""
    right: str = ""
    severity: Literal["error", "warning"] = "error"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Codes that have their place in common; `about` is Markdown, and may be empty."""

    name: str
    codes: tuple[Code, ...]
    about: str = ""


def without_links(text: str) -> str:
    """Markdown whose links, which lead from `docs/`, are words."""
    return _LINK.sub(r"\1", text)
