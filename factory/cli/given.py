"""`--param NAME=VALUE`: what a person gives a run, held against the pipeline's `params`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from factory.diagnostics import did_you_mean, one_of, quoted
from factory.errors import UsageError
from factory.spec.params import is_schema


def add_argument(parser: ArgumentParser) -> None:
    """Add `--param`."""
    parser.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a value for one of the pipeline's params, as JSON or as a text; several times for "
        "several (default: what the pipeline says)",
    )


def values(texts: Iterable[str], declared: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, by name.

    :raises UsageError: a name that is not declared, or a value that its schema refuses.
    """
    return dict(_value(text, declared) for text in texts)


def _value(text: str, declared: Mapping[str, Any]) -> tuple[str, Any]:
    name, equals, written = text.partition("=")
    if not equals:
        raise UsageError(f"{quoted(text)} gives no value", "write `--param NAME=VALUE`")
    if name not in declared:
        known = [*declared]
        what = f"the pipeline has no param {quoted(name)}"
        hint = did_you_mean(name, known) or (f"there is {one_of(known)}" if known else "")
        raise UsageError(what, hint or "it declares none under `params:`")
    schema = _schema(declared[name])
    value = _read(written, schema)
    if error := _error(value, schema):
        raise UsageError(f"the param {quoted(name)} cannot be that: {error}")
    return name, value


def _schema(param: Any) -> Mapping[str, Any]:
    if not is_schema(param):
        return {}
    return {key: entry for key, entry in param.items() if key != "default"}


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    """JSON, where it is some; what is to be a text is one as it stands."""
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _error(value: Any, schema: Mapping[str, Any]) -> str:
    if not schema:
        return ""
    import jsonschema

    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    found = next(validator.iter_errors(value), None)
    return found.message if found else ""
