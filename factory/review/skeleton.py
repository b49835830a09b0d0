"""The required keys of a Struct as a value: filled with examples, or with places to fill in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import inspect as types


class Filler(Protocol):
    """What stands for a value that a person chooses."""

    def place(self, example: Any) -> Any:
        """A value with an example."""

    def blank(self, info: types.Type) -> Any:
        """A value without one."""

    def choice(self, words: Sequence[str]) -> str:
        """One of some words."""

    def shape(self, structs: Sequence[types.StructType]) -> dict[str, Any]:
        """One of some Structs that a word tells apart."""


class Examples:
    """The first example, the first word, the first shape."""

    def place(self, example: Any) -> Any:
        """The example itself."""
        return example

    def blank(self, info: types.Type) -> Any:
        """What stands for anything."""
        return "…"

    def choice(self, words: Sequence[str]) -> str:
        """The first word."""
        return words[0]

    def shape(self, structs: Sequence[types.StructType]) -> dict[str, Any]:
        """The first Struct."""
        return required(structs[0], self)


class Draft(Examples):
    """Values that pass for what they are, to be replaced."""

    def blank(self, info: types.Type) -> Any:
        """A value of the type."""
        if isinstance(info, types.DictType):
            return {}
        if isinstance(info, (types.IntType, types.FloatType)):
            return info.ge or 1
        return isinstance(info, types.StrType) and "TODO"


class Snippet:
    """Numbered places of an editor's snippet; 1 is left to the caller."""

    def __init__(self) -> None:
        self._last = 1

    def place(self, example: Any) -> Any:
        """`${2:example}`, for a list in its first entry."""
        if isinstance(example, list) and example:
            return [self.place(example[0])]
        self._last += 1
        # `$`, `}` and `|` mean something else in a snippet
        plain = isinstance(example, (str, int, float)) and not set(str(example)) & set("$}|\\")
        return f"${{{self._last}:{example}}}" if plain else f"${self._last}"

    def blank(self, info: types.Type) -> str:
        """`$2`."""
        self._last += 1
        return f"${self._last}"

    def choice(self, words: Sequence[str]) -> str:
        """`${2|one,other|}`."""
        self._last += 1
        return f"${{{self._last}|{','.join(words)}|}}"

    def shape(self, structs: Sequence[types.StructType]) -> dict[str, Any]:
        """Only the word: the editor goes on from there."""
        return {str(structs[0].tag_field): self.choice([str(struct.tag) for struct in structs])}


def required(
    info: types.StructType, filler: Filler, given: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The required keys of a Struct with their values; of a shape that has none, its first.

    :param given: what need not be said again.
    """
    found: dict[str, Any] = {}
    if info.tag_field and info.tag_field not in given:
        found[info.tag_field] = info.tag
    needed = [field for field in info.fields if field.required]
    for field in needed:
        name = field.encode_name
        if name not in given:
            found[name] = _value(field.type, filler, None)
        elif isinstance(given[name], dict) and (below := _meant(field.type, given[name])):
            found |= {name: inner} if (inner := required(below, filler, given[name])) else {}
    for field in info.fields[:1] if info.tag_field and not needed else ():
        found[field.encode_name] = _value(field.type, filler, None)
    return found


def _meant(info: types.Type, given: Mapping[str, Any]) -> types.StructType | None:
    """The Struct that a mapping is meant for."""
    if isinstance(info, types.Metadata):
        return _meant(info.type, given)
    if isinstance(info, types.StructType):
        return info
    for member in info.types if isinstance(info, types.UnionType) else ():
        if isinstance(member, types.StructType) and given.get(str(member.tag_field)) == member.tag:
            return member
    return None


def _value(info: types.Type, filler: Filler, example: Any) -> Any:
    if isinstance(info, types.Metadata):
        examples = (info.extra_json_schema or {}).get("examples", ())
        return _value(info.type, filler, next(iter(examples), example))
    if isinstance(info, types.StructType):
        return required(info, filler)
    if isinstance(info, types.LiteralType):
        return filler.choice([str(value) for value in info.values])
    if isinstance(info, types.UnionType):
        structs = [
            member
            for member in info.types
            if isinstance(member, types.StructType) and member.tag_field
        ]
        if len(structs) == len(info.types):
            return filler.shape(structs)
        return filler.place(example) if example is not None else _value(info.types[0], filler, None)
    if example is not None:
        return filler.place(example)
    if isinstance(info, types.ListType):
        return [_value(info.item_type, filler, None)]
    return filler.blank(info)
