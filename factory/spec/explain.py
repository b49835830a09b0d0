"""The slow gear: every JSON Schema error of a value, in the words of the person who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft202012Validator

from factory.diagnostics import Path, did_you_mean, one_of
from factory.spec.resolve import Problem
from factory.spec.schema import PLACEHOLDER_PATTERN

ValidationError = Any  # jsonschema's: its fields are typed as unions with an `Unset`

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def explain(schema: dict[str, Any], value: Any, prefix: Path = ()) -> Iterator[Problem]:
    """Every problem of `value`; their paths begin with `prefix`."""
    root = Draft202012Validator(schema)
    for error in root.iter_errors(value):
        yield from _problems(error, prefix, schema)


def _problems(error: ValidationError, prefix: Path, root: dict[str, Any]) -> Iterator[Problem]:
    path = (*prefix, *error.absolute_path)
    if error.validator in ("anyOf", "oneOf"):
        yield from _branch(error, prefix, path, root)
        return
    translate = _TRANSLATORS.get(str(error.validator))
    if translate is None:
        yield Problem(path, str(error.validator), error.message)
    else:
        yield from translate(error, path)


def _branch(
    error: ValidationError, prefix: Path, path: Path, root: dict[str, Any]
) -> Iterator[Problem]:
    """Follow the branch that fits the value's type; else say what all the branches take."""
    options = error.validator_value
    wrong_type = {
        context.schema_path[0]
        for context in error.context or ()
        if context.validator == "type" and not context.path
    }
    fitting = [index for index in range(len(options)) if index not in wrong_type]
    inner = [
        context
        for context in error.context or ()
        if fitting and context.schema_path[0] == fitting[0]
    ]
    if inner:
        for context in inner:
            # absolute_path of a context counts from its parent
            yield from _problems(context, prefix, root)
        return
    expected = " or ".join(dict.fromkeys(_words(option, root) for option in options))
    yield Problem(path, "type", f"{_shown(error.instance)} is {_kind(error.instance)}", expected)


def _words(option: dict[str, Any], root: dict[str, Any]) -> str:
    if "$ref" in option:
        option = root.get("$defs", {}).get(option["$ref"].rpartition("/")[2], {})
    kind = option.get("type")
    if "enum" in option:
        return one_of([str(choice) for choice in option["enum"]])
    if isinstance(kind, list):
        return in_words(kind, option)
    return str(option.get("title") or _WORDS.get(str(kind), str(kind)))


def in_words(kinds: list[str], schema: dict[str, Any]) -> str:
    """`["integer", "string"]` as words; the text may be a placeholder only."""
    if schema.get("pattern") == PLACEHOLDER_PATTERN:
        kinds = [kind for kind in kinds if kind != "string"]
        return " or ".join([*(_WORDS[kind] for kind in kinds), "${…}"])
    return " or ".join(_WORDS[kind] for kind in kinds)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if value is None:
        return "empty"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "this"
    if isinstance(value, list):
        return "this"
    if value is None:
        return "the value"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _type(error: ValidationError, path: Path) -> Iterator[Problem]:
    wanted = error.validator_value
    kinds = wanted if isinstance(wanted, list) else [wanted]
    expected = error.schema.get("title") or in_words(kinds, error.schema)
    if error.schema.get("title"):
        expected = f"{expected} (text)" if kinds == ["string"] else expected
    example = _example(error.schema)
    yield Problem(
        path, "type", f"{_shown(error.instance)} is {_kind(error.instance)}", expected + example
    )


def _example(schema: dict[str, Any]) -> str:
    examples = schema.get("examples")
    return f", such as {examples[0]}" if examples and isinstance(examples[0], (str, int)) else ""


def _unknown_keys(error: ValidationError, path: Path) -> Iterator[Problem]:
    known = list(error.schema.get("properties", {}))
    given = set(error.instance)
    for key in error.instance:
        if key in known:
            continue
        unused = [name for name in known if name not in given]
        yield Problem(
            (*path, key),
            "unknown-key",
            f"the key {key!r} is not known here",
            expected=one_of(sorted(unused), limit=16) if unused else "no further key",
            hint=did_you_mean(key, known),
            at_key=True,
        )


def _missing(error: ValidationError, path: Path) -> Iterator[Problem]:
    # jsonschema gives one error a missing key; its name stands only in the message
    for key in error.validator_value:
        if key not in error.instance and error.message.startswith(f"{key!r} "):
            about = error.schema.get("properties", {}).get(key, {})
            hint = ""
            spelled = did_you_mean(key, [k for k in error.instance if isinstance(k, str)])
            if not spelled and isinstance(about, dict):
                hint = str(about.get("description", ""))
            choices = about.get("enum") if isinstance(about, dict) else None
            expected = f"`{key}:` {one_of([str(c) for c in choices])}" if choices else f"`{key}:`"
            yield Problem(
                path, "missing-key", f"the key {key!r} is missing", expected, hint, at_key=True
            )


def _enum(error: ValidationError, path: Path) -> Iterator[Problem]:
    choices = [str(choice) for choice in error.validator_value]
    hint = did_you_mean(error.instance, choices) if isinstance(error.instance, str) else ""
    yield Problem(
        path,
        "not-a-choice",
        f"{_shown(error.instance)} is not a choice here",
        one_of(choices, limit=20),
        hint,
    )


def _const(error: ValidationError, path: Path) -> Iterator[Problem]:
    yield Problem(
        path,
        "not-a-choice",
        f"{_shown(error.instance)} is not a choice here",
        f"{error.validator_value!r}",
    )


def _pattern(error: ValidationError, path: Path) -> Iterator[Problem]:
    kinds = error.schema.get("type")
    if isinstance(kinds, list) and error.validator_value == PLACEHOLDER_PATTERN:
        problem = f"{_shown(error.instance)} is text"
        yield Problem(path, "type", problem, in_words(kinds, error.schema))
        return
    expected = error.schema.get("title", f"text that matches {error.validator_value}")
    yield Problem(
        path,
        "format",
        f"{_shown(error.instance)} is not written as it must be",
        f"{expected}{_example(error.schema)}",
    )


def _limit(words: str) -> Callable[[ValidationError, Path], Iterator[Problem]]:
    def translate(error: ValidationError, path: Path) -> Iterator[Problem]:
        if not error.instance and error.instance != 0:
            message = "this is empty"
        else:
            message = f"{_shown(error.instance)} is out of bounds"
        yield Problem(path, "out-of-bounds", message, words.format(error.validator_value))

    return translate


_TRANSLATORS: dict[str, Callable[[ValidationError, Path], Iterator[Problem]]] = {
    "type": _type,
    "additionalProperties": _unknown_keys,
    "required": _missing,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _limit("at least {}"),
    "maximum": _limit("at most {}"),
    "exclusiveMinimum": _limit("more than {}"),
    "exclusiveMaximum": _limit("less than {}"),
    "minLength": _limit("at least {} character(s)"),
    "maxLength": _limit("at most {} character(s)"),
    "minItems": _limit("at least {} entry(ies)"),
    "maxItems": _limit("at most {} entry(ies)"),
    "minProperties": _limit("at least {} key(s)"),
}
