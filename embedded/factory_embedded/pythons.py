"""Environments for programs that pin other versions than ours: each made once, by a lock."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from factory_embedded.cache import cache_folder, made
from factory_embedded.service import Cancelled, ServiceError, never

_PAUSE = 0.2


def environment(name: str, lock: Path, cancelled: Callable[[], bool] = never) -> Path:
    """The Python of an environment that has what ``lock`` pins, with hashes, and nothing else.

    It is made in the cache when it is missing. Raises `ServiceError`, and `Cancelled` once
    ``cancelled`` says so.
    """
    if sys.version_info < (3, 11):
        said = ".".join(map(str, sys.version_info[:2]))
        raise ServiceError(f"{name} needs Python 3.11 or later, and this is {said}")
    return made(_home(name, lock), lambda _, new: _fill(name, lock, new, cancelled)) / "bin/python"


def is_at_hand(name: str, lock: Path) -> bool:
    """Whether `environment` will download nothing."""
    return _home(name, lock).is_dir()


def _home(name: str, lock: Path) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    version = ".".join(map(str, sys.version_info[:2]))
    return cache_folder() / f"{name}-{digest}-python{version}"


def _fill(name: str, lock: Path, new: Path, cancelled: Callable[[], bool]) -> None:
    venv.create(new, symlinks=True, with_pip=False)
    command = [*_installer(new / "bin" / "python"), "--require-hashes", "-r", str(lock)]
    log = new / "install.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        while not _has_ended(process):
            if cancelled():
                raise Cancelled
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        tail = log.read_text(errors="replace")[-2000:].strip()
        raise ServiceError(f"{name} can't be installed: {tail}", "Check the network")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_PAUSE)
    except subprocess.TimeoutExpired:
        return False
    return True


def _installer(python: Path) -> Iterator[str]:
    """By `uv` where it is there, which takes a tenth of the time."""
    if find_spec("uv"):
        from uv import find_uv_bin

        yield from (find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode")
    else:
        yield from (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
        return
    yield from ("--python", str(python))
