"""Where each final value of a pipeline comes from: the file and the line that wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from factory.diagnostics import Path, did_you_mean, nearest
from factory.errors import UsageError
from factory.plan import files
from factory.plan.compile import arguments_of, compile, settings
from factory.spec import beside, filled, model, positions
from factory.spec.origins import origin
from factory.spec.read import Document
from factory.spec.resolve import Resolved

_OF_GROUPS = ("if", "for_each", "max_parallel")
"""What of a group its tasks do not say."""
_HIDDEN = ("kinds", "defaults", "matrix", "tasks")
_PLACEHOLDER = re.compile(r"(?<!\$)\$\{\s*((?:vars|params)\.[^{}\s]+)\s*\}")
_FIRST = ("id", "uses", "needs", "description", "with")
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_UNSAID: object = object()


class Via(msgspec.Struct, frozen=True):
    """A variable that was filled in, and where it was written."""

    name: str
    file: str
    line: int


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One final value. `path` names tasks by id; no `file`: a built-in default.

    `template` is what stands there when it holds a `${…}`. What is not set is Airflow's to choose.
    """

    path: str
    value: Any
    file: str = ""
    line: int = 0
    template: str = ""
    via: tuple[Via, ...] = ()
    is_set: bool = True

    @property
    def is_empty_default(self) -> bool:
        """Nobody wrote it and it says nothing."""
        return not self.file and self.value in _EMPTY


def values(resolved: Resolved) -> Iterator[Value]:
    """Every final value of a valid spec, in the order of its file."""
    value = resolved.value
    whole = dict(_with_defaults(value, model.Pipeline))
    rest = (name for name in model.Pipeline.__struct_fields__ if name in whole)
    for key in dict.fromkeys(("version", *rest)):
        if key not in _HIDDEN:
            yield from _leaves(resolved, whole[key], value.get(key), (key,), (key,))
    for index, group in enumerate(resolved.groups):
        for key in _OF_GROUPS:
            if key in group:
                place: Path = ("groups", index, key)
                yield from _leaves(
                    resolved, group[key], group[key], place, ("tasks", group["id"], key)
                )
    settled = settings(resolved)
    asked = _asked_by_files(resolved)
    for index, task in enumerate(value["tasks"]):
        by_kind = {k: v for k, v in settled[index].items() if task.get(k, _UNSAID) != v}
        entries = {k: v for k, v in _with_defaults(task, model.Task) if k not in by_kind}
        for key in (*_FIRST, *(name for name in entries if name not in _FIRST)):
            full = entries[key]
            if key == "with":
                full = _arguments(task, full)
            path: Path = ("tasks", index, key)
            for leaf in _leaves(resolved, full, task.get(key), path, ("tasks", task["id"], key)):
                names = asked.get(f"{task['id']} {leaf.value}", ()) if key == "with" else ()
                via = (*leaf.via, *(one for name in names for one in _named(resolved, name, path)))
                yield msgspec.structs.replace(leaf, via=via) if names else leaf
        for key, full in by_kind.items():
            yield Value(path=_text(("tasks", task["id"], key)), value=full)


def select(found: Iterable[Value], query: str) -> list[Value]:
    """The values at or below a path such as `schedule`, `tasks.ingest` or `tasks[0].with`.

    :raises UsageError: there is no such path.
    """
    all_of = list(found)
    wanted = _by_id(query.strip("."), all_of)
    chosen = [value for value in all_of if _is_below(value.path, wanted)]
    if not chosen:  # a place inside a list that is shown as one value
        chosen = [value for value in all_of if _is_below(wanted, value.path)]
    if chosen:
        return chosen
    last = wanted.rpartition(".")[2]
    if last in model.SETTINGS and any(_is_below(v.path, _above(wanted)) for v in all_of):
        return [Value(path=wanted, value=None, is_set=False)]
    known = sorted({part for value in all_of for part in _prefixes(value.path)})
    tails = {path.rpartition(".")[2]: path for path in known}
    near = _corrected(wanted, known) or tails.get(last) or ""
    hint = f"did you mean {near!r}?" if near else did_you_mean(wanted, known)
    raise UsageError(f"there is nothing at {query!r}", hint or "leave the path away to see all")


def _with_defaults(value: dict[str, Any], kind: Any) -> Iterator[tuple[str, Any]]:
    """What is written, in its order, then what the Struct adds."""
    full = msgspec.to_builtins(msgspec.convert(value, kind))
    for key in (*(k for k in value if k in full), *(k for k in full if k not in value)):
        yield key, full[key]


def _arguments(task: dict[str, Any], given: Any) -> Any:
    kind = arguments_of(task["uses"], given)
    return given if kind is None else _full(msgspec.convert(given, kind))


