"""A file behind an address → the stage."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from factory.in_airflow.operators.ingest.staged import DOWNLOADS, Staged

if TYPE_CHECKING:
    import requests
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class Download(Staged):
    """A file behind an address → the stage."""

    template_fields: Sequence[str] = ("url", "conn_id", "sha256", "stage")

    def __init__(
        self, *, url: str, conn_id: str | None = None, sha256: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.conn_id = conn_id
        self.sha256 = sha256

    @cached_property
    def hook(self) -> HttpHook:
        """The connection's hook."""
        from airflow.providers.http.hooks.http import HttpHook

        return HttpHook(method="GET", http_conn_id=self.conn_id or "")

    def execute(self, context: Context) -> dict[str, Any]:
        """Download into an empty folder of the stage."""
        import fsspec

        from factory.transfer.download import download

        folder = self._folder(context) / DOWNLOADS
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        session, url = self._session()
        name = urlsplit(url).path.rpartition("/")[2] or "file"
        with session:
            done = download(
                session, url, fsspec.filesystem("file"), str(folder / name), sha256=self.sha256
            )
        log.info("%d bytes are staged", done.bytes)
        return {"path": f"{DOWNLOADS}/{name}", "bytes": done.bytes}

    def _session(self) -> tuple[requests.Session, str]:
        import requests

        if self.conn_id is None:
            return requests.Session(), self.url
        session = self.hook.get_conn()
        return session, self.hook.url_from_endpoint(self.url)
