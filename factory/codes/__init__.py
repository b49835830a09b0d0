"""The catalogue: every code that a problem can have, once.

From it are made the tables of `docs/errors.md`, `factory lint --explain` and the rules of SARIF.
Needs nothing but msgspec; a lint that prints text never imports it.
"""

from __future__ import annotations

from factory.codes import beside, files, values
from factory.codes.code import Code, Group, without_links

GROUPS: tuple[Group, ...] = (files.GROUP, values.GROUP, beside.GROUP)
CODES: dict[str, Code] = {code.name: code for group in GROUPS for code in group.codes}

__all__ = ["CODES", "GROUPS", "Code", "Group", "without_links"]
