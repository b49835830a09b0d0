"""A node of a dbt project's graph, and why there is none."""

from __future__ import annotations

import msgspec


class Unfit(Exception):
    """A manifest that tells no graph, or a selection that it has nothing for.

    `part` is the path below `with`; empty: that of the manifest.
    """

    def __init__(self, message: str, hint: str = "", part: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.part = part


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A model, seed or snapshot. `needs` are ids of those that it reads, directly."""

    id: str
    name: str
    type: str
    package: str
    own: bool  # of the project itself, not of a package that it uses
    fqn: tuple[str, ...]
    path: str
    tags: tuple[str, ...]
    needs: tuple[str, ...]
    sha256: str = ""

    @property
    def selector(self) -> str:
        """What selects it, and nothing else, in dbt's words."""
        # a folder may have the name of a model
        return f"{'.'.join(self.fqn)},path:{self.path}" if self.own else ".".join(self.fqn)
