"""What is being built, noted on disk: a process that dies names its spec to the next one.

Each process that builds has a mark, a file with the spec at hand; its lock goes when the process
does, however that ends. Who finds a mark without a lock knows which spec the process died with.
Kept in a folder of the machine's temporary directory: what is lost there costs one more try.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import mmap
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from factory.kinds.python import source as python
from factory.spec import discover
from factory.spec.text import MAX_BYTES, Unreadable, bytes_of

log = logging.getLogger(__name__)

_SUFFIX = ".building"
_SIZE = 8192  # the longest path, and more
_FIRST_WAIT, _LONGEST_WAIT = 240.0, 3600.0
_DOTTED = re.compile(rb"[A-Za-z_]\w{0,99}(?:\.[A-Za-z_]\w{0,99}){1,20}")
_own: set[str] = set()  # this process's marks: it could lock them itself


class Blame(msgspec.Struct, frozen=True, kw_only=True):
    """What is held against a spec.

    Without a `reason` it is only suspected: a process died with it, which may be no fault of its.
    `signature` is that of its files and packages, `at` is in seconds since the epoch.
    """

    signature: str = ""
    reason: str = ""
    strikes: int = 1
    at: float = 0.0

    def holds(self, signature: str, now: float) -> bool:
        """Whether the spec is to be left out, without another try."""
        wait = min(_FIRST_WAIT * 4 ** min(self.strikes - 1, 5), _LONGEST_WAIT)
        return bool(self.reason) and self.signature == signature and now < self.at + wait


class Journal:
    """The marks and blames of one configuration root; without a folder it remembers nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._name = ""
        self._lock: IO[bytes] | None = None
        self._mark: mmap.mmap | None = None  # no descriptor that a module could close, and fast
        self.blames: dict[str, Blame] = {}

    def note(self, source: str) -> None:
        """Write down what is being built now; nothing when it is empty."""
        if self._mark is not None:
            data = os.fsencode(source)[: _SIZE - 1] + b"\0"
            self._mark[: len(data)] = data

    def blame(self, source: str, blame: Blame) -> None:
        """Hold something against a spec."""
        self._try_to_change({source: blame})

    def acquit(self, source: str) -> None:
        """Hold nothing against it any more."""
        if source in self.blames:
            self._try_to_change({source: None})

    def open(self) -> None:
        """Find the specs that processes died with, and begin a mark."""
        if self._folder is None:
            return
        dead = list(self._dead())
        known = self._read()
        self.blames = known
        if dead:
            self._try_to_change({name: _struck(known.get(name)) for name in dead})
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        _own.add(self._name)
        self._lock = open(self._folder / self._name, "xb+", buffering=0)  # noqa: SIM115
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        self._lock.write(bytes(_SIZE))  # room on the disk: without it a note would be a SIGBUS
        self._mark = mmap.mmap(self._lock.fileno(), _SIZE)

    def close(self) -> None:
        """End the mark."""
        if self._lock is not None and self._folder is not None:
            with contextlib.suppress(OSError):
                (self._folder / self._name).unlink()
            with contextlib.suppress(OSError):
                self._lock.close()
        self._lock = self._mark = None

    def _dead(self) -> Iterator[str]:
        assert self._folder is not None
        for mark in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if mark.name in _own:
                continue
            with contextlib.suppress(OSError), open(mark, "rb+") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its process lives
                source = os.fsdecode(file.read(MAX_BYTES).partition(b"\0")[0])
                mark.unlink()
                if source:
                    yield source

    def _try_to_change(self, changes: dict[str, Blame | None]) -> None:
        """What cannot be written down is known to this process alone."""
        try:
            self._change(changes)
        except OSError as error:
            log.warning("what is held against specs cannot be noted: %s", error)
            kept = {name: blame for name, blame in self.blames.items() if name not in changes}
            self.blames = kept | {name: blame for name, blame in changes.items() if blame}

    def _change(self, changes: dict[str, Blame | None]) -> None:
        """Under a lock: two processes build one root, and both may have something to say."""
        if self._folder is None:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK
        with open(os.open(self._folder / "lock", flags, 0o600), "rb+", buffering=0) as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            known = self._read()
            for name, blame in changes.items():
                known.pop(name, None)
                if blame is not None:
                    known[name] = blame
            new = self._folder / f"blamed.{os.getpid()}"
            new.write_bytes(msgspec.json.encode({_key(name): known[name] for name in known}))
            new.replace(self._folder / "blamed.json")
        self.blames = known

    def _read(self) -> dict[str, Blame]:
        assert self._folder is not None
        try:
            data, _ = bytes_of(self._folder / "blamed.json")  # which may be anything
            found = msgspec.json.decode(data, type=dict[str, Blame])
            return {_unkey(name): blame for name, blame in found.items()}
        except (Unreadable, ValueError):
            return {}


def _key(name: str) -> str:
    return os.fsencode(name).hex()


def _unkey(name: str) -> str:
    return os.fsdecode(bytes.fromhex(name))


def _struck(known: Blame | None) -> Blame:
    """One more process died with it. A second one, after a trial went well, is enough."""
    if known is None:
        return Blame(at=time.time())
    return msgspec.structs.replace(known, strikes=known.strikes + 1, at=time.time())


@contextlib.contextmanager
def journal(root: Path) -> Iterator[Journal]:
    """The journal of a root, open."""
    made = Journal(_folder(root))
    try:
        made.open()
    except OSError as error:
        log.warning("what is being built cannot be noted in %s: %s", made._folder, error)
        made = Journal(None)
    try:
        yield made
    finally:
        made.close()


def _folder(root: Path) -> Path | None:
    """A folder of this user alone: what others could write there would leave out pipelines."""
    above = Path(tempfile.gettempdir()) / f"pipeline-factory-{os.getuid()}"
    folder = above / "journal" / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    try:
        above.mkdir(mode=0o700, exist_ok=True)
        found = above.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077 or above.is_symlink():
            raise PermissionError(f"{above} is not this user's alone")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        log.warning("what is being built is not noted: %s", error)
        return None
    return folder


def signature(root: Path, path: Path) -> str:
    """Changes when the spec, a layer under it, a kind of the project's own, a module that the spec
    names or a package changes."""
    found = hashlib.sha256(sys.version.encode())
    layers = [folder / discover.DEFAULTS for folder in discover.folders(root, path)]
    environments = sorted((root / discover.ENVIRONMENTS).glob("*.yaml"))
    kinds = sorted((root / discover.KINDS).glob("**/*"))
    packages = [Path(entry) for entry in sys.path if entry.endswith("-packages")]
    for file in (path, *layers, *environments, *kinds, *packages, *_modules(path)):
        with contextlib.suppress(OSError):
            about = file.stat()
            found.update(f"{file}:{about.st_mtime_ns}:{about.st_size}\n".encode(errors="replace"))
    return found.hexdigest()[:32]


def _modules(path: Path) -> Iterator[Path]:
    """The files of every module that a spec may name, found without importing any."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES)
    except OSError:
        return
    for dotted in sorted(set(_DOTTED.findall(text)))[:100]:
        parts = dotted.decode(errors="replace").split(".")
        for length in range(1, len(parts) + 1):
            module = python.find(".".join(parts[:length]))
            if module is not None:
                yield module
