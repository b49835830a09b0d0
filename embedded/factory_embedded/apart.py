"""Servers in Python whose packages would not fit into our own environment: each has one of its own.

It is put together once, from a lock with hashes, and kept in the cache.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from factory_embedded.cache import cache_folder, made
from factory_embedded.service import Cancelled, ServiceError, never

_SECONDS = 1800.0
_PAUSE = 0.2
_PYTHON = (3, 11)


def python(name: str, lock: Path, cancelled: Callable[[], bool] = never) -> Path:
    """The interpreter of an environment that has what ``lock`` names; made when missing.

    Raises `ServiceError`, and `Cancelled` once ``cancelled`` says so.
    """
    if sys.version_info < _PYTHON:
        wanted = ".".join(map(str, _PYTHON))
        raise ServiceError(f"{name} needs Python {wanted} or later, to which the services belong")
    return made(_home(name, lock), lambda _, new: _fill(name, lock, new, cancelled)) / "bin/python"


def is_at_hand(name: str, lock: Path) -> bool:
    """Whether `python` will download nothing."""
    return _home(name, lock).is_dir()


def _home(name: str, lock: Path) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    return cache_folder() / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}-{digest}"


def _fill(name: str, lock: Path, new: Path, cancelled: Callable[[], bool]) -> None:
    _run(name, [sys.executable, "-m", "venv", "--without-pip", str(new)], cancelled)
    into = new / "bin" / "python"
    _run(name, [*_installer(into), "--require-hashes", "-r", str(lock)], cancelled)


def _installer(into: Path) -> list[str]:
    if find_spec("uv"):
        uv = [sys.executable, "-m", "uv", "pip", "install", "--compile-bytecode"]  # as pip does
        return [*uv, "--quiet", "--python", str(into)]
    return [sys.executable, "-m", "pip", "--python", str(into), "install", "--quiet"]


def _run(name: str, command: Sequence[str], cancelled: Callable[[], bool]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            said = _output(process, cancelled)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        tail = "\n".join(said.decode(errors="replace").splitlines()[-20:])
        raise ServiceError(f"the environment of {name} was not made:\n{tail}")


def _output(process: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> bytes:
    for _ in range(round(_SECONDS / _PAUSE)):
        try:
            return process.communicate(timeout=_PAUSE)[0]
        except subprocess.TimeoutExpired:
            if cancelled():
                raise Cancelled from None
    raise ServiceError(f"{process.args!r} took more than {_SECONDS:g} s")
