"""A task whose files wait on the stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from factory.in_airflow.storage import step_folder

if TYPE_CHECKING:
    from airflow.sdk import Context

DOWNLOADS = "download"
PARQUET = "rows.parquet"


class Staged(BaseOperator):
    """A task that works in its step's folder on the stage."""

    def __init__(self, *, stage: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def _folder(self, context: Context) -> Path:
        return step_folder(self.stage, context)
