"""Choices by a word that other packages may add to: `type: …` of a source, of a target, of a check.

A field that is `opened` takes the built-in Structs. What other packages offer is looked for only
when a spec says a word that is not built in, or when a schema is made of all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec import inspect as types

from factory import registry
from factory.errors import FactoryError, is_fault, said, words
from factory.fields import word_of

_OPEN = "dag_factory"  # in a `Meta`: the choice is open
_ADDED = "__added__"


class _Open(NamedTuple):
    """A choice that other packages may add to."""

    group: str  # of entry points
    needs: tuple[str, ...]  # what a Struct of it must have


class Unusable(FactoryError):
    """What another package offers cannot be used, or fails; `path` is where arguments name it."""

    def __init__(self, error: FactoryError, path: tuple[str | int, ...]) -> None:
        super().__init__(error.message, error.hint)
        self.path = path


def opened(
    group: str,
    *built_in: type[msgspec.Struct],
    needs: type | None = None,
    also: tuple[str, ...] = (),
) -> Any:
    """The type of a field, or of the entries of one: these Structs, and those of other packages.

    :param group: of entry points, without the prefix: `sources`.
    :param needs: a Protocol, or a class, whose parts each of them has; `also` names more parts.
    """
    parts = (*dir(needs), *getattr(needs, "__annotations__", ())) if needs else ()
    names = (*(name for name in dict.fromkeys(parts) if not name.startswith("_")), *also)
    return Annotated[reduce(or_, built_in), Meta(extra={_OPEN: _Open(group, names)})]


def widened(model: type[msgspec.Struct], given: Any) -> type[msgspec.Struct]:
    """The model, with what the arguments name and only other packages offer.

    :raises Unusable: what is named is offered twice, does not load, or is no such Struct.
    """
    more: set[tuple[str, str]] = set()
    for name, choice in _choices(model).items():
        value = given.get(name) if isinstance(given, Mapping) else None
        for path, word in _words(value, choice.word):
            if word not in choice.built_in:
                more |= _offered(choice, word, (name, *path))
    return _with(model, frozenset(more)) if more else model


def whole(model: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The model with all that other packages offer and that can be used."""
    broken = {(one.group, one.name) for one in unusable(model)}
    more = frozenset(_offers(model)) - broken
    return _with(model, more) if more else model


def unusable(model: type[msgspec.Struct]) -> Iterator[registry.Broken]:
    """What other packages offer to a model's choices and cannot be used."""
    for (group, word), choice in _offers(model).items():
        try:
            _loaded(choice, word)
        except FactoryError as error:
            yield registry.Broken(group, word, error.message)


def is_outside(part: object) -> bool:
    """Whether a Struct of an open choice is another package's."""
    return not type(part).__module__.startswith("factory.")


@contextmanager
def blaming(part: Any, *place: str | int) -> Iterator[None]:
    """What fails inside is told of a part of another package, at its word.

    :param part: an instance of a Struct of an open choice; `place` is its path in the arguments.
    :raises Unusable: it fails, in whatever way.
    """
    if not is_outside(part):
        yield
        return
    try:
        yield
    except BaseException as error:
        if isinstance(error, FactoryError | GeneratorExit) or not is_fault(error):
            raise
        field = str(type(part).__struct_config__.tag_field)
        what = str(place[0]).removesuffix("s")
        message = f"the {what} {word_of(part)!r} fails: {said(error)}"
        raise Unusable(FactoryError(message), (*place, field)) from error


def added(model: type) -> tuple[str, ...]:
    """What a model takes of other packages, as words: `the source 'rows'`."""
    found: tuple[str, ...] = getattr(model, _ADDED, ())
    return found


def forget() -> None:
    """Look for what is installed anew."""
    _with.cache_clear()
    _loaded.cache_clear()


class _Choice(NamedTuple):
    """A field of a model with an open choice."""

    open: _Open
    word: str  # the key that tells the Structs apart
    built_in: frozenset[str]


