"""What a code means and what to do, from the catalogue, as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from factory.codes import CODES, GROUPS, Code, without_links
from factory.diagnostics import did_you_mean
from factory.errors import UsageError

_WIDTH = 88


def explain(name: str) -> Iterator[str]:
    """The lines about one code, or the list of all when `name` is empty.

    :raises UsageError: there is no such code.
    """
    if not name:
        return _listed()
    code = CODES.get(name.strip("[]"))
    if code is None:
        hint = did_you_mean(name, CODES) or "`factory lint --explain` lists them"
        raise UsageError(f"there is no code {name!r}", hint)
    return _explained(code)


def _listed() -> Iterator[str]:
    width = max(map(len, CODES))
    for group in GROUPS:
        yield from (f"{code.name:<{width}}  {code.title}" for code in group.codes)
    yield ""
    yield "`factory lint --explain CODE` tells more about one."


def _explained(code: Code) -> Iterator[str]:
    yield f"{code.severity}[{code.name}]: {code.title}"
    yield ""
    yield from _wrapped(f"{code.meaning} {code.advice}")
    if code.wrong:
        yield from ("", "  wrong:", textwrap.indent(code.wrong, "    "))
        yield from ("  right:", textwrap.indent(code.right, "    "))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        without_links(text),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
