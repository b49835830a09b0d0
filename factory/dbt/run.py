"""A command of dbt on a project: its words, its folder, its results."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from factory.dbt import results
from factory.dbt.errors import DbtError
from factory.dbt.process import Dbt, Said, running
from factory.dbt.profile import NAME, Profile
from factory.dbt.results import Result

_FRESHNESS = "source freshness"
_REFRESH = ("build", "run", "seed")  # the commands that take `--full-refresh`
_LONGEST = 1500


@dataclass(frozen=True)
class Command:
    """What is asked of dbt; `word` is its command, such as `build` or `source freshness`.

    `profile` is a made one, or a folder with a `profiles.yml` of the user's own. `indirect` says
    which tests come with a selection, in dbt's words.
    """

    word: str
    project: Path
    profile: Profile | Path
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    full_refresh: bool = False
    target: str | None = None  # of a made profile it has one
    threads: int | None = None
    indirect: str | None = None

    def arguments(self, folder: Path) -> list[str]:
        """Its words; `folder` takes what dbt leaves, and holds the profile that was made."""
        own = isinstance(self.profile, Path)
        profiles = self.profile if isinstance(self.profile, Path) else folder
        options = {
            "project-dir": str(self.project),
            "profiles-dir": str(profiles),
            "profile": None if own else NAME,
            "target": self.target,
            "target-path": str(folder),
            "log-path": str(folder),
            "vars": json.dumps(self.vars) if self.vars else None,
            "threads": str(self.threads) if self.threads else None,
            "select": " ".join(self.select),
            "exclude": " ".join(self.exclude),
            "indirect-selection": self.indirect,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value]
        refresh = ["--full-refresh"] if self.full_refresh and self.word in _REFRESH else []
        return [*_GLOBAL, *self.word.split(), *given, *refresh]


_GLOBAL = (
    *("--no-use-colors", "--log-format", "json", "--log-format-file", "text"),
    *("--no-version-check", "--no-partial-parse"),
)


def freshness(command: Command) -> Command:
    """How fresh the project's sources are, asked before the command."""
    return replace(command, word=_FRESHNESS, select=(), exclude=(), indirect=None)


Keep = Callable[[Iterable[Path]], None]


class Run:
    """Commands one after the other, of which `end` ends the one that runs, and any after it."""

    def __init__(self, executable: str, seconds: float, keep: Keep) -> None:
        self._executable = executable
        self._seconds = seconds
        self._keep = keep
        self._running: Dbt | None = None
        self._ended = False

    def end(self) -> None:
        """Let dbt cancel its queries; safe in a signal's handler."""
        self._ended = True
        if self._running is not None:
            self._running.end()

    def __call__(self, command: Command) -> tuple[Result, ...]:
        """Run it, tell its results, keep what it left.

        Raises `NotPassed`, and `DbtError` when dbt could not do its work, or had nothing to do.
        """
        with _folder() as folder:
            secrets: Mapping[str, str] = {}
            if isinstance(command.profile, Profile):
                command.profile.write(folder, str(command.target))
                secrets = command.profile.secrets
            try:
                said = self._listen(command, folder, secrets)
            finally:
                self._keep(results.left(folder))
            return _judged(command, said, results.read(folder))

    def _listen(self, command: Command, folder: Path, secrets: Mapping[str, str]) -> Said:
        if self._ended:
            raise DbtError("dbt was not begun: the task was to end")
        words = [self._executable, *command.arguments(folder)]
        with running(words, secrets, command.project) as self._running:
            return self._running.listen(self._seconds)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="factory-dbt-") as folder:
        yield Path(folder)


def _judged(command: Command, said: Said, found: tuple[Result, ...]) -> tuple[Result, ...]:
    results.tell(found)
    if said.status != 0:
        why = " ".join(" ".join(said.errors).split())[:_LONGEST]
        raise DbtError(f"dbt {command.word} failed: {why or f'exit status {said.status}'}")
    if not found:
        raise DbtError(
            f"dbt {command.word} had nothing to do: nothing was selected",
            "Look at `select` and `exclude`",
        )
    return found