def _offers(model: type[msgspec.Struct]) -> dict[tuple[str, str], _Choice]:
    """What other packages offer to a model: group and word, and the choice that they add to."""
    return {
        (choice.open.group, word): choice
        for choice in _choices(model).values()
        for word in registry.outside(choice.open.group)
        if word not in choice.built_in
    }


@cache
def _choices(model: type[msgspec.Struct]) -> dict[str, _Choice]:
    found = {}
    for field in msgspec.structs.fields(model):
        for choice, structs in _opens(field.type):
            tags = frozenset(map(word_of, structs))
            word = str(structs[0].__struct_config__.tag_field)
            found[field.encode_name] = _Choice(choice, word, tags)
    return found


def _opens(hint: Any) -> Iterator[tuple[_Open, tuple[Any, ...]]]:
    """The open choice of a field's type, or of the entries of a list, and its Structs."""
    if get_origin(hint) is Annotated:
        inner, *metas = get_args(hint)
        choice = _mark(metas)
        if choice is None:
            yield from _opens(inner)
        else:
            yield choice, get_args(inner) or (inner,)
    elif get_origin(hint) is list:
        yield from _opens(get_args(hint)[0])


def _mark(metas: list[Any]) -> _Open | None:
    marks = (meta.extra.get(_OPEN) for meta in metas if isinstance(meta, Meta) and meta.extra)
    return next((mark for mark in marks if mark is not None), None)


