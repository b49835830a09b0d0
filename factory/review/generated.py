"""Files that are made from the code and committed: written, or compared with what stands there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def write(root: Path, texts: Mapping[str, str], of_kinds: str = "") -> list[Path]:
    """Write `texts` (path below `root` → text); remove what `of_kinds` matches and is not made."""
    for name, text in texts.items():
        put(root / name, text)
    for name in _left_over(root, texts, of_kinds):
        (root / name).unlink()
    return [root / name for name in texts]


def put(path: Path, text: str) -> None:
    """Write a file as a whole, or leave it as it was: half of one would pass for an edited one."""
    path = path.resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def stale(root: Path, texts: Mapping[str, str], of_kinds: str = "") -> list[str]:
    """Names of the files that `write` would change, make or remove."""
    changed = [name for name, text in texts.items() if _read(root / name) != text]
    return [*changed, *_left_over(root, texts, of_kinds)]


def _left_over(root: Path, texts: Mapping[str, str], of_kinds: str) -> list[str]:
    found = (
        {path.relative_to(root).as_posix() for path in root.glob(of_kinds)} if of_kinds else set()
    )
    return sorted(found - set(texts))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
