"""The JSON Schemas that editors complete from: which files there are, and what stands in them.

One file for each sort of YAML file, one for each kind's arguments. They are the authoring schemas
of the Structs; added here is what joins them: a task's `with` follows its `uses`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as types

from factory import choices, registry
from factory.errors import FactoryError, said
from factory.plan import kind as kinds
from factory.review import generated, skeleton
from factory.spec import schema
from factory.spec.model import DefaultsFile, EnvironmentFile, KindFile, NamedKind, PipelineFile
from factory.spec.parts import WORD
from factory.spec.schema import DIALECT, PLACEHOLDER_PATTERN, Schema
from factory.spec.violations import in_words

OPERATOR_PATH = {
    "title": "operator",
    "type": "string",
    "pattern": r"\.",
    "markdownDescription": "An Airflow operator by its import path.",
}
_OF_KINDS = "kinds/*.schema.json"
# the rest follows in the order in which it was made
_FIRST = ("$schema", "$id", "title", "description", "markdownDescription", "default", "examples")


_FILE: Schema = {
    "properties": {
        WORD: {
            "type": "string",
            "description": "A file beside this one that holds the value: YAML, JSON, CSV.",
        }
    },
    "required": [WORD],
    "additionalProperties": False,
}
"""Beside a schema of a list: it says nothing of one."""

NONE: Mapping[str, str] = {}
NO_KINDS: Mapping[str, Schema] = {}


def write(
    root: Path,
    names: Iterable[str] | None = None,
    own: Mapping[str, str] = NONE,
    written: Mapping[str, Schema] = NO_KINDS,
) -> list[Path]:
    """Write every schema below `root`, the folder `schemas/`; remove those of kinds that went.

    `names` are the kinds; default: all that are installed and can be used. `own` are the names that
    the project has given to kinds and operators, `written` the parameters of its own kinds.
    """
    chosen = _usable() if names is None else names
    return generated.write(root, files(chosen, own, written), _OF_KINDS)


def stale(
    root: Path,
    names: Iterable[str] | None = None,
    own: Mapping[str, str] = NONE,
    written: Mapping[str, Schema] = NO_KINDS,
) -> list[str]:
    """Names of the files below `root` that `write` would change, make or remove."""
    chosen = _usable() if names is None else names
    return generated.stale(root, files(chosen, own, written), _OF_KINDS)


def left_out() -> list[registry.Broken]:
    """What other packages offer and no schema can tell of, because it cannot be used."""
    broken = {name: message for name in kinds.outside() if (message := _broken(name))}
    found = [registry.Broken(kinds.GROUP, name, message) for name, message in broken.items()]
    for name in kinds.names():
        if name not in broken:
            found += choices.unusable(kinds.find(name).Arguments)
    return [*dict.fromkeys(found)]


def _usable() -> list[str]:
    return [name for name in kinds.names() if not _broken(name)]


def _broken(name: str) -> str:
    """Why there is no schema of an outside kind, or an empty string."""
    if name in kinds.builtin_names():
        return ""
    try:
        _text(arguments(name))
        _text(snippet(name))
    except FactoryError as error:
        return error.message
    except Exception as error:  # code of another package may fail in any way
        return said(error)
    return ""


def files(
    names: Iterable[str],
    own: Mapping[str, str] = NONE,
    written: Mapping[str, Schema] = NO_KINDS,
) -> dict[str, str]:
    """The text of every schema by its path below `schemas/`."""
    chosen = sorted(names)
    known = (chosen, own, written)
    made = {
        "pipeline.schema.json": pipeline(*known),
        "defaults.schema.json": _layer("defaults.schema.json", DefaultsFile, *known),
        "environment.schema.json": _layer("environment.schema.json", EnvironmentFile, *known),
        "kind.schema.json": kind_file(*known),
    }
    for name in chosen:
        made[f"kinds/{name}.schema.json"] = arguments(name)
    for name, about in written.items():
        made[f"kinds/{name}.schema.json"] = about
    return {name: _text(with_files(entry)) for name, entry in made.items()}


def with_files(found: Any) -> Any:
    """The schema, with `{$file: _rows.yaml}` wherever a `${…}` may stand for a list."""
    if isinstance(found, list):
        return [with_files(entry) for entry in found]
    if not isinstance(found, dict):
        return found
    made = {key: with_files(entry) for key, entry in found.items()}
    kinds, options = found.get("type"), found.get("anyOf")  # or keys of these names
    is_list = isinstance(kinds, list) and "array" in kinds
    if is_list and found.get("pattern") == PLACEHOLDER_PATTERN:
        return {**made, **_FILE, "type": [*found["type"], "object"]}
    if isinstance(options, list) and {"items", "pattern"} <= set().union(*options):
        made["anyOf"] = [*made["anyOf"], {"type": "object", **_FILE}]
    return made


def pipeline(
    names: Sequence[str],
    own: Mapping[str, str] = NONE,
    written: Mapping[str, Schema] = NO_KINDS,
) -> Schema:
    """The schema of a pipeline's file."""
    found = _with_tasks("pipeline.schema.json", "Pipeline", PipelineFile, names, own, written)
    _join_kinds(found, names, own, written)
    return found


