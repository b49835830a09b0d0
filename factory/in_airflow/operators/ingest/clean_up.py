"""The end of an `ingest`: its staged files go."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.staged import Staged

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class CleanUp(Staged):
    """Removes the step's staged files when its last task has succeeded.

    After a failure they stay, so that the failed task can be repeated without downloading again.
    """

    template_fields: Sequence[str] = ("stage",)

    def __init__(self, *, after: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after = after

    def execute(self, context: Context) -> None:
        """Remove, or say what stays and why."""
        task = context["task_instance"]
        folder = self._folder(context)
        states = task.get_task_states(
            dag_id=task.dag_id, task_ids=[self.after], run_ids=[task.run_id]
        )
        state = states.get(task.run_id, {}).get(self.after)
        if state == "success":
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another step of the run still has files there
                folder.parent.rmdir()
            log.info("removed %s", folder)
        else:
            log.warning("%s is %s: its files stay in %s", self.after, state, folder)
