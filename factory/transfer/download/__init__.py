"""HTTP → a file, whole and verified; an interrupted transfer goes on where it ended."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from factory.account import say
from factory.amounts import size
from factory.stores.model import Store
from factory.transfer.address import digest, file_name, shown
from factory.transfer.download.asking import Asking, blocks
from factory.transfer.download.part import Part, part_of
from factory.transfer.download.retries import Again, pause
from factory.transfer.download.version import Note, Version, continues
from factory.transfer.errors import BadRow, Missing, TransferError
from factory.transfer.first_bytes import LOOKED_AT
from factory.transfer.progress import EVERY, Progress

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Downloaded", "download", "file_name", "shown"]

log = logging.getLogger(__name__)

BLOCK = 1 << 20
Look = Callable[[bytes, str], None]


@dataclass(frozen=True)
class Downloaded:
    """A file as it was served. `etag` is None when the server gave none or was not asked."""

    path: str
    bytes: int
    etag: str | None


@dataclass(frozen=True)
class _Wanted:
    asking: Asking
    path: str
    key: str
    sha256: str | None
    progress: Progress
    look: Look | None

    @property
    def shown(self) -> str:
        return shown(self.asking.url)


def download(
    session: requests.Session,
    url: str,
    store: Store,
    path: str,
    *,
    timeout: tuple[float, float] = (10, 60),
    attempts: int = 5,
    backoff: float = 1.0,
    sha256: str | None = None,
    look: Look | None = None,
    report_every: float = EVERY,
) -> Downloaded:
    """Stream `url` into `path`. `timeout` is (connect, silence between bytes), in seconds.

    Broken connections, time-outs, short bodies, 5xx, 408, 425 and 429 are tried again, `attempts`
    in all, after about `backoff`, 2 × `backoff`, … seconds, or when the server says. What has come
    is continued when the server can show that the file is still the same, also by the next call
    after this process was killed; else it is started anew.

    A file that is there already is not sent again when it has this `sha256`, or when the server
    says that its version is the one that an earlier call noted beside it.

    `look` is shown the first bytes and the Content-Type of an answer before any of it is kept, and
    may raise.

    Raises `Missing` for 404 and 410, else `TransferError`; neither holds the address's query.
    """
    if attempts < 1:
        raise TransferError(f"attempts must be at least 1, not {attempts}")
    wanted = _Wanted(
        Asking(session, url, timeout),
        path,
        digest(url),
        sha256.lower() if sha256 else None,
        Progress("downloading", shown(url), every=report_every),
        look,
    )
    there = store.file(path) if wanted.sha256 else None
    if there is not None and _sha256(store, path) == wanted.sha256:
        say("%s is there already, with this sha256", path)
        return Downloaded(path, there.size, None)
    with part_of(store, path) as part, wanted.progress:
        return _persist(wanted, part, attempts, backoff)


def _persist(wanted: _Wanted, part: Part, attempts: int, backoff: float) -> Downloaded:
    failure = Again("nothing was tried")
    for attempt in range(1, attempts + 1):
        try:
            return _attempt(wanted, part)
        except Again as again:
            failure = again
        except (Missing, BadRow):  # so that the next attempt does not go on with it
            part.restart()
            raise
        if attempt < attempts:
            wait = pause(attempt, backoff, failure.wait)
            log.warning("%s: %s; trying again in %.1f s", wanted.shown, failure, wait)
            time.sleep(wait)
    raise TransferError(f"{wanted.shown} failed {attempts} times, last: {failure}")


def _attempt(wanted: _Wanted, part: Part) -> Downloaded:
    begun = part.begun(wanted.key)
    if begun is not None:
        done = _continue(wanted, part, begun)
        if done is not None:
            return done
    held = None if wanted.sha256 else part.finished(wanted.key)
    with wanted.asking.get(held.version.conditions() if held else {}) as answer:
        if held is not None and _is_held(answer, held):
            say("%s is there already, in the version that is served", wanted.path)
            return Downloaded(wanted.path, held.length or 0, held.version.etag)
        wanted.asking.check(answer)
        return _anew(wanted, part, answer)


def _continue(wanted: _Wanted, part: Part, begun: Note) -> Downloaded | None:
    """Ask for the rest; None when it must be started anew."""
    validator = begun.version.if_range()
    if validator is None:
        return None
    # A whole part asks for its last byte again, since the answer to no byte tells no version.
    start = part.size if begun.length is None else min(part.size, begun.length - 1)
    with wanted.asking.get({"Range": f"bytes={start}-", "If-Range": validator}) as answer:
        if answer.status_code == 206:
            total = continues(answer.headers, begun, start)
            if total is not None:
                log.info("%s continues at byte %d of %d", wanted.shown, start, total)
                part.note(wanted.key, total, begun.version)
                return _receive(wanted, part, answer, begun.version, start, total)
        elif answer.status_code != 416:
            wanted.asking.check(answer)
            log.info("%s is another version now, or comes as a whole only", wanted.shown)
            return _anew(wanted, part, answer)
    log.info("%s is started anew: its server gives other bytes than it was asked for", wanted.shown)
    part.restart()
    return None


def _is_held(answer: requests.Response, held: Note) -> bool:
    if answer.status_code == 304:
        return True
    # Some servers send all, whatever the conditions: then nothing more is read.
    if answer.status_code != 200 or not held.version.same(Version.of(answer.headers)):
        return False
    return held.version.encoding is not None or _length(answer) in (None, held.length)


def _anew(wanted: _Wanted, part: Part, answer: requests.Response) -> Downloaded:
    version = Version.of(answer.headers)
    part.restart()
    if version.decoded(wanted.path):  # its bytes are not those that a range would count
        return _receive(wanted, part, answer, version, 0, None)
    total = _length(answer)
    if total is None and not answer.raw.chunked and wanted.sha256 is None:
        log.warning("%s tells no length: only a `sha256` can show that it is whole", wanted.shown)
    part.note(wanted.key, total, version)
    return _receive(wanted, part, answer, version, 0, total)


def _receive(
    wanted: _Wanted,
    part: Part,
    answer: requests.Response,
    version: Version,
    start: int,
    total: int | None,
) -> Downloaded:
    """Take the body, which begins at byte `start`, and publish the file when it is whole."""
    sha = _seeded(wanted, part, start)
    part.cut(start)
    wanted.progress.resume(start, total)
    body = blocks(answer, decode=version.decoded(wanted.path))
    if wanted.look is not None and not start:
        body = _looked_at(wanted.look, answer, body)
    for block in body:
        part.write(block)
        wanted.progress.add(bytes=len(block))
        if sha is not None:
            sha.update(block)
    _check_length(answer, part.size, total)
    if sha is not None and sha.hexdigest() != wanted.sha256:
        message = f"has sha256 {sha.hexdigest()}, expected {wanted.sha256}"
        part.restart()
        if start:
            raise Again(f"what was put together {message}", 0)
        raise TransferError(f"{wanted.shown} {message}")
    part.publish(wanted.key, version)
    before = f"{size(part.size)}, {size(start)} of it before; " if start else ""
    say("downloaded %s: %s%s", wanted.shown, before, wanted.progress)
    return Downloaded(wanted.path, part.size, version.etag)


def _looked_at(look: Look, answer: requests.Response, body: Iterator[bytes]) -> Iterator[bytes]:
    first = b""
    for block in body:
        first += block
        if len(first) >= LOOKED_AT:
            break
    look(first, answer.headers.get("Content-Type", ""))
    yield first
    yield from body


def _check_length(answer: requests.Response, size: int, total: int | None) -> None:
    if total is not None and size != total:
        raise Again(f"got {size} of {total} bytes")
    declared, received = _length(answer), answer.raw.tell()
    if declared is not None and declared != received:
        raise Again(f"got {received} of {declared} bytes")


def _seeded(wanted: _Wanted, part: Part, start: int) -> "_Hash | None":
    if wanted.sha256 is None:
        return None
    sha = hashlib.sha256()
    for block in part.read(start):
        sha.update(block)
    return sha


def _length(answer: requests.Response) -> int | None:
    declared = answer.headers.get("Content-Length", "")
    return int(declared) if declared.isdecimal() and len(declared) < 19 else None


def _sha256(store: Store, path: str) -> str:
    sha = hashlib.sha256()
    with store.open(path) as file:
        while block := file.read(BLOCK):
            sha.update(block)
    return sha.hexdigest()
