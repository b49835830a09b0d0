"""The task of the source `acme_numbers`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class MakeNumbers(BaseOperator):
    """Numbers and their squares → a CSV file."""

    template_fields: Sequence[str] = ("path",)

    def __init__(self, *, path: str, rows: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.rows = rows

    def execute(self, context: Context) -> list[str]:
        """Write; return the URIs of the files."""
        lines = ["number,square", *(f"{n},{n * n}" for n in range(1, self.rows + 1))]
        Path(self.path.removeprefix("file://")).write_text("\n".join(lines) + "\n")
        return [self.path]