def _words(value: Any, word: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The words that a field's value says, each with its path below the field."""
    entries = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, entry in entries:
        said = entry.get(word) if isinstance(entry, Mapping) else None
        if isinstance(said, str):
            yield (word,) if index is None else (index, word), said


def _offered(choice: _Choice, word: str, path: tuple[str | int, ...]) -> frozenset[tuple[str, str]]:
    """The word, when it is offered; else all that can be used, so that they are told."""
    group = choice.open.group
    offers = registry.outside(group)
    if word in offers:
        try:
            _loaded(choice, word)
        except FactoryError as error:
            raise Unusable(error, path) from error
        return frozenset({(group, word)})
    usable = []
    for other in offers:
        with suppress(FactoryError):
            _loaded(choice, other)
            usable.append((group, other))
    return frozenset(usable)


@cache
def _with(model: type[msgspec.Struct], more: frozenset[tuple[str, str]]) -> type[msgspec.Struct]:
    """The model whose open choices also take some Structs of other packages."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(model):
        choice = _choices(model).get(field.encode_name)
        if choice is None:
            continue
        structs = [
            _loaded(choice, word) for group, word in sorted(more) if group == choice.open.group
        ]
        given: dict[str, Any] = {"default": field.default, "default_factory": field.default_factory}
        given = {key: value for key, value in given.items() if value is not msgspec.NODEFAULT}
        default = msgspec.field(name=field.encode_name, **given)
        fields.append((field.name, _replaced(field.type, structs), default))
    said = tuple(f"the {group.removesuffix('s')} {word!r}" for group, word in sorted(more))
    return msgspec.defstruct(
        model.__name__,
        fields,
        bases=(model,),
        namespace={"__doc__": model.__doc__, _ADDED: said},
        module=model.__module__,
        kw_only=True,
        frozen=True,
    )


def _replaced(hint: Any, structs: list[type[msgspec.Struct]]) -> Any:
    if get_origin(hint) is list:
        return list.__class_getitem__(_replaced(get_args(hint)[0], structs))
    if get_origin(hint) is not Annotated:
        return hint
    inner, *metas = get_args(hint)
    is_open = _mark(metas) is not None
    wide = reduce(or_, structs, inner) if is_open else _replaced(inner, structs)
    whole = (wide, *metas)
    return Annotated[whole]


@cache
def _loaded(choice: _Choice, word: str) -> type[msgspec.Struct]:
    """One Struct of another package.

    :raises FactoryError: two packages offer it, it does not load, or it is no such Struct.
    """
    group = choice.open.group
    what = f"the {group.removesuffix('s')} {word!r}"
    struct = registry.load(group, word)
    is_struct = isinstance(struct, type) and issubclass(struct, msgspec.Struct)
    config = struct.__struct_config__ if is_struct else None
    if config is None or (config.tag_field, config.tag) != (choice.word, word):
        written = f'tag_field="{choice.word}", tag="{word}"'
        raise FactoryError(f"{what} is not a Struct with {written}")
    for name in choice.open.needs:
        part = getattr(struct, name, None)
        if not hasattr(struct, name) or getattr(part, "__isabstractmethod__", False):
            raise FactoryError(f"{what} has no `{name}`")
    if not config.forbid_unknown_fields:
        raise FactoryError(f"{what} lets unknown keys pass: make it a `factory.fields.Strict`")
    require_speakable(struct, what)
    found: type[msgspec.Struct] = struct
    return found


def require_speakable(struct: type[msgspec.Struct], what: str) -> None:
    """A Struct of another package must be one that files can say and schemas can describe.

    :raises FactoryError: it is not; `what` it is, and which of its fields.
    """
    try:
        msgspec.json.Decoder(struct)
        wrong = next(_wrong_fields(types.type_info(struct)), None)
    except Exception as error:
        raise FactoryError(f"{what} has fields that cannot be: {words(error)}") from error
    if wrong is not None:
        raise FactoryError(f"{what} has the field {wrong[0]!r}, {wrong[1]}")


def _wrong_fields(
    info: Any, field: str = "", seen: frozenset[type] = frozenset()
) -> Iterator[tuple[str, str]]:
    """The fields below a type that neither YAML nor a schema can say, and why."""
    if isinstance(info, types.StructType):
        for one in info.fields if info.cls not in seen else ():
            yield from _wrong_fields(one.type, one.encode_name, seen | {info.cls})
            yield from _wrong_default(one)
    elif isinstance(info, types.Metadata):
        yield from _wrong_schema(info.extra_json_schema or {}, field)
        yield from _wrong_fields(info.type, field, seen)
    elif isinstance(info, types.UnionType):
        for option in info.types:
            yield from _wrong_fields(option, field, seen)
    elif isinstance(info, types.ListType):
        yield from _wrong_fields(info.item_type, field, seen)
    elif isinstance(info, types.DictType):
        yield from _wrong_fields(info.value_type, field, seen)
    elif isinstance(info, types.StrType) and info.pattern is not None:
        yield from _wrong_schema({"pattern": info.pattern}, field)
    elif not isinstance(info, _PLAIN):
        cls = getattr(info, "cls", None)
        kind = cls.__name__ if cls else type(info).__name__.removesuffix("Type").lower()
        yield field, f"of which no file can have a {kind}"


def _wrong_schema(part: dict[str, Any], field: str) -> Iterator[tuple[str, str]]:
    import jsonschema_rs  # who asks no other package needs it later

    try:
        jsonschema_rs.validator_for(part)
    except Exception as error:
        if "pattern" in part:
            yield field, f"whose pattern {part['pattern']!r} is none that a schema can have"
        else:
            why = words(error).partition(" Failed validating")[0]
            yield field, f"whose `extra_json_schema` is no schema: {why}"


def _wrong_default(field: types.Field) -> Iterator[tuple[str, str]]:
    if field.default in (msgspec.NODEFAULT, msgspec.UNSET):
        return
    try:
        msgspec.to_builtins(field.default)
    except Exception as error:
        yield field.encode_name, f"whose default no file can say: {words(error)}"


_PLAIN = (
    types.AnyType,
    types.BoolType,
    types.FloatType,
    types.IntType,
    types.LiteralType,
    types.NoneType,
    types.StrType,
)

__all__ = [
    "Unusable",
    "added",
    "blaming",
    "forget",
    "is_outside",
    "opened",
    "require_speakable",
    "unusable",
    "whole",
    "widened",
]
