"""The end of an `ingest`: its staged files go."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators import teardown
from factory.in_airflow.operators.ingest.staged import (
    DOWNLOADS,
    LISTED,
    LOADED,
    QUARANTINE,
    ROWS,
    Staged,
    remove,
)
from factory.in_airflow.storage import run_of
from factory.stores.model import Folder, Place, Store

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class CleanUp(Staged):
    """Removes the step's staged files when its last task has succeeded.

    After a failure they stay for `retention` seconds, so that the failed task can be repeated
    without downloading again. So do rows in quarantine, whatever happens: they are nowhere else.
    """

    template_fields: Sequence[str] = ("stage",)

    def __init__(self, *, after: str, done: str, retention: float, **kwargs: Any) -> None:
        super().__init__(**{**teardown.RETRIES, **kwargs})
        self.after = after
        self.done = done
        self.retention = retention

    def execute(self, context: Context) -> None:
        """Remove, or say what stays, why, and until when."""
        folder = self._folder(context)
        state = teardown.states(context, self.after)[self.after]
        if state in ("success", "skipped"):
            for part in (DOWNLOADS, ROWS, LISTED, LOADED):
                remove(folder.below(part))
        elif not _is_empty(folder):
            log.warning(
                "%s is %s: its files stay in %s%s", self.after, state, folder, self._until()
            )
        if _is_empty(folder):
            for empty in (folder, folder.parent, folder.parent.parent):
                empty.store.delete_empty(empty.path)
        elif not _is_empty(aside := folder.below(QUARANTINE)):
            log.warning("rows in quarantine stay in %s%s", aside, self._until())
        self._sweep(folder.parent, context)
        teardown.fail_if_ended(context, last=self.after, done=self.done)

    def _until(self) -> str:
        until = datetime.fromtimestamp(time.time() + self.retention, timezone.utc)
        return f" until {until:%Y-%m-%d %H:%M} UTC, or longer when the pipeline does not run"

    def _sweep(self, run: Place, context: Context) -> None:
        """Remove what runs of this pipeline that are over left too long ago."""
        store, pipeline = run.parent
        others = [folder for page in store.list(pipeline) for folder in page.folders]
        for folder in others:
            other = Place(store, folder.path)
            if other == run or _age(store, folder) <= self.retention:
                continue
            if _may_go_on(context, other):
                log.info("%s stays, though nothing in it changed for a long time", other)
            else:
                remove(other)
                log.info("removed %s: nothing in it changed for a long time", other)


def _may_go_on(context: Context, folder: Place) -> bool:
    """Is its run queued or running, or not to be told by its name?"""
    task, run_id = context["task_instance"], run_of(folder.name)
    if run_id is None:
        return True
    going_on = ["queued", "running"]
    return bool(task.get_dr_count(dag_id=task.dag_id, run_ids=[run_id], states=going_on))


def _is_empty(folder: Place) -> bool:
    return not any(page.entries for page in folder.store.list(folder.path))


def _age(store: Store, folder: Folder) -> float:
    """Seconds since anything in it changed; 0 when it does not tell."""
    below = (entry for page in store.list(folder.path, deep=True) for entry in page.entries)
    changes = [entry.changed for entry in (folder, *below) if entry.changed is not None]
    return time.time() - max(changes) if changes else 0.0
