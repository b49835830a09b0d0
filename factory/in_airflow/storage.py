"""Where files wait between the tasks of a run."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.steps import step_of

STAGE = "FACTORY_STAGE"
_SCHEME = "file://"
_LONGEST = 240  # a file's name may have 255 bytes


def step_folder(stage: str | None, context: Mapping[str, Any]) -> Path:
    """The folder of one run of one step: `<stage>/<dag_id>/<run_id>/<step>`.

    The step is the task's group, so that the tasks of a step find each other's files.
    """
    task = context["task_instance"]
    return _root(stage).joinpath(task.dag_id, _safe(task.run_id), step_of(task.task_id))


def local_path(uri: str) -> str:
    """`file:///data/x.csv` as `/data/x.csv`.

    :raises AirflowException: another scheme.
    """
    if not uri.startswith(f"{_SCHEME}/"):
        raise AirflowException(f"{uri!r} cannot be read: expected an URI that begins with file:///")
    return uri.removeprefix(_SCHEME)


def file_uri(path: str) -> str:
    """`/data/x.csv` as `file:///data/x.csv`, the reverse of `local_path`."""
    return f"{_SCHEME}{path}"


def _root(stage: str | None) -> Path:
    chosen = stage or os.environ.get(STAGE)
    if chosen:
        return Path(local_path(chosen))
    return _own(Path(tempfile.gettempdir()) / f"factory-stage-{os.getuid()}")


def _own(folder: Path) -> Path:
    """The default stage, for this user alone: others may write into its parent, too.

    :raises AirflowException: somebody else was there first.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
        if found.st_mode & 0o077:
            why = f"others may read or write it (its mode is {stat.S_IMODE(found.st_mode):04o})"
        else:
            return folder
    else:
        is_folder = stat.S_ISDIR(found.st_mode)
        why = "it belongs to somebody else" if is_folder else "it is a link or a file"
    raise AirflowException(
        f"the stage {folder} is not safe: {why}. Remove it, or let {STAGE} or `stage` name a "
        "folder of your own, such as file:///data/stage"
    )


def _safe(run_id: str) -> str:
    # Two run ids may differ only in what a file system does not tell apart.
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return f"{quote(run_id, safe='')[:_LONGEST]}-{digest}"


def run_of(folder: Path) -> str | None:
    """The id of the run whose folder this is; None when its name does not tell."""
    run_id = unquote(folder.name.rpartition("-")[0], errors="replace")
    return run_id if _safe(run_id) == folder.name else None
