"""Who a server works as: databases refuse to run as root, or should not."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from factory_embedded.service import ServiceError


@dataclass(frozen=True)
class Account:
    """Who owns the data, and how to run a program as that."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()


def account_for(data: Path, program: Path, name: str) -> Account:
    """Oneself, or for root the owner of ``data``, else `nobody`; it may enter both paths.

    Raises `ServiceError`, with the server's ``name``.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    uid, gid = _owner(data, name)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError(f"{name} does not run as root, and there is no `setpriv` here")
    # Folders such as /root are closed to others. Rather than opening them, the server is allowed to
    # pass through; containers often grant only the second capability.
    capabilities = (None, "dac_read_search", "dac_override")
    candidates = [Account(uid, gid, _as(setpriv, uid, gid, one)) for one in capabilities]
    for account in candidates:
        if all(_may_enter(account, path) for path in (data.parent, program)):
            return account
    raise ServiceError(
        f"run as root, {name} works as the user {pwd.getpwuid(uid).pw_name!r}, who can't enter "
        f"{data.parent} or {program.parent}; move the project to a folder that others may enter, "
        "or do not run as root"
    )


def _owner(data: Path, name: str) -> tuple[int, int]:
    """The account of existing data, else `nobody`, so that no account is created."""
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise ServiceError(f"{name} does not run as root, and there is no user `nobody`") from None
    return entry.pw_uid, entry.pw_gid


def _as(setpriv: str, uid: int, gid: int, capability: str | None) -> tuple[str, ...]:
    ids = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    added = (f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}") if capability else ()
    return (setpriv, *ids, *added, "--")


def _may_enter(account: Account, path: Path) -> bool:
    with suppress(OSError, subprocess.SubprocessError):
        shown = f"{path}/." if path.is_dir() else str(path)
        run([*account.prefix, "ls", "-d", shown], check=True)
        return True
    return False


def run(command: Sequence[str], *, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with nothing of this process's environment but its paths."""
    return subprocess.run(
        command,
        check=check,
        capture_output=True,
        text=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        env=environment(),
    )


@contextmanager
def made_aside(data: Path, account: Account) -> Iterator[Path]:
    """A new folder of the account, which becomes `data` when the block ends well.

    So what a killed process made is not taken for the whole.
    """
    new = data.parent / f".{data.name}.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    try:
        os.chown(new, account.uid, account.gid)
        yield new
        os.replace(new, data)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def environment() -> dict[str, str]:
    """For a server: the same everywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}
