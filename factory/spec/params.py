"""Rules about `params`: a declared parameter is a JSON Schema that its default must meet.

Airflow checks the default at each parse, and what a person gives at each start, with `jsonschema`
and Python's `re`: it would fetch what a `$ref` names, follow one that leads to itself, and match
any pattern. So a schema is refused here unless checking it stays on this machine and ends soon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeGuard
from urllib.parse import unquote

import msgspec

from factory.diagnostics import Path, did_you_mean, nearest, one_of, quoted
from factory.problem import Problem
from factory.spec.notes import size_of
from factory.spec.patterns import MAX_LENGTH, Refused, degree
from factory.spec.schedule import is_scheduled
from factory.spec.schema import DIALECT

MAX_SIZE = 5_000
"""Values that the schemas of one file's parameters may hold, with what their `$ref`s bring in."""
MAX_DEPTH = 64
MAX_PATTERNS = 20_000
"""Characters of all patterns in one file."""
MAX_WORK = 100_000
"""Values of the schemas times values of the defaults that they are held against."""
_MAX_MATCHING = 10_000_000  # steps of `re`: below a second

_MARKS = {"default", "type", "enum"}
_OF_MAPPING = frozenset(
    ("$schema", "additionalProperties", "description", "properties", "required", "title", "type")
)
_AIRFLOWS = ("schema", "source")
"""Arguments of Airflow's `Param` that would stand in for the schema itself."""
_LEAVING = ("$dynamicRef", "$recursiveRef", "$id")
_LOCAL = "`$ref: '#/…'`, the path of a part of the same parameter"
_UNEVALUATED = ("unevaluatedItems", "unevaluatedProperties")


def is_schema(param: Any) -> TypeGuard[Mapping[str, Any]]:
    """Is it a JSON Schema? Any other value is a default itself."""
    return isinstance(param, Mapping) and not _MARKS.isdisjoint(param)


_ALONE = re.compile(r"\s*\{\{-?\s*params(?:\.(\w+)|\[(['\"])(.+?)\2\])\s*-?\}\}\s*")


def alone(text: str) -> str:
    """The parameter that a template is nothing but; empty: it is another one."""
    match = _ALONE.fullmatch(text)
    return (match[1] or match[3]) if match else ""


