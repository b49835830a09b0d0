"""The kinds of a project's own, for its people: the schema of each one's `with`, and a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from factory.errors import FactoryError
from factory.project import Project
from factory.review import generated
from factory.review.yaml_text import block
from factory.spec import discover
from factory.spec.own_kind import OwnKind
from factory.spec.schema import DIALECT, PLACEHOLDER, Schema

PAGE = "README.md"
_HEAD = "<!-- Made by `factory docs` from the files beside it; change it there. -->\n\n# Kinds\n\n"


def of(root: Path) -> dict[str, OwnKind]:
    """The kinds that are right by themselves; none below a root that is not there."""
    try:
        library = Project(root, discover.DEFAULT_ENVIRONMENT).library
    except FactoryError:
        return {}
    if library is None:
        return {}
    every = (library[name] for name in sorted(library))
    return {kind.name: kind for kind in every if isinstance(kind, OwnKind)}


def schemas(root: Path) -> dict[str, Schema]:
    """The schema of what a call says in its `with`, as far as a layer does not give it."""
    return {name: arguments(kind) for name, kind in of(root).items()}


def arguments(kind: OwnKind) -> Schema:
    """The schema of a kind's parameters, for an editor."""
    return {
        "$schema": DIALECT,
        "$id": f"{kind.name}.schema.json",
        "title": kind.name,
        "description": kind.description,
        "type": ["object", "string"],
        "pattern": PLACEHOLDER["pattern"],
        "properties": {name: _parameter(name, one) for name, one in kind.params.items()},
        "additionalProperties": False,
    }


def _parameter(name: str, about: Mapping[str, Any]) -> Schema:
    """A parameter, or a `${…}` in its place."""
    text = " ".join(str(about.get("description", "")).split())
    required = "" if "default" in about else "**Required.**"
    shown = {key: about[key] for key in ("default", "examples") if key in about}
    rules = {key: about[key] for key in about if key not in ("description", *shown)}
    words = "\n\n".join(filter(None, [text, required])) or f"The parameter `{name}`."
    head = {"title": name, "description": text or words, "markdownDescription": words, **shown}
    # a `$ref` leads to a part of the parameter, which stands elsewhere here
    return {**head, "anyOf": [rules, PLACEHOLDER]} if rules and "$ref" not in str(rules) else head


class Pages:
    """The page of a project's kinds, beside their files.

    :param root: the configuration folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self) -> list[Path]:
        """Write the page, where there are kinds."""
        return generated.write(self._root / discover.KINDS, self._files())

    def stale(self) -> list[str]:
        """Its name, if `write` would change it."""
        above = f"{self._root.name}/{discover.KINDS}"
        return [
            f"{above}/{name}"
            for name in generated.stale(self._root / discover.KINDS, self._files())
        ]

    def _files(self) -> dict[str, str]:
        kinds = of(self._root)
        text = _HEAD + "\n".join(line for kind in kinds.values() for line in _section(kind))
        return {PAGE: text} if kinds else {}


def _section(kind: OwnKind) -> Iterator[str]:
    yield f"## `{kind.name}`\n"
    if kind.deprecated:
        yield f"**Deprecated**: {kind.deprecated}\n"
    if kind.description:
        yield f"{kind.description.strip()}\n"
    yield f"```yaml\n{_example(kind)}```\n"
    if kind.params:
        yield "| parameter | value | default | meaning |\n|---|---|---|---|"
        yield from (_row(name, about) for name, about in kind.params.items())
        yield ""
    if kind.outputs:
        names = ", ".join(f"`{name}`" for name in kind.outputs)
        yield f"Outputs, read as `{{{{ tasks.<id>.outputs.<name> }}}}`: {names}.\n"


def _example(kind: OwnKind) -> str:
    """A call with what must be given."""
    given = {
        name: next(iter(about.get("examples") or ()), (about.get("enum") or ["…"])[0])
        for name, about in kind.params.items()
        if "default" not in about
    }
    task = {"id": kind.name.partition("@")[0], "uses": kind.name} | (
        {"with": given} if given else {}
    )
    return block({"tasks": [task]})


def _row(name: str, about: Mapping[str, Any]) -> str:
    kinds = about.get("type", "")
    value = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "enum" in about:
        value = ", ".join(f"`{_text(one)}`" for one in about["enum"])
    default = f"`{_text(about['default'])}`" if "default" in about else "**required**"
    cells = (f"`{name}`", value, default, str(about.get("description", "")))
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


__all__ = ["Pages", "arguments", "of", "schemas"]
