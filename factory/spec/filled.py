"""`${…}` in files beside a spec: only the names of a spec's own are filled in there.

Such a file may hold `${…}` of another program, and PostgreSQL's `$$` before a brace: both stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from factory.diagnostics import MAX_TOLD, nearest, shortened
from factory.problem import Problem
from factory.spec.fill import Filler, Scope
from factory.spec.notes import Notes
from factory.spec.text import MAX_BYTES

_ANY = re.compile(r"(?<!\$)\$\{([^{}\n]{1,200})\}")
_TOKEN = re.compile(r"\$?\$\{\s*((?:vars|matrix)(?:\.[^{}\n]*)?|environment|dag_id)\s*\}")
_IN_KINDS = re.compile(r"\$?\$\{\s*((?:params|vars|matrix)(?:\.[^{}\n]*)?|environment|dag_id)\s*\}")


class Filled(msgspec.Struct, frozen=True):
    """A file's text with every `${…}` filled in, and what could not be.

    The path of a problem is its line and its column.
    """

    text: str
    problems: tuple[Problem, ...] = ()


def names(text: str, *, in_kind: bool = False) -> tuple[str, ...]:
    """The names that a file's `${…}` ask for, each once; `in_kind`: `params` are among them."""
    if "${" not in text:
        return ()
    tokens = (_IN_KINDS if in_kind else _TOKEN).finditer(text)
    found = (match[1].strip() for match in tokens if not _is_kept(match))
    return tuple(dict.fromkeys(found))


def fill(text: str, scope: Scope) -> Filled:
    """A file's text with the values of a scope; `$${vars.x}` becomes `${vars.x}`."""
    if "${" not in text:
        return Filled(text)
    notes = Notes(MAX_BYTES)
    filler = Filler(scope, notes)
    parts: list[str] = []
    end = 0
    for match in _tokens(text, scope):
        whole = match[0][1:] if _is_kept(match) else filler.part(match, (match.start(),))
        parts += [text[end : match.start()], whole]
        end = match.end()
    return Filled("".join([*parts, text[end:]]), tuple(_placed(text, notes.problems)))


def likely(text: str, scope: Scope) -> Iterator[Problem]:
    """Warnings of what stays, and looks as if a name of the spec was meant: `${var.day}`."""
    known = scope.tree()
    every = ((match, _meant(match[1].strip(), known)) for match in _ANY.finditer(text))
    token = _TOKEN if scope.params is None else _IN_KINDS
    near = ((match, meant) for match, meant in every if meant and not token.match(match[0]))
    for match, meant in islice(near, MAX_TOLD):
        yield Problem(
            _position(text, match.start()),
            "placeholder-left",
            f"{shortened(match[0])} stays as it is: no spec has that name",
            hint=f"did you mean ${{{meant}}}?",
            severity="warning",
            part=match[0],
        )


def _meant(name: str, known: Mapping[str, Any]) -> str:
    """The name in a scope that one without a scope, or of a misspelt one, stands for."""
    first, dot, rest = name.rpartition(".")
    for group in ("params", "vars", "matrix"):
        if rest in (known.get(group) or {}) and (not dot or nearest(first, (group,))):
            return f"{group}.{rest}"
    return ""


def _tokens(text: str, scope: Scope) -> Iterator[re.Match[str]]:
    return (_TOKEN if scope.params is None else _IN_KINDS).finditer(text)


def _is_kept(match: re.Match[str]) -> bool:
    return match[0].startswith("$$")


def _placed(text: str, problems: list[Problem]) -> Iterator[Problem]:
    """Those of the file itself: what is wrong within a variable is told where it stands."""
    for problem in problems:
        start = problem.path[0]
        if isinstance(start, int):
            yield msgspec.structs.replace(problem, path=_position(text, start))


def _position(text: str, start: int) -> tuple[int, int]:
    """Line and column."""
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
