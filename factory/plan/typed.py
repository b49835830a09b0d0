"""Templates that keep their type: a text that is nothing but one `{{ … }}` over earlier outputs.

Where an argument takes any value, such a text becomes what it gives: a list, a number. Only the
type of a kind's field tells, and only the kind knows where the field's value goes. So the text is
marked before the kind compiles, with a comment of Jinja, which means nothing wherever it is put.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect as types

from factory.plan.model import Call, Task, Template
from factory.spec.schema import inspected

_LONE = re.compile(r"\s*\{\{.*(?<![.\w])(?:tasks|item)\b.*\}\}\s*", re.DOTALL)
_MARK = "{# with its type #}"


def reads(value: Any) -> bool:
    """Whether there is such a text in plain data."""
    kind = value.__class__
    if kind is str:
        # what most texts lack is looked for before a pattern is tried
        may = "{{" in value and ("tasks" in value or "item" in value)
        return may and _LONE.fullmatch(value) is not None
    if kind is dict:
        return any(map(reads, value.values()))
    return kind is list and any(map(reads, value))


def marked(arguments: Any) -> Any:
    """A step's arguments with these texts marked; an operator takes any value everywhere."""
    if isinstance(arguments, msgspec.Struct):
        return _marked(arguments, inspected(type(arguments)))
    return _every(arguments)


def settled(task: Task) -> Task:
    """A task with a `Template` for each marked text in its arguments."""
    given = {name: _settled(value) for name, value in task.arguments.items()}
    return msgspec.structs.replace(task, arguments=given)


def _every(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value}{_MARK}" if reads(value) else value
    if isinstance(value, Mapping):
        return {name: _every(entry) for name, entry in value.items()}
    return [_every(entry) for entry in value] if isinstance(value, list) else value


def _marked(value: Any, info: types.Type) -> Any:
    if isinstance(info, types.Metadata):
        return _marked(value, info.type)
    if isinstance(info, types.AnyType):
        return _every(value)
    if isinstance(info, types.UnionType):
        if isinstance(value, str):
            return _every(value) if any(map(_holds_any, info.types)) else value
        return next((_marked(value, each) for each in info.types if _fits(value, each)), value)
    if not _fits(value, info):
        return value
    if isinstance(info, types.StructType):
        given = {f.name: _marked(getattr(value, f.name), f.type) for f in info.fields}
        return msgspec.structs.replace(value, **given)
    if isinstance(info, types.ListType):
        return [_marked(entry, info.item_type) for entry in value]
    if isinstance(info, types.DictType):
        return {name: _marked(entry, info.value_type) for name, entry in value.items()}
    return value


def _fits(value: Any, info: types.Type) -> bool:
    if isinstance(info, types.Metadata):
        return _fits(value, info.type)
    if isinstance(info, types.StructType):
        return isinstance(value, info.cls)
    if isinstance(info, types.DictType):
        return isinstance(value, dict)
    return isinstance(info, types.ListType) and isinstance(value, list)


def _holds_any(info: types.Type) -> bool:
    """Whether it is any value, or values with any in them: more than a text."""
    if isinstance(info, types.Metadata):
        return _holds_any(info.type)
    if isinstance(info, types.DictType):
        return _holds_any(info.value_type)
    if isinstance(info, types.ListType):
        return _holds_any(info.item_type)
    return isinstance(info, types.AnyType)


def _settled(value: Any) -> Any:
    kind = value.__class__
    if kind is str:
        return Template(value.removesuffix(_MARK)) if value.endswith(_MARK) else value
    if kind is dict:
        return {name: _settled(entry) for name, entry in value.items()}
    if kind is list:
        return [_settled(entry) for entry in value]
    if kind is Call:  # made when the DAG is built: what it does with a text, only it knows
        return msgspec.structs.replace(value, arguments=_plain(value.arguments))
    return value


def _plain(value: Any) -> Any:
    """The same without the marks."""
    if isinstance(value, str):
        return value.removesuffix(_MARK)
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


__all__ = ["marked", "reads", "settled"]
