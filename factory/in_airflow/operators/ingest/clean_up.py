"""The end of an `ingest`: its staged files go."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators import teardown
from factory.in_airflow.operators.ingest.staged import DOWNLOADS, QUARANTINE, ROWS, Staged
from factory.in_airflow.storage import run_of

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
            for part in (DOWNLOADS, ROWS):
                shutil.rmtree(folder / part, ignore_errors=True)
        elif folder.exists():
            log.warning(
                "%s is %s: its files stay in %s%s", self.after, state, folder, self._until()
            )
        if _is_empty(folder):
            _remove(folder, folder.parent, folder.parent.parent)
        elif (folder / QUARANTINE).exists():
            log.warning("rows in quarantine stay in %s%s", folder / QUARANTINE, self._until())
        self._sweep(folder.parent, context)
        teardown.fail_if_ended(context, last=self.after, done=self.done)

    def _until(self) -> str:
        until = datetime.fromtimestamp(time.time() + self.retention, timezone.utc)
        return f" until {until:%Y-%m-%d %H:%M} UTC, or longer when the pipeline does not run"

    def _sweep(self, run: Path, context: Context) -> None:
        """Remove what runs of this pipeline that are over left too long ago."""
        for other in run.parent.iterdir() if run.parent.exists() else ():
            if other == run or not other.is_dir() or _age(other) <= self.retention:
                continue
            if _may_go_on(context, other):
                log.info("%s stays, though nothing in it changed for a long time", other)
            else:
                shutil.rmtree(other, ignore_errors=True)
                log.info("removed %s: nothing in it changed for a long time", other)


def _may_go_on(context: Context, folder: Path) -> bool:
    """Is its run queued or running, or not to be told by its name?"""
    task, run_id = context["task_instance"], run_of(folder)
    if run_id is None:
        return True
    going_on = ["queued", "running"]
    return bool(task.get_dr_count(dag_id=task.dag_id, run_ids=[run_id], states=going_on))


def _is_empty(folder: Path) -> bool:
    return not folder.exists() or not any(folder.iterdir())


def _remove(*folders: Path) -> None:
    with suppress(OSError):  # another step, or another run, still has files there
        for folder in folders:
            folder.rmdir()


def _age(folder: Path) -> float:
    """Seconds since anything in it changed."""
    with suppress(OSError):
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    return 0.0
