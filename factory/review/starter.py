"""The files of a new project: those in `factory/starter/`, as they stand in the wheel.

Those that belong to the program (loaders, workflows) begin with a mark: the digest of what was
written. By it an update tells a file that nobody has changed from one that became a person's own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from factory import extras

FOLDER = Path(__file__).parents[1] / "starter"
LOADERS = "dags/"
REQUIREMENTS = "requirements-lint.txt"
"""What the workflows install."""
WORKFLOWS = (".github/", ".gitlab-ci.yml", ".pre-commit-config.yaml")
"""What only the top of a Git repository may hold."""
_PACKAGE = "<this package>"
_MARK = re.compile(r"# factory init ([0-9a-f]{16}):.*\n")

State = Literal["missing", "current", "old", "own"]
"""Of a file in a project; `own`: it is a person's, or was changed by one."""


class File(msgspec.Struct, frozen=True):
    """A file of the starter: its path below the project, and its text."""

    path: str
    text: str

    @property
    def is_kept(self) -> bool:
        """Whether an update brings it up to date."""
        return self.path.startswith((LOADERS, REQUIREMENTS, *WORKFLOWS))

    @property
    def written(self) -> str:
        """The text as a project gets it."""
        return f"{_mark(self.text)}{self.text}" if self.is_kept else self.text


def files() -> Iterator[File]:
    """Every file, sorted by path."""
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            text = path.read_text("utf-8").replace(_PACKAGE, extras.requirement())
            yield File(path.relative_to(FOLDER).as_posix(), text)


def state(file: File, project: Path) -> State:
    """How a file stands in a project."""
    path = project / file.path
    if not (path.exists() or path.is_symlink()):
        return "missing"
    text = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    mark = _MARK.match(text)
    body = text[mark.end() :] if mark else text
    if body == file.text:
        return "current"
    return "old" if mark and mark[1] == _digest(body) else "own"


def _mark(text: str) -> str:
    how = "`factory init --update` keeps it up to date until it is edited"
    return f"# factory init {_digest(text)}: {how}\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
