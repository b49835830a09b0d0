"""The rules of a type, as JSON Schema: yes or no in microseconds, and on a no every reason.

The verdict is `jsonschema-rs`'s. Only on a no does `jsonschema` list the errors.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from factory.diagnostics import Path
from factory.problem import Problem
from factory.spec import schema


class _Validator:
    def __init__(self, model: Any, authoring: bool) -> None:
        self.model = None if authoring else model
        self.schema = schema.of(model, authoring=authoring)
        self.rules = jsonschema_rs.validator_for(self.schema)
        self.is_valid = self.rules.is_valid

    def problems(self, value: Any, prefix: Path = ()) -> list[Problem]:
        if not self.is_valid(value):
            from factory.spec.violations import violations

            return violations(self.schema, value, prefix) or [self._unexplained(value, prefix)]
        if self.model is not None:
            try:
                msgspec.convert(value, self.model)
            except msgspec.ValidationError as error:
                return [_unconverted(error, prefix)]
        return []

    def _unexplained(self, value: Any, prefix: Path) -> Problem:
        """The two gears disagree: the fast one's words are better than none."""
        error = next(iter(self.rules.iter_errors(value)))
        return Problem((*prefix, *error.instance_path), "schema", error.message)


def _unconverted(error: msgspec.ValidationError, prefix: Path) -> Problem:
    """To JSON Schema 1.0 is an integer, to Airflow and to Python it is none."""
    message, _, place = str(error).partition(" - at `$")
    path = [
        int(match[2]) if match[2] else match[1]
        for match in re.finditer(r"\.([^.\[\]`]+)|\[([0-9]+)\]", place.partition("[...]")[0])
    ]
    if message.startswith("Expected `int") and message.endswith("got `float`"):
        return Problem(
            (*prefix, *path),
            "type",
            "this is a number with a decimal point",
            expected="a whole number",
        )
    return Problem((*prefix, *path), "type", message)


@cache
def validator(model: Any, authoring: bool = False) -> _Validator:
    """The rules of a type; `authoring`: of what stands in a file, not of what it resolves to."""
    return _Validator(model, authoring)
