"""The parts of `docs/errors.md` that are made from the catalogue of codes.

The page is written by hand around marks: `<!-- codes: values -->` and `<!-- end -->`. A project
without that page gets none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from factory.codes import GROUPS, Code, Group

PAGE = "errors.md"
_MARKED = re.compile(r"(<!-- codes: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_GROUPS = {group.name: group for group in GROUPS}


def files(folder: Path) -> dict[str, str]:
    """The page in `folder` as it should be, by its name; nothing where there is none."""
    path = folder / PAGE
    return {PAGE: filled(path.read_text(encoding="utf-8"))} if path.is_file() else {}


def filled(page: str) -> str:
    """The page with its marked parts as the catalogue has them."""
    return _MARKED.sub(lambda mark: f"{mark[1]}\n{_group(_GROUPS[mark[2]])}\n{mark[3]}", page)


def _group(group: Group) -> str:
    return "\n\n".join(part for code in group.codes for part in _section(code)) + "\n"


def _section(code: Code) -> Iterator[str]:
    yield f"### `{code.name}`"
    warning = " (a warning)" if code.severity == "warning" else ""
    yield f"**{code.title[0].upper()}{code.title[1:]}**{warning}. {code.meaning} {code.advice}"
    if code.wrong:
        yield f"```yaml\n# wrong\n{code.wrong}\n# right\n{code.right}\n```"


__all__ = ["PAGE", "files", "filled"]
