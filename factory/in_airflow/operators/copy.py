"""The task of a `copy` step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException  # it moved after Airflow 3.1
from airflow.sdk import BaseOperator

from factory.account import say
from factory.amounts import counted, size
from factory.in_airflow.storage import place

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.transfer.bulk import Done

_WORDS = {
    "there": "there before",
    "kept": "not copied: another file has the name",
    "removed": "removed at the source",
}


class Copy(BaseOperator):
    """Files → another place, in the same store or another.

    :param source: URI of a file, a pattern, or a folder, which ends in `/`.
    :param target: URI of a folder, which ends in `/`, or of one file.
    :param move: the source goes when all copies are verified.
    """

    consequence = "copies that were made stay; no source was removed before its copy was verified"
    template_fields: Sequence[str] = ("source", "target")

    def __init__(
        self,
        *,
        source: str,
        target: str,
        move: bool,
        if_exists: Literal["fail", "skip", "replace"],
        on_missing: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.target = target
        self.move = move
        self.if_exists = if_exists
        self.on_missing = on_missing

    def execute(self, context: Context) -> dict[str, int]:
        """Copy; return how many files and bytes, and how many were there, kept and removed."""
        from factory.transfer.bulk import copy
        from factory.transfer.errors import Missing

        done = copy(place(self.source), place(self.target), self.if_exists, move=self.move)
        if done is None:
            missing = f"no file matches {self.source}"
            if self.on_missing == "skip":
                raise AirflowSkipException(f"{missing}: this step is skipped")
            raise Missing(missing, self._hint())
        return self._told(done)

    def _hint(self) -> str:
        folder = "A folder has a `/` at its end"
        moved = "; files that a run before has moved are at the target" if self.move else ""
        return f"{folder}{moved}. `on_missing: skip` skips the step"

    def _told(self, done: Done) -> dict[str, int]:
        told = done._asdict()
        words = "".join(f", {told[name]} {word}" for name, word in _WORDS.items() if told[name])
        say("%s, %s, to %s%s", counted(done.files, "file"), size(done.bytes), self.target, words)
        return told
