"""Folders that one process at a time may use."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory_embedded.service import ServiceError


@contextmanager
def only_user_of(folder: Path, lock: Path) -> Iterator[None]:
    """Use a folder, which the file ``lock`` stands for, until the block ends.

    The lock goes with the process, however it ends. Raises `ServiceError` when another has it.
    """
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(f"{folder} is in use by another process") from None
        yield


def is_in_use(lock: Path) -> bool:
    """Whether a process holds the file ``lock``."""
    try:
        with open(lock) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
