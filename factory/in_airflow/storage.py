"""Where files wait between the tasks of a run."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from airflow.sdk.exceptions import AirflowException

from factory import stores
from factory.in_airflow import each
from factory.in_airflow.clients import client
from factory.in_airflow.steps import step_of
from factory.stores.disk import Disk
from factory.stores.model import Place, Store

STAGE = "FACTORY_STAGE"
_LONGEST = 240  # a file's name may have 255 bytes


def step_folder(stage: str | None, context: Mapping[str, Any]) -> Place:
    """The folder of one run of one step: `<stage>/<dag_id>/<run_id>/<step>`.

    The step is the task's group, so that the tasks of a step find each other's files. Each copy of
    a step with a `for_each` has a folder of its own, `<step>@<digits of its item>`.
    """
    task = context["task_instance"]
    name = f"{step_of(task.task_id)}{each.key(context)}"
    return stage_root(stage).below(task.dag_id, _safe(task.run_id), name)


def place(uri: str) -> Place:
    """Where an address is: `file:///data/x.csv` is the disk's `/data/x.csv`.

    :raises AirflowException: no store has it.
    """
    try:
        return stores.open_uri(uri, client)
    except stores.UnknownStore:
        shown, begins = stores.without_keys(uri), stores.beginnings()
        raise AirflowException(
            f"{shown!r} cannot be read: expected an URI that begins with {begins}"
        ) from None


def folder(uri: str) -> Place:
    """Where a folder is, also when its address does not end in `/`.

    :raises AirflowException: no store has it.
    """
    store, path = place(uri)
    return Place(store, f"{path.rstrip('/')}/" if path else "")


def places(uris: Sequence[str]) -> tuple[Store, list[str]]:
    """The one store that all addresses are in, and their paths there.

    :raises AirflowException: they are in several stores, or one in none.
    """
    found = [place(uri) for uri in uris]
    for other in found[1:]:
        if other.store != found[0].store:
            raise AirflowException(
                f"{found[0].uri} and {other.uri} are in two stores: a step reads from one"
            )
    return found[0].store if found else Disk(), [one.path for one in found]


def stage_root(stage: str | None) -> Place:
    """A pipeline's own stage, else that of the environment, else one in the temporary folder.

    :raises AirflowException: no store has it, or the folder is not safe.
    """
    chosen = stage or os.environ.get(STAGE)
    if chosen:
        return place(chosen)
    own = _own(Path(tempfile.gettempdir()) / f"factory-stage-{os.getuid()}")
    return Place(Disk(), str(own))


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


def run_of(folder: str) -> str | None:
    """The id of the run whose folder has this name; None when it does not tell."""
    run_id = unquote(folder.rpartition("-")[0], errors="replace")
    return run_id if _safe(run_id) == folder else None
