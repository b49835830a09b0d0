"""What a step names that stands elsewhere: connections, Variables, other pipelines.

A field says so by its type (`ConnId`, `VariableKey`, `DagId` in `factory/fields.py`), wherever it
is in the arguments: in Structs in them, lists, mappings and unions. What Airflow fills in
(`{{ … }}`) is known at run time only and left out; but a template may itself name a Variable or a
connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from typing import Any, Literal, NamedTuple, cast

import msgspec
from msgspec import inspect as types

from factory.diagnostics import Path
from factory.literals import is_template
from factory.spec.schema import inspected

What = Literal["connection", "pipeline", "variable"]


class Name(NamedTuple):
    """A name, its place in the arguments, and for a connection the types that the field takes."""

    what: What
    name: str
    place: Path
    conn_types: tuple[str, ...] = ()


_Finder = Callable[[Any, Path], Iterable[Name]]
_FILLED_IN = re.compile(
    r"\b(?P<what>var\.(?:value|json)|conn)"
    r"""(?:\.(?!get\b)(?P<bare>\w+)|(?:\.get\(|\[)\s*(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote))"""
)


def in_fields(arguments: Any) -> Sequence[Name]:
    """The names in a kind's arguments, in the order of its fields; a plain mapping has no types."""
    struct: Any = type(arguments)
    return _of(struct)(arguments, ()) if isinstance(arguments, msgspec.Struct) else ()


def in_templates(value: Any) -> list[Name]:
    """The Variables and connections that templates in plain data name; places are not told."""
    found: list[Name] = []
    _look(value, found)
    return found


def _look(value: Any, found: list[Name]) -> None:
    kind = value.__class__
    if kind is str:
        if "{{" in value or "{%" in value:
            _match(value, found)
    elif kind is dict:
        for entry in value.values():
            _look(entry, found)
    elif kind is list:
        for entry in value:
            _look(entry, found)


def _match(template: str, found: list[Name]) -> None:
    if "var." not in template and "conn" not in template:  # so no pattern is tried
        return
    for match in _FILLED_IN.finditer(template):
        what: What = "connection" if match["what"] == "conn" else "variable"
        found.append(Name(what, match["bare"] or match["quoted"], ()))


@cache
def connection_fields(arguments: type) -> frozenset[str]:
    """The names of all fields below a Struct that take a connection's id."""
    found: set[str] = set()
    _collect(_of(arguments).info, "", found, set())
    return frozenset(found)


def _collect(info: Any, name: str, found: set[str], seen: set[type]) -> None:
    if isinstance(info, types.Metadata):
        if (info.extra or {}).get("names") == "connection":
            found.add(name)
        _collect(info.type, name, found, seen)
    elif isinstance(info, types.StructType) and info.cls not in seen:
        seen.add(info.cls)
        for field in info.fields:
            _collect(field.type, field.name, found, seen)
    for inner in _within(info):
        _collect(inner, name, found, seen)


def _within(info: Any) -> Iterable[types.Type]:
    """The types of what a union, a list or a mapping holds."""
    if isinstance(info, types.UnionType):
        return info.types
    if isinstance(info, types.ListType):
        return (info.item_type,)
    return (info.value_type,) if isinstance(info, types.DictType) else ()


class _InStruct:
    """Looks into a Struct. Its fields are looked at when there is one: it may hold itself."""

    def __init__(self, info: types.StructType) -> None:
        self.info = info

    @cached_property
    def fields(self) -> tuple[tuple[str, str, _Finder], ...]:
        """The fields that may lead to a name: attribute, key, and what looks there."""
        finders = ((field, _finder(field.type, {})) for field in self.info.fields)
        return tuple((f.name, f.encode_name, finder) for f, finder in finders if finder is not None)

    def __call__(self, value: Any, place: Path) -> Sequence[Name]:
        # a default may be anything
        if not self.fields or not isinstance(value, self.info.cls):
            return ()
        found: list[Name] = []
        for name, key, finder in self.fields:
            found += finder(getattr(value, name), (*place, key))
        return found


@cache
def _of(arguments: type) -> _InStruct:
    return _InStruct(cast("types.StructType", inspected(arguments)))


def _finder(info: types.Type, extra: Mapping[str, Any]) -> _Finder | None:
    if isinstance(info, types.Metadata):
        return _finder(info.type, {**extra, **(info.extra or {})})
    if isinstance(info, types.StrType):
        return partial(_text, extra) if "names" in extra else None
    if isinstance(info, types.StructType):
        return _InStruct(info)
    inner = {_python(one): _finder(one, extra) for one in _within(info)}
    finders = {kind: finder for kind, finder in inner.items() if finder is not None}
    if not finders:
        return None
    if isinstance(info, types.UnionType):
        return partial(_choice, finders)
    (only,) = finders.values()
    return partial(_each if isinstance(info, types.ListType) else _values, only)


def _python(info: Any) -> Any:
    """The class of a type's values."""
    if isinstance(info, types.Metadata):
        return _python(info.type)
    plain: dict[Any, Any] = {types.StrType: str, types.ListType: list, types.DictType: dict}
    return info.cls if isinstance(info, types.StructType) else plain.get(type(info))


def _text(extra: Mapping[str, Any], value: Any, place: Path) -> Iterable[Name]:
    if not isinstance(value, str) or not value or is_template(value):
        return ()
    return (Name(extra["names"], value, place, tuple(extra.get("conn_types", ()))),)


def _choice(finders: Mapping[type, _Finder], value: Any, place: Path) -> Iterable[Name]:
    finder = finders.get(type(value))
    return () if finder is None else finder(value, place)


def _each(finder: _Finder, value: Any, place: Path) -> Iterator[Name]:
    for index, entry in enumerate(value if isinstance(value, list | tuple) else ()):
        yield from finder(entry, (*place, index))


def _values(finder: _Finder, value: Any, place: Path) -> Iterator[Name]:
    for key, entry in value.items() if isinstance(value, Mapping) else ():
        yield from finder(entry, (*place, key))


__all__ = ["Name", "connection_fields", "in_fields", "in_templates"]
