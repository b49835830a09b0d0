"""Credentials that stand in YAML. The message never repeats them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Diagnostic, Path
from factory.lint.rules.scope import Scope
from factory.spec.problem import Problem
from factory.spec.validate import placed

CODE = "secret"
_WORDS = r"pass(?:word|wd|phrase)|pwd|secret|token|api_?key|access_?key|private_?key"
_KEY = re.compile(rf"(?:.*[_-])?(?:{_WORDS})(?:_?(?:key|value))?\Z", re.IGNORECASE)
# counted, since a repetition without an end takes the square of a text's length
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{0,60}://[^/\s:@{}$]{0,500}:([^/\s@{}$]{1,2000})@", re.IGNORECASE
)
_MAYBE = re.compile(rf"(?:{_WORDS}|://[^/\s:]{{0,500}}:[^/\s]{{0,2000}}@)", re.IGNORECASE)


def in_yaml(scope: Scope) -> Iterator[Diagnostic]:
    """A password, token or key with a literal value, or an address with a password in it."""
    for document in scope.documents():
        if not _MAYBE.search(document.text):
            continue
        for path, what in _secrets(document.value, ()):
            problem = Problem(
                path,
                CODE,
                f"{what} stands here for all to read",
                expected="no secret in YAML",
                hint="put it into an Airflow connection (`conn_id`) or Variable "
                "(`{{ var.value.… }}`)",
                at_key=isinstance(path[-1], str),
                severity="warning",
            )
            yield placed(document, path, problem)


def _secrets(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, entry in value.items():
            below = (*path, key)
            if isinstance(entry, str) and _KEY.match(key) and _is_literal(entry):
                yield below, f"a value for {key!r}"
            else:
                yield from _secrets(entry, below)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _secrets(entry, (*path, index))
    elif isinstance(value, str) and "@" in value and _ADDRESS.search(value):
        yield path, "a password in an address"


def _is_literal(value: str) -> bool:
    return bool(value.strip()) and "{{" not in value and "${" not in value and value[0] != "$"
