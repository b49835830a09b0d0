"""Text that YAML takes for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory.diagnostics import Diagnostic
from factory.lint.rules.scope import Scope
from factory.spec.positions import Place, build, lines_of
from factory.spec.read import Document
from factory.spec.syntax import as_quoted

_CUT = re.compile(r"[^\s'\"#,\[\]{}] +(#[^\s#!].*)$", re.MULTILINE)
_MOST = 100


def within_texts(scope: Scope) -> Iterator[Diagnostic]:
    """`run: echo #1`: a text without quotes ends at ` #`, and what follows is lost."""
    for document in scope.documents():
        if _CUT.search(document.text):  # few have one: only they are read again
            yield from _cut(document)


def _cut(document: Document) -> Iterator[Diagnostic]:
    ends = {place.end: place for place in _texts(build(document.text))}
    for number, line in enumerate(lines_of(document.text), 1):
        match = _CUT.search(line)
        place = ends.get((number, match.start() + 2)) if match else None
        if match is None or place is None:
            continue
        yield Diagnostic(
            file=document.name,
            line=number,
            column=match.start(1) + 1,
            width=len(match[1]),
            code="cut-text",
            message="what follows ` #` is a comment: the text ends before it",
            expected="a space after the `#` of a comment",
            hint=f"if it is a part of the text put all in quotes: "
            f"{as_quoted(f'{place.raw} {match[1].rstrip()}', _MOST)}",
            severity="warning",
        )


def _texts(place: Place) -> Iterator[Place]:
    """The scalars without quotes."""
    if place.plain and place.raw:
        yield place
    for below in place.children.values():
        yield from _texts(below)
