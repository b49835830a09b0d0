"""What of a graph is selected: a part of dbt's words, for where no dbt can be asked.

`name`, `folder.name`, `tag:…`, `path:…`, each with `+` before it (what it needs, too) or behind it
(what needs it, too), and `*` for any characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from factory.diagnostics import did_you_mean, quoted
from factory.graph import reached
from factory.kinds.dbt.node import Node, Unfit

_WORD = re.compile(r"(?P<up>\+?)(?:(?P<method>[a-z_.]+):)?(?P<value>[^+@,:\s{}]+)(?P<down>\+?)\Z")
_HINT = "`tasks: one` takes all of dbt's words; here it is names, `tag:`, `path:`, and `+`"


def selected(nodes: Sequence[Node], words: Sequence[str], part: str) -> set[str]:
    """The ids of all that one of the words selects. Raises `Unfit`."""
    found: set[str] = set()
    for word in words:
        found |= _selected(nodes, word, part)
    return found


def _selected(nodes: Sequence[Node], word: str, part: str) -> set[str]:
    match = _WORD.match(word)
    if match is None or match["method"] not in (None, "tag", "path", "fqn"):
        raise Unfit(f"{quoted(word)} cannot be told without dbt", _HINT, part)
    here = {node.id for node in nodes if _meant(node, match["method"], match["value"])}
    if not here:
        names = [node.name for node in nodes]
        hint = did_you_mean(match["value"], names) or "a manifest may be older than the models"
        raise Unfit(f"{quoted(word)} selects nothing of the manifest", hint, part)
    above = reached(here, {node.id: node.needs for node in nodes}) if match["up"] else set()
    below = reached(here, _turned(nodes)) if match["down"] else set()
    return here | above | below


def _meant(node: Node, method: str | None, value: str) -> bool:
    if method == "tag":
        return any(fnmatchcase(tag, value) for tag in node.tags)
    if method == "path" or "/" in value:
        folder = value.rstrip("/")
        return fnmatchcase(node.path, folder) or node.path.startswith(f"{folder}/")
    if fnmatchcase(node.name, value):
        return True
    dotted = value.split(".")
    return [*node.fqn[: len(dotted)]] == dotted or [*node.fqn[1 : len(dotted) + 1]] == dotted


def _turned(nodes: Sequence[Node]) -> dict[str, list[str]]:
    below: dict[str, list[str]] = {}
    for node in nodes:
        for need in node.needs:
            below.setdefault(need, []).append(node.id)
    return below
