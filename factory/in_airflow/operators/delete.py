"""The task of a `delete` step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from factory.account import say
from factory.amounts import counted, size
from factory.in_airflow.storage import place

if TYPE_CHECKING:
    from airflow.sdk import Context


class Delete(BaseOperator):
    """Removes the files that a path, a pattern or a folder means.

    :param most: so many files may go; when there are more, none does.
    :param folder: the path is written as a folder's.
    """

    consequence = "files that were not removed yet stay"
    template_fields: Sequence[str] = ("path",)

    def __init__(self, *, path: str, most: int, folder: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.most = most
        self.folder = folder

    def execute(self, context: Context) -> dict[str, int]:
        """Remove; return how many files and bytes, and how many stayed since they changed."""
        from factory.transfer.removal import delete

        done = delete(place(self.path), most=self.most, folder=self.folder)
        say("%s removed, %s: %s", counted(done.files, "file"), size(done.bytes), self.path)
        return {"files": done.files, "bytes": done.bytes, "stayed": len(done.stayed)}
