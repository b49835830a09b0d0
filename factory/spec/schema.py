"""msgspec types → JSON Schema 2020-12.

A tagged union becomes one `if`/`then` for each word, not `anyOf`: a validator's errors then come
from the branch that was meant, and an editor completes only that branch.

Two gears: the exact schema of a resolved value, and the `authoring` schema of what stands in a
file, where a `${…}` may stand for any value and a layer may supply what is required.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect as types

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLACEHOLDER = {"type": "string", "pattern": r"\$\{", "description": "A value of `vars`."}

Schema = dict[str, Any]


def of(model: Any, *, authoring: bool = False) -> Schema:
    """The schema of a type, with its Structs under `$defs`."""
    build = _Build(authoring)
    schema = build.schema(types.type_info(model))
    if list(schema) == ["$ref"]:
        schema = build.defs.pop(schema["$ref"].rpartition("/")[2])
    if build.defs:
        schema["$defs"] = dict(sorted(build.defs.items()))
    return schema


class _Build:
    def __init__(self, authoring: bool) -> None:
        self.authoring = authoring
        self.defs: dict[str, Schema] = {}

    def schema(self, info: types.Type) -> Schema:
        if isinstance(info, types.Metadata):
            inner = self.schema(info.type)
            return {**inner, **(info.extra_json_schema or {})}
        if isinstance(info, types.UnionType):
            return self._union(info)
        schema = self._plain(info)
        if self.authoring and schema.get("type") not in ("string", None) and "enum" not in schema:
            return {"anyOf": [schema, PLACEHOLDER]}
        return schema

    def _plain(self, info: types.Type) -> Schema:
        if isinstance(info, types.StructType):
            return self._struct_ref(info)
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
            choices: list[Any] = list(info.values)
            return {"const": choices[0]} if len(choices) == 1 else {"enum": choices}
        if isinstance(info, types.ListType):
            return {
                "type": "array",
                "items": self.schema(info.item_type),
                **_lengths(info, "Items"),
            }
        if isinstance(info, types.DictType):
            values = self.schema(info.value_type)
            return {
                "type": "object",
                "additionalProperties": values or True,
                **_lengths(info, "Properties"),
            }
        raise TypeError(f"no JSON Schema for {info!r}")

    def _union(self, info: types.UnionType) -> Schema:
        members = list(info.types)
        structs = [m for m in members if isinstance(m, types.StructType)]
        if structs and len(structs) == len(members) and structs[0].tag_field:
            return self._choice(structs)
        options = [self.schema(member) for member in members]
        return options[0] if len(options) == 1 else {"anyOf": options}

    def _choice(self, structs: list[types.StructType]) -> Schema:
        word = str(structs[0].tag_field)
        return {
            "type": "object",
            "required": [word],
            "properties": {word: {"enum": [struct.tag for struct in structs]}},
            "allOf": [
                {
                    "if": {"properties": {word: {"const": struct.tag}}, "required": [word]},
                    "then": self._struct_ref(struct),
                }
                for struct in structs
            ],
        }

    def _struct_ref(self, info: types.StructType) -> Schema:
        name = info.cls.__name__
        if name not in self.defs:
            self.defs[name] = {}  # holds the place: a Struct may name itself
            self.defs[name] = self._struct(info)
        return {"$ref": f"#/$defs/{name}"}

    def _struct(self, info: types.StructType) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if info.tag_field:
            properties[info.tag_field] = {"const": info.tag}
            required.append(info.tag_field)
        for field in info.fields:
            schema = self.schema(field.type)
            default = _default(field)
            if default is not None and "$ref" not in schema:
                schema = {**schema, "default": default}
            properties[field.encode_name] = schema
            if field.required and not self.authoring:
                required.append(field.encode_name)
        result: Schema = {
            "type": "object",
            "description": _summary(info.cls),
            "properties": properties,
            "additionalProperties": not info.forbid_unknown_fields,
        }
        if required:
            result["required"] = required
        return result


def _default(field: types.Field) -> Any:
    if field.default is msgspec.NODEFAULT or field.default is msgspec.UNSET:
        return None
    default = msgspec.to_builtins(field.default)
    return None if default == {} else default


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def _bounds(info: types.IntType | types.FloatType) -> Schema:
    names = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
    found = {name: getattr(info, key) for key, name in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _lengths(info: Any, noun: str) -> Schema:
    found = {f"min{noun}": info.min_length, f"max{noun}": info.max_length}
    return {name: value for name, value in found.items() if value is not None}


def _pattern(info: types.StrType) -> Schema:
    return {} if info.pattern is None else {"pattern": info.pattern}