def _full(value: Any) -> Any:
    """As plain data, with the defaults that a plan leaves out."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        tag = {config.tag_field: config.tag} if config.tag_field else {}
        fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        found = {key: getattr(value, name) for key, name in fields}
        return tag | {k: _full(v) for k, v in found.items() if v is not msgspec.UNSET}
    if isinstance(value, dict):
        return {key: _full(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_full, value)]
    return msgspec.to_builtins(value)


def _leaves(
    resolved: Resolved, full: Any, written: Any, path: Path, shown: Path
) -> Iterator[Value]:
    if isinstance(full, dict) and full:
        given = written if isinstance(written, dict) else {}
        for key in (*(k for k in given if k in full), *(k for k in full if k not in given)):
            yield from _leaves(resolved, full[key], given.get(key), (*path, key), (*shown, key))
    elif isinstance(full, list) and (path == ("tags",) or any(map(_is_nested, full))):
        below = written if isinstance(written, list) else []
        for index, entry in enumerate(full):
            under = below[index] if index < len(below) else None
            yield from _leaves(resolved, entry, under, (*path, index), (*shown, index))
    else:
        yield _value(resolved, full, path, shown)


def _is_nested(value: Any) -> bool:
    return isinstance(value, (dict, list))


def _value(resolved: Resolved, full: Any, path: Path, shown: Path) -> Value:
    name = _text(shown)
    if path[0] != "groups" and not _is_written(resolved.value, path):
        return Value(path=name, value=full)
    document, place = origin(resolved, path)
    if not place:
        return Value(path=name, value=full)
    raw = _raw(document, place)
    is_run = path[-1] == "uses" and place[-1] == "run"  # `run:` says `uses: bash`, nothing more
    template = raw if isinstance(raw, str) and "${" in raw and not is_run else ""
    return Value(
        path=name,
        value=full,
        file=document.name,
        line=_line(document, place),
        template=template,
        via=tuple(_via(resolved, template, path)),
    )


def _via(resolved: Resolved, template: str, path: Path) -> Iterator[Via]:
    for match in _PLACEHOLDER.finditer(template):
        yield from _named(resolved, match[1], path)


def _named(resolved: Resolved, name: str, path: Path) -> Iterator[Via]:
    """Where a name that is read was written; of a kind's parameter, what its value reads, too."""
    group, *rest = name.split(".")
    at: Path = (group, *rest)
    if group == "params":
        index = _call_around(resolved, path)
        at = ("groups", index, "with", *rest)
    document, place = origin(resolved, at)
    yield Via(name, document.name, _line(document, place))
    if group == "params":
        raw = _raw(document, place)
        yield from _via(resolved, raw if isinstance(raw, str) else "", ("groups", index))


def _call_around(resolved: Resolved, path: Path) -> int:
    """The group that a call made, in which a task or another call stands."""
    places = resolved.task_place if path[0] == "tasks" else resolved.group_place
    call = places[int(path[1])].call
    return next(index for index, one in enumerate(resolved.group_call) if one is call)


def _raw(document: Document, place: Path) -> Any:
    raw: Any = document.value
    for part in place:
        raw = raw[part]
    return raw


def _asked_by_files(resolved: Resolved) -> dict[str, list[str]]:
    """By task and name, what the `${…}` in a file beside the spec ask for."""
    written = {
        task["id"]: place
        for task, place in zip(resolved.value["tasks"], resolved.task_place, strict=True)
    }
    found = {}
    for task in compile(resolved, "").tasks:
        place = written[task.step]
        for file in files.named(task):
            text = beside.text_of(place.document.path.parent / file.name)
            names = filled.names(text, in_kind=place.call is not None)
            found[f"{task.step} {file.name}"] = [n for n in names if n.startswith(_NAMED)]
    return found


_NAMED = ("vars.", "params.")


def _is_written(value: Any, path: Path) -> bool:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _line(document: Document, path: Path) -> int:
    place, _ = positions.locate(positions.of(document.name, document.text), path)
    return place.key_line or place.line


def _text(path: Path) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def _by_id(query: str, found: list[Value]) -> str:
    """`tasks[0].with` as `tasks.ingest.with`."""
    match = re.match(r"tasks(?:\[(\d+)\]|\.(\d+)(?=\.|$))", query)
    if match is None:
        return query
    ids = [v.value for v in found if v.path == f"tasks.{v.value}.id"]
    index = int(match[1] or match[2])
    if index >= len(ids):
        raise UsageError(f"there is no task {index}", f"the last one is tasks[{len(ids) - 1}]")
    return f"tasks.{ids[index]}{query[match.end() :]}"


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith((f"{above}.", f"{above}["))


def _corrected(wanted: str, known: Sequence[str]) -> str:
    """The path of which each part is the nearest that there is; empty when one is near none."""
    found = ""
    for part in wanted.split("."):
        names = [path.rpartition(".")[2] for path in known if _above(path) == found]
        near = part if part in {*names, *model.SETTINGS} else nearest(part, names)
        if not near:
            return ""
        found = f"{found}.{near}".lstrip(".")
    return found


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _prefixes(path: str) -> Iterator[str]:
    yield path
    for match in re.finditer(r"[.\[]", path):
        yield path[: match.start()]
