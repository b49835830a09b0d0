"""Rules about `params`: a declared parameter is a JSON Schema that its default must meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec.problem import Problem

_MARKS = {"default", "type", "enum"}


def problems(value: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with a resolved spec's parameters."""
    given = value.get("params")
    for name, param in given.items() if isinstance(given, dict) else ():
        if isinstance(param, dict) and _MARKS & set(param):
            yield from _declared(name, param, scheduled=value.get("schedule") is not None)


def _declared(name: str, param: dict[str, Any], *, scheduled: bool) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError

    schema = {key: entry for key, entry in param.items() if key != "default"}
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ("params", name, *error.absolute_path)
        yield Problem(place, "param", _words(error), expected="JSON Schema, such as type: string")
        return
    if "default" in param:
        rules = Draft202012Validator(schema, format_checker=FormatChecker())
        for wrong in rules.iter_errors(param["default"]):
            place = ("params", name, "default", *wrong.absolute_path)
            yield Problem(place, "param", _words(wrong), expected=f"what `{name}` declares")
    elif scheduled:
        yield Problem(
            ("params", name),
            "param",
            f"the parameter {name!r} has no default",
            expected="`default:`, since nobody is asked when a run is scheduled",
            at_key=True,
        )


def _words(error: Any) -> str:
    if error.validator == "anyOf":  # of the schema of schemas: one of its own type names
        return f"{error.instance!r} is not a type of JSON Schema"
    return str(error.message)
