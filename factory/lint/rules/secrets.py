"""Credentials that stand in YAML, also in files with mistakes. The message never repeats them."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic, dotted
from factory.lint.rules.scope import Scope
from factory.spec.secrets import scan

CODE = "secret"
_MOST = 100


def in_yaml(scope: Scope) -> Iterator[Diagnostic]:
    """A password, token or key with a literal value, or one inside of a text."""
    for name, text in scope.texts():
        seen: set[tuple[int, int]] = set()
        for found in scan(text):
            place = (found.line, found.column)
            if place in seen or len(seen) >= _MOST:
                continue
            seen.add(place)
            yield Diagnostic(
                file=name,
                line=found.line,
                column=found.column,
                width=found.width,
                code=CODE,
                message=f"{found.what} stands here for all to read",
                path=dotted(found.path),
                expected="no secret in YAML",
                hint="put it into an Airflow connection (`conn_id`) or Variable "
                "(`{{ var.value.… }}`)",
                severity="warning",
            )
