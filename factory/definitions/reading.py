"""A definition, read from what a pipeline's YAML and Airflow's templating leave.

Lint has seen what is typed. What a template leaves is seen here first, so the words are for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from factory.definitions.errors import BadOption, unknown
from factory.fields import word_of

S = TypeVar("S", bound=msgspec.Struct)

_PLACE = re.compile(r"at `\$\.(\w+)(?:\[(\d+)\])?")


def tags(structs: Iterable[type[msgspec.Struct]]) -> dict[str, type[msgspec.Struct]]:
    """The Structs of a choice by the word that tells one from another, in its order."""
    return {word_of(struct): struct for struct in structs}


def read(
    given: Mapping[str, object], structs: Mapping[str, type[msgspec.Struct]], what: str
) -> Any:
    """The Struct of a choice that `given` is; null is as good as nothing.

    `what` is its name in messages, such as `check`. Raises `BadOption`.
    """
    field = str(next(iter(structs.values())).__struct_config__.tag_field)
    word = given.get(field)
    if not isinstance(word, str):
        raise BadOption(f"a {what} needs a `{field}`", f"Known are: {', '.join(structs)}")
    if word not in structs:
        raise unknown(what, word, structs)
    there = {name: value for name, value in given.items() if name != field}
    return _filled(there, structs[word], f"{what} {word}")


def _filled(given: Mapping[str, object], struct: type[S], what: str) -> S:
    """A Struct of these values, none of which was looked at yet."""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    for name in given:
        if name not in fields:
            raise unknown(f"option of {what}", name, fields)
    there = {name: value for name, value in given.items() if value is not None}
    hints = get_type_hints(struct, include_extras=True)
    for name, field in fields.items():
        if field.required and there.get(name) in (None, "", []):
            article = "" if name.endswith("s") else "a "
            raise BadOption(f"the {what} needs {article}`{name}`", _example(struct, name))
        choices = _choices(hints[name])
        if choices and name in there and there[name] not in choices:
            raise unknown(name, str(there[name]), choices)
    try:
        return msgspec.convert(there | _tag(struct), struct)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), there, hints, what) from None


def _choices(hint: Any) -> tuple[Any, ...]:
    bare = hint.__origin__ if get_origin(hint) is Annotated else hint
    return get_args(bare) if get_origin(bare) is Literal else ()


def _tag(struct: type[msgspec.Struct]) -> dict[str, object]:
    config = struct.__struct_config__
    return {str(config.tag_field): config.tag} if config.tag_field else {}


def _example(struct: type[msgspec.Struct], name: str) -> str | None:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    (kind,) = [field.type for field in info.fields if field.name == name]
    extra = kind.extra_json_schema if isinstance(kind, msgspec.inspect.Metadata) else None
    examples = (extra or {}).get("examples", ())
    return f"Write, for example, `{name}: {_plain(examples[0])}`" if examples else None


def _plain(value: object) -> str:
    """As YAML has it."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _wrong(
    said: str, given: Mapping[str, object], hints: Mapping[str, Any], what: str
) -> BadOption:
    """What msgspec says, in words for people."""
    place = _PLACE.search(said)
    if place is None:
        return BadOption(f"the {what}: {said}")
    name, value = place[1], given[place[1]]
    if place[2] is not None and isinstance(value, (list, tuple)):
        return BadOption(
            f"{value[int(place[2])]!r} can't be a {name.removesuffix('s')} of the {what}"
        )
    if _is_duration(hints[name]):
        return BadOption(f"{value!r} is not a length of time", "Write 90s, 5m, 2h or 1d")
    return BadOption(f"{name!r} of the {what} must be {_expected(hints[name])}, not {value!r}")


def _is_duration(hint: Any) -> bool:
    notes: tuple[object, ...] = getattr(hint, "__metadata__", ())
    return any(isinstance(note, Meta) and note.title == "duration" for note in notes)


def _expected(hint: Any) -> str:
    """What a field may hold, in words; a template was filled in by now."""
    return " or ".join(dict.fromkeys(_words(hint)))


def _words(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Annotated:
        if all(note.title != "template" for note in hint.__metadata__ if isinstance(note, Meta)):
            yield from _words(hint.__origin__)
    elif get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            yield from _words(member)
    elif word := _PLAIN.get(get_origin(hint) or hint):
        yield word


_PLAIN = {int: "a number", float: "a number", str: "text", bool: "true or false", list: "a list"}