def defaults(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a run has for each parameter where nobody gives it one; None: that is not told."""
    given = value.get("params")
    return {
        name: about.get("default") if is_schema(about) else about
        for name, about in (given.items() if isinstance(given, dict) else ())
    }


def problems(value: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with a resolved spec's parameters."""
    given = value.get("params")
    if inner := of_mapping(given):
        yield Problem(
            ("params", "properties"),
            "param",
            "this is the schema of a mapping, and here stands one of each parameter",
            expected=f"`params: {{{next(iter(inner))}: {{…}}}}`",
            hint="leave `type:` and `properties:` out",
            at_key=True,
        )
        return
    limits = _Limits(MAX_SIZE, MAX_PATTERNS, MAX_WORK, _MAX_MATCHING)
    for name, param in given.items() if isinstance(given, dict) else ():
        if isinstance(param, dict) and not is_schema(param):
            yield from _undeclared(name, param)
        elif isinstance(param, dict):
            yield from _unknown_words(param, ("params", name))
            scheduled = is_scheduled(value.get("schedule"))
            yield from _declared(name, param, limits, scheduled=scheduled)


def of_mapping(given: Any) -> Mapping[str, Any]:
    """The parameters, where all of them stand in one schema, as an API would describe them."""
    if not isinstance(given, dict) or not given.keys() <= _OF_MAPPING:
        return {}
    if given.get("type") != "object":  # else it may be a parameter of that name
        return {}
    inner = given.get("properties")
    return inner if isinstance(inner, dict) and all(map(is_schema, inner.values())) else {}


def _undeclared(name: str, param: dict[str, Any]) -> Iterator[Problem]:
    """A mapping is a default itself, unless it only looks so for a slip in one word."""
    for key in param:
        near = nearest(key, _MARKS)
        if near and all(other == key or other in _WORDS for other in param):
            yield Problem(
                ("params", name, key),
                "unknown-key",
                f"the key {quoted(key)} is not known here",
                hint=f"did you mean {near!r}? A mapping that is a default stands under `default:`",
                at_key=True,
            )


def _unknown_words(schema: Any, place: Path) -> Iterator[Problem]:
    """What is no word of JSON Schema, in it and in the schemas of its parts."""
    if not isinstance(schema, dict):
        return
    for key, entry in schema.items():
        if key not in _WORDS and not key.startswith("x-"):
            yield Problem(
                (*place, key),
                "unknown-key",
                f"the key {quoted(key)} is no word of JSON Schema, nor one of Airflow's",
                expected="a word of JSON Schema, or one of your own that begins with `x-`",
                hint=did_you_mean(key, sorted(_WORDS)),
                at_key=True,
            )
        elif key in _OF_SCHEMAS and isinstance(entry, dict):
            for name, below in entry.items():
                yield from _unknown_words(below, (*place, key, name))
        elif key in _SCHEMAS:
            for index, below in enumerate(entry) if isinstance(entry, list) else ():
                yield from _unknown_words(below, (*place, key, index))
            yield from _unknown_words(entry, (*place, key))


_OF_SCHEMAS = ("$defs", "definitions", "properties", "patternProperties", "dependentSchemas")
_SCHEMAS = (
    *("additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items", "not", "oneOf"),
    *("prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
_WORDS = frozenset(
    (
        *_OF_SCHEMAS,
        *_SCHEMAS,
        *("$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveRef", "$ref"),
        *("$schema", "const", "contentEncoding", "contentMediaType", "contentSchema", "default"),
        *("dependencies", "dependentRequired", "deprecated", "description", "enum", "examples"),
        *("exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems"),
        *("maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength"),
        *("minProperties", "minimum", "multipleOf", "pattern", "readOnly", "required", "title"),
        *("type", "uniqueItems", "writeOnly"),
        # Airflow's own, for its form, and those that are refused with a reason
        *("custom_html_form", "description_html", "description_md", "section", "values_display"),
        *_AIRFLOWS,
    )
)


class _Limits:
    """What is left for the parameters of one file."""

    def __init__(self, size: int, patterns: int, work: int, matching: int) -> None:
        self.size = size
        self.patterns = patterns
        self.work = work
        self.matching = matching


def _declared(
    name: str, param: dict[str, Any], limits: _Limits, *, scheduled: bool
) -> Iterator[Problem]:
    place: Path = ("params", name)
    schema = {key: entry for key, entry in param.items() if key != "default"}
    try:
        looks = _Look(schema, limits)
        looks.require_safe()
        if problem := _invalid(schema, place):
            yield problem
            return
        if "default" in param:
            looks.require_quick(param["default"])
            yield from _unmet(name, param["default"], schema)
    except _Unfit as error:
        problem = error.problem
        yield msgspec.structs.replace(problem, path=(*place, *problem.path))
        return
    if "default" not in param and scheduled:
        yield Problem(
            place,
            "param",
            f"the parameter {name!r} has no default",
            expected="`default:`, since nobody is asked when a run is scheduled",
            at_key=True,
        )


def _invalid(schema: dict[str, Any], place: Path) -> Problem | None:
    """Why it is no JSON Schema: yes or no in microseconds, the reason only on a no."""
    import jsonschema_rs

    if jsonschema_rs.meta.is_valid(schema):
        return None
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError

    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        path = (*place, *error.absolute_path)
        return Problem(path, "param", _words(error), *_of_types(error))
    return None


def unmet(schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
    """The first errors of `jsonschema`, with formats, as Airflow asks them; nothing is fetched.

    A format may fail in any way.
    """
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry

    rules = Draft202012Validator(schema, registry=Registry(), format_checker=FormatChecker())
    return islice(rules.iter_errors(value), MAX_DEPTH)


def _unmet(name: str, default: Any, schema: dict[str, Any]) -> Iterator[Problem]:
    place: Path = ("params", name, "default")
    expected = f"what `{name}` declares"
    try:
        for wrong in unmet(schema, default):
            yield Problem((*place, *wrong.absolute_path), "param", _words(wrong), expected=expected)
    except Exception as error:  # a format may fail in any way, and Airflow's check with it
        message = f"the default cannot be checked: {type(error).__name__}"
        yield Problem(place, "param", message, expected=expected)


_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_PYTHONS = {
    "bool": "boolean",
    "float": "number",
    "int": "integer",
    "str": "string",
    "dict": "object",
    "list": "array",
    "map": "object",
    "tuple": "array",
}


def _of_types(error: Any) -> tuple[str, str]:
    """What is expected in place of what is wrong in a schema, and the nearest type."""
    word = error.instance
    if error.validator != "anyOf" or not isinstance(word, str):
        return "JSON Schema, such as type: string", ""
    if word in ("date", "date-time", "time"):
        return one_of(_TYPES), f"write `type: string, format: {word}`"
    return one_of(_TYPES), did_you_mean(_PYTHONS.get(word, word), _TYPES)


def _words(error: Any) -> str:
    if error.validator == "anyOf":  # of the schema of schemas: one of its own type names
        return f"{_shown(error.instance)} is not a type of JSON Schema"
    message = str(error.message)
    return message if len(message) <= 200 else f"{message[:80]} … {message[-80:]}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


class _Unfit(Exception):
    """A schema that Airflow must not be given; the problem's path is below the parameter."""

    def __init__(
        self, path: Path, message: str, expected: str, hint: str = "", *, at_key: bool = False
    ) -> None:
        super().__init__(message)
        self.problem = Problem(path, "param", message, expected, hint, at_key=at_key)


_Measure = tuple[int, int]
_OPEN: _Measure = (0, 0)


class _Look:
    """A look at one schema before anything runs it."""

    def __init__(self, schema: dict[str, Any], limits: _Limits) -> None:
        self.schema = schema
        self.limits = limits
        self.anchors: dict[str, Any] = {}
        self.references: dict[int, tuple[Path, str]] = {}
        self.degrees: list[int] = []
        self.once = False  # `uniqueItems` compares all pairs
        self.doubled = 0
        self.size = 0

    def require_safe(self) -> None:
        """Nothing leaves the file, leads to itself, or takes time without end.

        :raises _Unfit: it does.
        """
        for word in _AIRFLOWS:
            if word in self.schema:
                raise _Unfit(
                    (word,),
                    f"{word!r} is an argument of Airflow's own, and would hide what stands here",
                    "the keys of a JSON Schema beside `default`",
                    at_key=True,
                )
        self._walk(self.schema, ())
        self.size, _ = self._size(self.schema, (), {})
        if self.size > self.limits.size:
            raise _Unfit(
                (),
                "the parameters become too large here",
                f"at most {MAX_SIZE:,} values in all, with what each `$ref` brings in",
            )
        self.limits.size -= self.size

    def require_quick(self, default: Any) -> None:
        """To hold the default against the schema ends soon.

        :raises _Unfit: it may not.
        """
        values = size_of(default)
        work = self.size * values * 3**self.doubled
        if self.once:
            work += values * values // 20
        texts = list(_texts(default))
        self.limits.work -= work
        self.limits.matching -= sum(len(text) ** power for power in self.degrees for text in texts)
        if min(self.limits.work, self.limits.matching) < 0:
            raise _Unfit(
                ("default",),
                "this default takes too long to be checked, at each parse",
                "a shorter default, or fewer rules and patterns for it",
            )

    def _walk(self, value: Any, path: Path) -> None:
        if isinstance(value, list):
            for index, entry in enumerate(value):
                self._walk(entry, (*path, index))
        if not isinstance(value, dict):
            return
        self._words(value, path)
        for key, entry in value.items():
            self._walk(entry, (*path, key))

    def _words(self, value: dict[str, Any], path: Path) -> None:
        for word in _LEAVING:
            if isinstance(value.get(word), str):
                raise _Unfit((*path, word), f"{word} is not taken here", _LOCAL, at_key=True)
        if isinstance(value.get("$schema"), str) and value["$schema"].rstrip("#") != DIALECT:
            raise _Unfit((*path, "$schema"), "this is another dialect of JSON Schema", DIALECT)
        for word in ("$anchor", "$dynamicAnchor"):
            if isinstance(value.get(word), str):
                self.anchors[value[word]] = value
        if isinstance(reference := value.get("$ref"), str):
            if not reference.startswith("#"):
                raise _Unfit(
                    (*path, "$ref"),
                    f"{quoted(reference)} leads out of this file, and nothing is fetched",
                    _LOCAL,
                    "write the schema here",
                )
            self.references[id(value)] = (path, reference)
        if isinstance(value.get("pattern"), str):
            self._pattern(value["pattern"], (*path, "pattern"))
        named = value.get("patternProperties")
        for pattern in named if isinstance(named, dict) else ():
            self._pattern(pattern, (*path, "patternProperties", pattern), at_key=True)
        if isinstance(value.get("format"), str):
            self.degrees.append(2)  # each is a small parser, or a pattern
        self.once = self.once or bool(value.get("uniqueItems"))
        self.doubled += sum(word in value for word in _UNEVALUATED)

    def _pattern(self, pattern: str, path: Path, *, at_key: bool = False) -> None:
        self.limits.patterns -= len(pattern)
        if self.limits.patterns < 0:
            message = "the patterns of all parameters are too long"
            raise _Unfit(path, message, f"at most {MAX_PATTERNS:,} characters in all")
        try:
            self.degrees.append(max(1, degree(pattern)))
        except Refused as error:
            raise _Unfit(
                path,
                f"the pattern {quoted(pattern)} is not taken: {error}",
                f"a regular expression of at most {MAX_LENGTH} characters that ends soon for "
                "any text",
                "Airflow would match it at each parse, without a limit of time",
                at_key=at_key,
            ) from None

    def _size(self, value: Any, path: Path, known: dict[int, _Measure]) -> _Measure:
        """How many values are looked at, and how deep, each `$ref` counted as what it leads to."""
        if not isinstance(value, (dict, list)):
            return 1, 1
        if id(value) in known:
            if known[id(value)] is _OPEN:
                raise _Unfit(path, "this leads back to itself", "a schema that ends")
            return known[id(value)]
        known[id(value)] = _OPEN
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        below = [self._size(entry, (*path, key), known) for key, entry in entries]
        if id(value) in self.references:
            at, reference = self.references[id(value)]
            place = (*at, "$ref")
            below.append(self._size(self._target(reference, place), place, known))
        size = 1 + sum(size for size, _ in below)
        depth = 1 + max((depth for _, depth in below), default=0)
        if depth > MAX_DEPTH:
            expected = f"at most {MAX_DEPTH} levels, with what each `$ref` brings in"
            raise _Unfit(path, "this is nested too deeply", expected)
        known[id(value)] = min(size, MAX_SIZE + 1), depth
        return known[id(value)]

    def _target(self, reference: str, place: Path) -> Any:
        found: Any = self.schema
        pointer = unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            found = self.anchors.get(pointer)
        for part in pointer.split("/")[1:] if pointer.startswith("/") else ():
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                is_there = name.isdecimal() and len(name) < 7 and int(name) < len(found)
                found = found[int(name)] if is_there else None
            else:
                found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, (dict, bool)):
            raise _Unfit(place, f"no schema stands at {quoted(reference)}", _LOCAL)
        return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
