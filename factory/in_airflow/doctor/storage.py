"""Where files wait: the stage, and the folder for what is temporary."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from factory.in_airflow.doctor.finding import Finding, error, names, ok, warning
from factory.in_airflow.doctor.installation import Installation

if TYPE_CHECKING:
    from factory.stores.model import Place

_LITTLE = 1024**3
_NOEXEC = 8  # ST_NOEXEC, which Python does not name everywhere


def check_stage(found: Installation) -> Iterator[Finding]:
    """Every stage that a pipeline uses: known, writable, with room, and seen by all workers."""
    from factory.in_airflow.storage import STAGE

    by_default = os.environ.get(STAGE)
    if by_default is not None and not by_default:
        yield warning(f"{STAGE} is set, and empty", "unset it, or let it name a folder")
    users = _users(found)
    for stage in sorted(users, key=str):
        yield from _stage(found, stage, users[stage])
    if not users:
        yield ok("no pipeline stages files")


def _users(found: Installation) -> dict[str | None, list[str]]:
    """The pipelines of each stage; None: that of the worker."""
    by: dict[str | None, list[str]] = {}
    for plan in found.plans:
        for task in plan.tasks:
            if "stage" in task.arguments:
                by.setdefault(task.arguments["stage"], []).append(plan.dag_id)
    return by


def _stage(found: Installation, stage: str | None, users: list[str]) -> Iterator[Finding]:
    from airflow.sdk.exceptions import AirflowException

    from factory.errors import FactoryError
    from factory.in_airflow.storage import STAGE, stage_root
    from factory.stores.disk import Disk

    said = stage or os.environ.get(STAGE)
    whose = f"of {names(users)}"
    try:
        place = stage_root(stage)
    except (AirflowException, FactoryError, OSError) as wrong:
        yield error(f"the stage {whose} cannot be used: {wrong}", f"change `stage`, or {STAGE}")
        return
    if not isinstance(place.store, Disk):
        if found.connect:
            yield _in_store(place, f"the stage {said} {whose}")
        else:
            yield ok(f"the stage {whose} is {said}, a store that all workers can share; not tried")
        return
    folder = Path(place.path)
    yield from _writable(folder, f"the stage {folder} {whose}", f"change `stage`, or {STAGE}")
    yield _shared(found, folder, by_default=not said)


def _in_store(stage: Place, what: str) -> Finding:
    """Whether files can be written, read and removed there: one is."""
    from factory.in_airflow.storage import STAGE

    probe = stage.below(f"factory-doctor-{uuid.uuid4().hex}")
    change = f"correct the connection, or change `stage`, or {STAGE}"
    try:
        with probe.store.writer(probe.path) as out:
            out.write(b"x")
        with probe.store.open(probe.path) as file:
            file.read()
        probe.store.delete(probe.path)
    except Exception as wrong:  # a missing connection or package, too
        return error(f"{what} cannot be used: {wrong}", getattr(wrong, "hint", "") or change)
    return ok(f"{what} can be written and read, and all workers can share it")


def _shared(found: Installation, folder: Path, *, by_default: bool) -> Finding:
    """Whether the tasks of one run see the same folder: with a remote executor they need not."""
    from factory.in_airflow.storage import STAGE

    if found.home is None:
        return ok(f"the stage is a folder of this machine: {folder}")
    remote = remote_executors()
    if not remote:
        return ok("all tasks run on the scheduler's machine, which has the stage")
    temporary = Path(tempfile.gettempdir()).resolve() in folder.resolve().parents
    if by_default or temporary:
        return error(
            f"tasks run on several machines ({names(remote)}), and the stage is a folder of each "
            f"one alone: {folder}",
            f"let {STAGE}, or `stage` of an environment, name a folder that all workers mount, "
            "such as file:///mnt/stage",
        )
    return warning(
        f"tasks run on several machines ({names(remote)}): whether all have the same {folder} "
        "cannot be seen from one",
        "it has to be a mount that they share, such as NFS or a volume of Kubernetes",
    )


def remote_executors() -> list[str]:
    """Those of Airflow's executors that run tasks elsewhere, or may."""
    from airflow.configuration import conf

    configured = conf.get("core", "executor", fallback="LocalExecutor")
    every = [one.strip().rpartition(":")[2] for one in configured.split(";")[-1].split(",")]
    return [one for one in every if one.rpartition(".")[2] not in _LOCAL]


_LOCAL = ("LocalExecutor", "SequentialExecutor")


def check_temporary(found: Installation) -> Iterator[Finding]:
    """The folder for what is temporary."""
    folder = Path(tempfile.gettempdir())
    yield from _writable(folder, f"the temporary folder {folder}", "set TMPDIR to another folder")
    if os.statvfs(folder).f_flag & _NOEXEC:
        yield warning(
            f"nothing can be run that is in {folder} (it is mounted `noexec`): operators such as "
            "PythonVirtualenvOperator fail",
            "set TMPDIR to another folder, where such operators are used",
        )


def _writable(folder: Path, called: str, todo: str) -> Iterator[Finding]:
    """Try to write, and tell of the room."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
            file.flush()
    except OSError as wrong:
        yield error(f"{called} cannot be written: {wrong.strerror}", todo)
        return
    free = shutil.disk_usage(there).free
    room = f"{free / 1024**3:,.1f} GiB are free"
    kind = _file_system(there)
    if free < _LITTLE:
        yield warning(f"{called} has little room: {room}", f"make room, or {todo}")
    elif kind == "tmpfs":
        yield warning(f"{called} is in memory ({kind}): {room}", f"for large files {todo}")
    else:
        yield ok(f"{called} can be written, {room}")


def _file_system(folder: Path) -> str:
    """The kind of file system that a folder is on; empty where the system does not tell."""
    try:
        lines = Path("/proc/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    here = folder.resolve()
    mounts = [line.split()[1:3] for line in lines]
    above = [(len(at), kind) for at, kind in mounts if at == str(here) or Path(at) in here.parents]
    return max(above, default=(0, ""))[1]
