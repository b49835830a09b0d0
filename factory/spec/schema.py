"""msgspec types → JSON Schema 2020-12.

A tagged union becomes one `if`/`then` for each word, not `anyOf`: a validator's errors then come
from the branch that was meant, and an editor completes only that branch.

Two gears: the exact schema of a resolved value, and the `authoring` schema of what stands in a
file, where a `${…}` may stand for any value and a layer may supply what is required. Lists are
replaced by layers, never merged: what is required stays required inside a list.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect as types

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLACEHOLDER_PATTERN = r"\$\{"
PLACEHOLDER = {"title": "${…}", "type": "string", "pattern": PLACEHOLDER_PATTERN}
VERBATIM = {"verbatim": True}
"""`Meta(extra=VERBATIM)`: no `${…}` may stand for the whole value."""

Schema = dict[str, Any]


@cache
def inspected(model: Any) -> types.Type:
    """What msgspec tells of a type: once, for it takes as long as the rest."""
    return types.type_info(model)


def of(model: Any, *, authoring: bool = False) -> Schema:
    """The schema of a type, with its Structs under `$defs`."""
    build = _Build(authoring)
    schema = build.schema(inspected(model))
    if list(schema) == ["$ref"]:
        name = schema["$ref"].rpartition("/")[2]
        schema = build.defs[name] if name in build.recursive else build.defs.pop(name)
    if build.defs:
        schema = {**schema, "$defs": dict(sorted(build.defs.items()))}
    return schema


class _Build:
    """`whole` below means: no layer adds to this value, so its required keys must be there."""

    def __init__(self, authoring: bool) -> None:
        self.authoring = authoring
        self.defs: dict[str, Schema] = {}
        self.recursive: set[str] = set()
        self._names: dict[tuple[type, bool, bool], str] = {}

    def schema(self, info: types.Type, whole: bool = False, verbatim: bool = False) -> Schema:
        whole = whole or not self.authoring
        if isinstance(info, types.Metadata):
            verbatim = verbatim or bool((info.extra or {}).get("verbatim"))
            inner = self.schema(info.type, whole, verbatim)
            return {**inner, **(info.extra_json_schema or {})}
        if isinstance(info, types.UnionType):
            schema = self._union(info, whole)
        else:
            schema = self._plain(info, whole, verbatim)
        return _with_placeholder(schema) if self.authoring and not verbatim else schema

    def _plain(self, info: types.Type, whole: bool, verbatim: bool = False) -> Schema:
        if isinstance(info, types.StructType):
            return self._struct_ref(info, whole, verbatim)
        if isinstance(info, types.AnyType):
            return {}
        if isinstance(info, types.NoneType):
            return {"type": "null"}
        if isinstance(info, types.BoolType):
            return {"type": "boolean"}
        if isinstance(info, (types.IntType, types.FloatType)):
            kind = "integer" if isinstance(info, types.IntType) else "number"
            return {"type": kind, **_bounds(info)}
        if isinstance(info, types.StrType):
            return {"type": "string", **_lengths(info, "Length"), **_pattern(info)}
        if isinstance(info, types.LiteralType):
            return _literal(list(info.values))
        if isinstance(info, types.ListType):
            return {
                "type": "array",
                "items": self.schema(info.item_type, True, verbatim),
                **_lengths(info, "Items"),
            }
        if isinstance(info, types.DictType):
            values = self.schema(info.value_type, whole, verbatim)
            return {
                "type": "object",
                "additionalProperties": values or True,
                **_lengths(info, "Properties"),
            }
        raise TypeError(f"no JSON Schema for {info!r}")

    def _union(self, info: types.UnionType, whole: bool) -> Schema:
        structs = [m for m in info.types if isinstance(m, types.StructType) and m.tag_field]
        options = [
            self._plain(m.type, whole) | (m.extra_json_schema or {})
            if isinstance(m, types.Metadata)
            else self._plain(m, whole)
            for m in info.types
            if len(structs) < 2 or m not in structs
        ]
        if len(structs) > 1:
            options.append(self._choice(structs, whole))
        if len(options) == 1:
            return options[0]
        kinds = [option.get("type") for option in options]
        if self.authoring and all(map(_is_scalar, options)) and len(set(kinds)) == len(kinds):
            merged: Schema = {}
            for option in options:  # keywords of one type say nothing about another
                merged |= option
            return {**merged, "type": kinds}
        if self.authoring:  # one that takes text is enough for a placeholder
            options = [_with_placeholder(o) if _is_text(o) else o for o in options]
        return {"anyOf": options}

    def _choice(self, structs: list[types.StructType], whole: bool) -> Schema:
        word = str(structs[0].tag_field)
        refs = [self._struct_ref(struct, whole) for struct in structs]
        words: Schema = {"enum": [struct.tag for struct in structs]}
        if self.authoring:
            words["markdownEnumDescriptions"] = [summary(struct.cls) for struct in structs]
            listed = ", ".join(f"`{struct.tag}`" for struct in structs)
            words = {"anyOf": [words, PLACEHOLDER], "description": f"One of {listed}."}
        branches: list[Schema] = [
            {
                "if": {"properties": {word: {"const": struct.tag}}, "required": [word]},
                "then": ref,
            }
            for struct, ref in zip(structs, refs, strict=True)
        ]
        if not whole:  # a layer may give the word
            unsaid = {"type": "object", "properties": {word: False}}
            branches.append({"if": unsaid, "then": {"anyOf": refs}})
        required = {"required": [word]} if whole else {}
        return {"type": "object", **required, "properties": {word: words}, "allOf": branches}

    def _struct_ref(self, info: types.StructType, whole: bool, verbatim: bool = False) -> Schema:
        key = (info.cls, whole, verbatim)
        if key not in self._names:
            name = self._names[key] = self._free_name(info.cls, whole)
            self.defs[name] = {}  # holds the place: a Struct may name itself
            schema = self._struct(info, whole)
            self.defs[name] = (
                _with_placeholder(schema) if self.authoring and not verbatim else schema
            )
        elif not self.defs[self._names[key]]:
            self.recursive.add(self._names[key])
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _free_name(self, cls: type, whole: bool) -> str:
        """The Struct's own; of several, the others with their module's, or with a number."""
        name = cls.__name__ + ("Item" if whole and self.authoring else "")
        by_module = f"{name}_{cls.__module__.rpartition('.')[2]}"
        numbered = (f"{by_module}_{number}" for number in itertools.count(2))
        return next(n for n in itertools.chain([name, by_module], numbered) if n not in self.defs)

    def _struct(self, info: types.StructType, whole: bool) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if info.tag_field:
            properties[info.tag_field] = self._tag(info)
            required.append(info.tag_field)
        for field in info.fields:
            properties[field.encode_name] = self._field(field, whole)
            if field.required:
                required.append(field.encode_name)
        result: Schema = {
            "type": "object",
            "description": summary(info.cls),
            "properties": properties,
            "additionalProperties": not info.forbid_unknown_fields,
        }
        if required and whole:
            result["required"] = required
        return result

    def _tag(self, info: types.StructType) -> Schema:
        if not self.authoring:
            return {"const": info.tag}
        about = {"description": f"`{info.tag}`: {summary(info.cls)}", "default": info.tag}
        return {**_with_placeholder({"const": info.tag}), **about}

    def _field(self, field: types.Field, whole: bool) -> Schema:
        schema = self.schema(field.type, whole)
        default = default_of(field)
        if default is not None:
            schema = {**schema, "default": default}
        if self.authoring:
            schema["markdownDescription"] = _hover(field, schema, whole)
        return schema


def default_of(field: types.Field) -> Any:
    """The default of a field as plain data; None when it is nothing worth showing."""
    if field.default is msgspec.NODEFAULT or field.default is msgspec.UNSET:
        return None
    default = msgspec.to_builtins(field.default)
    return None if _is_hollow(default) else default


def summary(cls: type) -> str:
    """The first paragraph of a docstring as one line."""
    return " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())


def _is_hollow(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_hollow, value.values()))
    return value is None or value in ("", [])


def _hover(field: types.Field, schema: Schema, whole: bool) -> str:
    """What an editor shows for a key."""
    text = str(schema.get("description", ""))
    if field.required:
        text += "\n\n**Required.**" if whole else "\n\n**Required**, here or in a layer."
    elif "default" in schema:
        text += f"\n\nDefault: `{msgspec.json.encode(schema['default']).decode()}`"
    return text


def _with_placeholder(schema: Schema) -> Schema:
    """The schema, or a text that holds `${`."""
    kind = schema.get("type")
    if "enum" in schema or "const" in schema:
        return {"anyOf": [schema, PLACEHOLDER]}
    if "anyOf" in schema:
        if any(_is_text(option) or "$ref" in option for option in schema["anyOf"]):
            return schema
        return {"anyOf": [*schema["anyOf"], PLACEHOLDER]}
    if kind is None or PLACEHOLDER_PATTERN in schema.get("pattern", ""):
        return schema
    kinds = kind if isinstance(kind, list) else [kind]
    if "string" not in kinds:
        return {**schema, "type": [*kinds, "string"], "pattern": PLACEHOLDER_PATTERN}
    own = {key: schema[key] for key in schema if key != "maxLength"}
    if "pattern" in own:
        own["pattern"] = f"{own['pattern']}|{PLACEHOLDER_PATTERN}"
    return own


def _is_text(schema: Schema) -> bool:
    return schema.get("type") == "string" and "enum" not in schema


def _is_scalar(schema: Schema) -> bool:
    simple = ("string", "integer", "number", "boolean", "null")
    return schema.get("type") in simple and "enum" not in schema and "const" not in schema


def _literal(choices: list[Any]) -> Schema:
    if len(choices) == 1:
        return {"const": choices[0]}
    text = {"type": "string"} if all(isinstance(choice, str) for choice in choices) else {}
    return {**text, "enum": choices}


def _bounds(info: types.IntType | types.FloatType) -> Schema:
    names = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
    found = {name: getattr(info, key) for key, name in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _lengths(info: Any, noun: str) -> Schema:
    found = {f"min{noun}": info.min_length, f"max{noun}": info.max_length}
    return {name: value for name, value in found.items() if value is not None}


def _pattern(info: types.StrType) -> Schema:
    return {} if info.pattern is None else {"pattern": info.pattern}