def kind_file(
    names: Sequence[str],
    own: Mapping[str, str] = NONE,
    written: Mapping[str, Schema] = NO_KINDS,
) -> Schema:
    """The schema of the file of a kind of one's own."""
    return _with_tasks("kind.schema.json", "Kind", KindFile, names, own, written)


def _with_tasks(
    file: str,
    title: str,
    model: Any,
    names: Sequence[str],
    own: Mapping[str, str],
    written: Mapping[str, Schema],
) -> Schema:
    found = _document(file, title, model)
    found["required"] = ["tasks"]  # no layer can give them
    found["properties"]["tasks"]["markdownDescription"] = "The steps.\n\n**Required.**"
    found["properties"]["tasks"]["items"]["title"] = "task"
    _join_uses(found["$defs"]["WrittenTaskItem"], names, own, written)
    return found


def arguments(name: str) -> Schema:
    """The schema of a kind's arguments, as far as a layer does not give them."""
    found = schema.of(_arguments(name), authoring=True)
    about = _summary(name)
    head = {"$schema": DIALECT, "$id": f"{name}.schema.json", "title": name, "description": about}
    named: Schema = _named({**found, **head})
    return named


def snippet(name: str) -> dict[str, Any]:
    """A task of a kind with its required arguments, to be filled in."""
    body: dict[str, Any] = {"id": f"${{1:{name}}}", "uses": name}
    info = types.type_info(_arguments(name))
    assert isinstance(info, types.StructType)
    required = skeleton.required(info, skeleton.Snippet())
    if required:
        body["with"] = required
    return {"label": f"uses: {name}", "markdownDescription": _summary(name), "body": body}


def _layer(
    file: str,
    model: Any,
    names: Sequence[str],
    own: Mapping[str, str],
    written: Mapping[str, Schema],
) -> Schema:
    title = "Environment" if model is EnvironmentFile else "Defaults"
    found = _document(file, title, model)
    _join_kinds(found, names, own, written)
    return found


def _document(file: str, title: str, model: Any) -> Schema:
    found = schema.of(model, authoring=True)
    about = found.pop("description")
    found.pop("pattern")  # a file is never a `${…}`
    head = {"$schema": DIALECT, "$id": file, "title": title, "description": about}
    named: Schema = _named({**head, **found, "type": "object"})
    return named


def _join_kinds(
    found: Schema, names: Sequence[str], own: Mapping[str, str], written: Mapping[str, Schema]
) -> None:
    """`kinds:` maps the name of a kind to some of its arguments, and other names to kinds.

    What the project knows as a name may be changed in part.
    """
    known = schema.of(NamedKind, authoring=True)
    del known["pattern"]
    known["type"] = "object"
    for owner in (found, *found["$defs"].values()):
        place = owner.get("properties", {}).get("kinds")
        if place is not None:
            every = {name: _reference(name) for name in (*names, *written)}
            place["properties"] = dict.fromkeys(own, known) | every
            place["patternProperties"] = {r"\.": {"type": "object"}}
            place["additionalProperties"] = {**known, "required": ["uses"]}


