"""Structs as Markdown: a table of the keys, and a section for every Struct inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect as types

from factory.review.yaml_text import flow
from factory.spec import schema

_HEAD = "| key | value | default | meaning |\n|---|---|---|---|"


def table(info: types.StructType, skip: tuple[str, ...] = (), examples: int | None = None) -> str:
    """The keys of one Struct, each with all of its examples or so many."""
    rows = []
    if info.tag_field:
        rows.append(f"| `{info.tag_field}` | `{info.tag}` | **required** | |")
    told: set[str] = set()
    rows += [_row(field, told, examples) for field in info.fields if field.encode_name not in skip]
    return "\n".join([_HEAD, *rows]) if rows else ""


def sections(info: types.StructType, level: int) -> Iterator[str]:
    """A heading, a sentence and a table for each Struct inside a Struct, outer ones first."""
    seen = set()
    pending = [("", info)]
    while pending:
        path, outer = pending.pop(0)
        inner = [(f"{path}{f.encode_name}", s) for f in outer.fields for s in _structs(f.type)]
        for place, struct in inner:
            if (place, struct.cls) in seen:
                continue
            seen.add((place, struct.cls))
            yield _heading(place, struct, level)
            yield schema.summary(struct.cls)
            yield table(struct) if struct.fields else ""
            pending.append((f"{place}.", struct))


def _heading(place: str, struct: types.StructType, level: int) -> str:
    word = f", `{struct.tag_field}: {struct.tag}`" if struct.tag_field else ""
    return f"{'#' * level} `{place}`{word}"


def choices(structs: list[types.StructType], level: int, examples: int) -> Iterator[str]:
    """A section for each Struct that a word tells apart."""
    for struct in structs:
        yield f"{'#' * level} `{struct.tag_field}: {struct.tag}`"
        yield schema.summary(struct.cls)
        yield table(struct, examples=examples)


def _row(field: types.Field, told: set[str], examples: int | None) -> str:
    """A row; `told` are the examples of those above, which are not repeated."""
    about = _about(field.type)
    text = str(about.get("description", ""))
    default = _default(field)
    every = (f"`{flow(example)}`" for example in about.get("examples", ()))
    listed = ", ".join([example for example in every if example != default][:examples])
    if listed and listed not in told:
        told.add(listed)
        text = f"{text}{'' if text.endswith('.') else '.'} For example {listed}"
    cells = (f"`{field.encode_name}`", words(field.type), default, text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: types.Field) -> str:
    if field.required:
        return "**required**"
    default = schema.default_of(field)
    return "" if default is None else f"`{flow(default)}`"


def words(info: types.Type) -> str:
    """What a value may be, in words."""
    if isinstance(info, types.Metadata):
        title = (info.extra_json_schema or {}).get("title")
        return str(title) if title else words(info.type)
    if isinstance(info, types.UnionType):
        return _words_of_union(info)
    if isinstance(info, types.LiteralType):
        return ", ".join(f"`{value}`" for value in info.values)
    if isinstance(info, types.ListType):
        entries = _plural(words(info.item_type))
        return "list" if entries == "anything" else f"list of {entries}"
    if isinstance(info, types.DictType):
        values = words(info.value_type)
        return "mapping" if values == "anything" else f"mapping to {values}"
    if isinstance(info, types.StructType):
        return _words_of_choice([info]) if info.tag_field else "mapping"
    if isinstance(info, types.IntType):
        return f"whole number{_bounds(info)}"
    if isinstance(info, types.FloatType):
        return f"number{_bounds(info)}"
    simple = {types.BoolType: "`true`, `false`", types.StrType: "text", types.AnyType: "anything"}
    return simple.get(type(info), "")


def _words_of_union(info: types.UnionType) -> str:
    bare = (m.type if isinstance(m, types.Metadata) else m for m in info.types)
    if {type(member) for member in bare} >= _SCALARS:
        return "single value"
    structs = [m for m in info.types if isinstance(m, types.StructType) and m.tag_field]
    found = [words(m) for m in info.types if m not in structs]
    if structs:
        found.append(_words_of_choice(structs))
    return " or ".join(word for word in dict.fromkeys(found) if word)


_SCALARS = {types.StrType, types.IntType, types.FloatType, types.BoolType}


def _words_of_choice(structs: list[types.StructType]) -> str:
    tags = ", ".join(f"`{struct.tag}`" for struct in structs)
    return f"mapping with `{structs[0].tag_field}`: {tags}"


def _plural(text: str) -> str:
    for one in ("mapping", "whole number", "text", "single value", "file URI"):
        if re.match(rf"{one}\b", text):
            return f"{one}s{text.removeprefix(one)}"
    return text


def _bounds(info: types.IntType | types.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f", {info.ge} to {info.le}"
    bounds = ((info.ge, "at least"), (info.le, "at most"), (info.gt, "above"), (info.lt, "below"))
    return "".join(f", {word} {bound}" for bound, word in bounds if bound is not None)


def _about(info: types.Type) -> dict[str, Any]:
    """Description and examples; the outermost ones win."""
    if isinstance(info, types.Metadata):
        return {**_about(info.type), **(info.extra_json_schema or {})}
    if isinstance(info, types.UnionType):
        members = [_about(member) for member in info.types]
        return next(({"examples": m["examples"]} for m in members if "examples" in m), {})
    return {}


def _structs(info: types.Type) -> Iterator[types.StructType]:
    """The Structs that a field's value may be, also in a list or among others."""
    if isinstance(info, types.Metadata):
        yield from _structs(info.type)
    elif isinstance(info, types.UnionType):
        for member in info.types:
            yield from _structs(member)
    elif isinstance(info, types.ListType):
        yield from _structs(info.item_type)
    elif isinstance(info, types.DictType):
        yield from _structs(info.value_type)
    elif isinstance(info, types.StructType):
        yield info


__all__ = ["choices", "sections", "table", "words"]
