"""The names and the kinds of a project's own, for the schemas of its editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.errors import SpecError
from factory.review import kind_pages, schema_files
from factory.spec import discover, named
from factory.spec.fill import Value
from factory.spec.read import read


class OfProject:
    """The schemas of a project: they know its own names and kinds, too.

    :param root: its configuration folder, which may be missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, folder: Path) -> list[Path]:
        """See `schema_files.write`."""
        return schema_files.write(
            folder, own=of(self._root), written=kind_pages.schemas(self._root)
        )

    def stale(self, folder: Path) -> list[str]:
        """See `schema_files.stale`."""
        return schema_files.stale(
            folder, own=of(self._root), written=kind_pages.schemas(self._root)
        )


def of(root: Path) -> dict[str, str]:
    """Each name with the kind or the operator that it means; none below a root that is not there.

    What one file says, any may complete: lint knows better who sees it. Files that cannot be read
    have no names.
    """
    kinds: Value = {}
    for value in _documents(root):
        for above in (value, value.get("override")):
            given = above.get("kinds") if isinstance(above, dict) else None
            for name, entry in given.items() if isinstance(given, dict) else ():
                if isinstance(entry, dict):  # one file may name it, and another change it in part
                    kinds[name] = {**kinds.get(name, {}), **entry}
    return {name: _meant(name, kinds) for name in sorted(named.names(kinds))}


def _documents(root: Path) -> Iterator[Value]:
    if not root.is_dir():
        return
    files = discover.discover(root).files
    layers = {above / discover.DEFAULTS for path in files for above in discover.folders(root, path)}
    others = [root / discover.ENVIRONMENTS / f"{n}.yaml" for n in discover.environments(root)]
    for path in (*sorted(layers), *others, *files):
        try:
            yield read(path, path.name, root).value
        except (OSError, SpecError):
            continue


def _meant(name: str, kinds: Value) -> str:
    return named.looked_up(name, kinds, _as_it_is, _stronger).uses


def _as_it_is(value: Any) -> Any:
    return value


def _stronger(under: Value, over: Value) -> Value:
    return over
