"""Which files are there, and which task converts which?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from factory.in_airflow.operators.ingest.staged import ROWS, Staged, remove
from factory.in_airflow.storage import places

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

SHARE = 64 * 2**20
"""Bytes that are worth a task of their own: about a second's work."""


class ListFiles(Staged):
    """Paths and patterns → shares of files, one for each task that converts.

    :param paths: URIs, each a file or a pattern.
    :param on_missing: `fail`, or `skip` the step when a path or a pattern has no match.
    """

    template_fields: Sequence[str] = ("paths", "stage")

    def __init__(
        self, *, paths: list[str], max_tasks: int, on_missing: str = "fail", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.paths = paths
        self.max_tasks = max_tasks
        self.on_missing = on_missing

    def execute(self, context: Context) -> list[list[str]]:
        """List, and remove what an earlier attempt with other files converted."""
        from factory.transfer.errors import Missing
        from factory.transfer.files import expand, shares, size

        store, paths = places(self.paths)
        try:
            found = expand(store, paths)
        except Missing as missing:
            if self.on_missing == "skip":
                raise AirflowSkipException(f"{missing}: this step is skipped") from None
            raise
        remove(self._folder(context).below(ROWS))
        parts = shares(found, [size(store, path) for path in found], self.max_tasks, SHARE)
        log.info("%d file(s) for %d task(s)", len(found), len(parts))
        return [[store.uri(path) for path in part] for part in parts]
