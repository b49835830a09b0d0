"""Files that Maven Central holds, each pinned by its SHA-256 in an `artifacts.lock`.

`jgo` is the Maven client: it knows where Maven Central is, and its settings file names a mirror
(`[repositories]` in `~/.config/jgo.conf`).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from factory_embedded.service import Cancelled, ServiceError, never

_AT_ONCE = 8
_TRIES = 4
_TIMEOUT = 60


@dataclass(frozen=True)
class Artifact:
    """One file of a Maven repository, and the ``place`` that it has in what is made of it."""

    place: str
    group: str
    name: str
    type: str
    classifier: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """As Maven names it."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{tail}.{self.type}"

    @property
    def line(self) -> str:
        """As the lock holds it."""
        coordinates = (self.group, self.name, self.type, self.classifier, self.version)
        return f"{self.place} {':'.join(coordinates)} {self.sha256}"


def locked(lock: Path, places: Iterable[str] | None = None) -> tuple[Artifact, ...]:
    """The artifacts that a lock file pins, one a line, or those of some places."""
    wanted = None if places is None else set(places)
    lines = lock.read_text("utf-8").splitlines()
    found = (_parse(line) for line in lines if line and not line.startswith("#"))
    return tuple(artifact for artifact in found if wanted is None or artifact.place in wanted)


def _parse(line: str) -> Artifact:
    place, coordinates, sha256 = line.split()
    group, name, kind, classifier, version = coordinates.split(":")
    return Artifact(place, group, name, kind, classifier, version, sha256)


def fetch(
    artifacts: Iterable[Artifact], folder: Path, cancelled: Callable[[], bool] = never
) -> Mapping[Artifact, Path]:
    """Download what ``folder`` lacks, several at once, and return where each artifact lies.

    An artifact without a checksum is taken as it comes. Raises `ServiceError` when one can't be
    had, or is not what the lock says, and `Cancelled` once ``cancelled`` says so.
    """
    artifacts = tuple(artifacts)
    failed = threading.Event()

    def fetch_one(artifact: Artifact) -> Path:
        if failed.is_set() or cancelled():
            raise Cancelled
        try:
            return _fetch(artifact, folder)
        except BaseException:
            failed.set()  # the others need not be waited for
            raise

    # some stand in two places: two that fetch one file would disturb each other
    each = {_coordinates(artifact): artifact for artifact in artifacts}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {key: pool.submit(fetch_one, artifact) for key, artifact in each.items()}
    errors = [error for one in running.values() if (error := one.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
        raise error
    return {artifact: running[_coordinates(artifact)].result() for artifact in artifacts}


def _coordinates(artifact: Artifact) -> tuple[str, ...]:
    return (artifact.group, artifact.name, artifact.version, artifact.classifier, artifact.type)


def sha256(path: Path) -> str:
    """The file's checksum, in hex."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _fetch(artifact: Artifact, folder: Path) -> Path:
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(attempt)
        try:
            path = _download(artifact, folder)
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            problem = str(error) or type(error).__name__
            continue
        found = sha256(path)
        if artifact.sha256 in ("", found):
            return path
        path.unlink()
        problem = f"its SHA-256 is {found}, the lock says {artifact.sha256}"
    raise ServiceError(
        f"{artifact.group}:{artifact.name}:{artifact.version} can't be had from the Maven "
        f"repository: {problem}",
        hint="check the network; a mirror is named in [repositories] of ~/.config/jgo.conf",
    )


def _download(artifact: Artifact, folder: Path) -> Path:
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    repositories = GlobalSettings.load().repositories or None
    maven = MavenContext(repo_cache=folder, remote_repos=repositories, timeout=_TIMEOUT)
    component = maven.project(artifact.group, artifact.name).at_version(artifact.version)
    wanted = component.artifact(classifier=artifact.classifier, packaging=artifact.type)
    try:
        return wanted.resolve()
    except BaseException:
        # it writes in place, and would take the half of a file for the whole next time
        if wanted.cached_path is not None:
            wanted.cached_path.unlink(missing_ok=True)
        raise