def _join_uses(
    task: Schema, names: Sequence[str], own: Mapping[str, str], written: Mapping[str, Schema]
) -> None:
    """`with` follows `uses`; `run` stands for `uses: bash`, and `tasks` is a group."""
    options = [
        {"const": name, "title": name, "markdownDescription": _summary(name)} for name in names
    ]
    options += [
        {"const": name, "title": name, "markdownDescription": about["description"] or name}
        for name, about in written.items()
    ]
    options += [
        {"const": name, "title": name, "markdownDescription": f"`{uses}`, with defaults."}
        for name, uses in own.items()
    ]
    task["properties"]["uses"] |= {"anyOf": [*options, OPERATOR_PATH]}
    for word in ("type", "examples", "pattern"):
        task["properties"]["uses"].pop(word, None)
    task["properties"]["tasks"] |= {"items": {"$ref": "#/$defs/WrittenTaskItem"}}
    task["if"] = {"anyOf": [{"required": ["run"]}, {"required": ["tasks"]}]}
    task["then"] = {"properties": {"uses": False}}
    task["else"] = {"required": ["uses"]}
    task["allOf"] = [
        {
            "if": {"properties": {"uses": {"const": name}}, "required": ["uses"]},
            "then": _arguments_of(kind),
        }
        for name, kind in {**{name: name for name in (*names, *written)}, **own}.items()
        if kind in names or kind in written
    ]
    if "bash" in names:
        task["allOf"].append({"if": {"required": ["run"]}, "then": _arguments_of("bash")})
    task["defaultSnippets"] = [snippet(name) for name in names]


def _arguments_of(name: str) -> Schema:
    # the key itself is suggested once, by the task's own properties
    return {"properties": {"with": {"allOf": [_reference(name)], "doNotSuggest": True}}}


def _reference(name: str) -> Schema:
    return {"$ref": f"kinds/{name}.schema.json"}


def _arguments(name: str) -> type[msgspec.Struct]:
    """The type of a kind's arguments, with all that other packages add to them."""
    return choices.whole(kinds.find(name).Arguments)


def _summary(name: str) -> str:
    return schema.summary(kinds.find(name).Arguments)


def _named(value: Any, key: str = "") -> Any:
    """The schema with titles, which head what an editor shows, and with messages of its own."""
    if isinstance(value, list):
        return [_named(entry, key) for entry in value]
    if not isinstance(value, dict):
        return value
    found: Schema = {}
    for word, entry in value.items():
        if word in ("properties", "$defs"):
            found[word] = {name: _titled(inner, name) for name, inner in entry.items()}
        elif word == "default":
            found[word] = entry  # data, whose keys may be words of a schema
        else:
            found[word] = _titled(entry, key) if word == "items" else _named(entry, key)
    if any(not isinstance(example, dict) for example in found.get("examples", ())):
        # an editor has no label for a mapping among simple values
        found["examples"] = [entry for entry in found["examples"] if not isinstance(entry, dict)]
    if key and "enum" in found:
        found["title"] = key
    if "description" in found:
        found.setdefault("markdownDescription", found["description"])
    return found | _messages(value)


def _titled(value: Any, key: str) -> Any:
    if not isinstance(value, dict):
        return value
    tags = [entry["default"] for entry in value.get("properties", {}).values() if _is_tag(entry)]
    return {**_named(value, key), "title": tags[0] if tags else key}


def _is_tag(entry: Any) -> bool:
    options = entry.get("anyOf", []) if isinstance(entry, dict) else []
    return any("const" in option for option in options) and "default" in entry


def _messages(value: Schema) -> Schema:
    """An editor would otherwise show the bare pattern."""
    if not isinstance(value.get("pattern"), str):
        return {}
    kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
    if value["pattern"] == PLACEHOLDER_PATTERN:
        message = f"Expected {in_words(kinds, value)}."
        others = {"object", "array"} & set(kinds)  # there the message would stand for more
        return {"patternErrorMessage" if others else "errorMessage": message}
    if "title" not in value:
        return {}
    such = f" such as {value['examples'][0]}" if value.get("examples") else ""
    return {"patternErrorMessage": f"Expected {value['title']}{such}."}


def _text(entry: Schema) -> str:
    return json.dumps(_ordered(entry), indent=2, ensure_ascii=False) + "\n"


def _ordered(value: Any, names: bool = False) -> Any:
    """What a person reads first comes first; the keys of `properties` keep their order."""
    if isinstance(value, list):
        return [_ordered(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    keys = list(value) if names else [*(k for k in _FIRST if k in value), *value]
    inside = ("properties", "$defs", "patternProperties")
    return {key: _ordered(value[key], key in inside and not names) for key in dict.fromkeys(keys)}


__all__ = ["arguments", "files", "pipeline", "snippet", "stale", "write"]
