"""A file behind an address → the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.hiding import (
    hide_connection,
    hide_login,
    hide_named,
    hide_query,
)
from factory.in_airflow.operators.ingest.staged import DOWNLOADS, Staged, number
from factory.stores.model import Place

if TYPE_CHECKING:
    import requests
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.sdk import Context

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and of silence between bytes, unless the connection says otherwise."""


class Download(Staged):
    """A file behind an address → the stage.

    :param url: the address, or the path below the connection's host.
    :param format: what the file should be; None: whatever it is.
    :param content_type: what its server calls it, when that is no word for the format.
    :param on_missing: for HTTP 404 and 410: `fail`, `skip` the task, or `tell` it to the next one.
    """

    template_fields: Sequence[str] = ("url", "conn_id", "sha256", "stage")

    def __init__(
        self,
        *,
        url: str,
        conn_id: str | None = None,
        sha256: str | None = None,
        format: Mapping[str, Any] | None = None,
        content_type: str | None = None,
        on_missing: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.conn_id = conn_id
        self.sha256 = sha256
        self.format = format
        self.content_type = content_type
        self.on_missing = on_missing

    @cached_property
    def hook(self) -> HttpHook:
        """The connection's hook."""
        from airflow.providers.http.hooks.http import HttpHook

        return HttpHook(method="GET", http_conn_id=self.conn_id or "")

    def execute(self, context: Context) -> dict[str, Any]:
        """Download; return where, how much, and which version."""
        from factory.transfer.download import download, file_name, shown
        from factory.transfer.errors import Missing

        session, url, timeout = self._session()
        hide_login(url)
        hide_query(url)
        place = f"{DOWNLOADS}/{number(context)}/{file_name(url)}"
        store, path = whole = self._folder(context).below(place)
        _remove_others(whole)
        try:
            with session:
                done = download(
                    *(session, url, store, path),
                    timeout=timeout,
                    sha256=self.sha256,
                    look=self._look(shown(url)),
                )
        except Missing as missing:
            if self.on_missing == "fail":
                raise
            reason = str(missing)
        else:
            return {"path": place, "bytes": done.bytes, "etag": done.etag, "url": shown(url)}
        if self.on_missing == "skip":
            raise AirflowSkipException(_skipped(reason))
        self.log.warning("%s", reason)
        return {_MISSING: reason}

    def _look(self, source: str) -> Callable[[bytes, str], None] | None:
        """Refuse an error page before it takes the file's place."""
        from factory.definitions import formats
        from factory.transfer.first_bytes import refuse_answer

        if self.format is None:
            return None
        given = formats.of(self.format)
        return lambda first, told: refuse_answer(first, told, source, given, self.content_type)

    def _session(self) -> tuple[requests.Session, str, tuple[float, float]]:
        import requests

        if self.conn_id is None:
            return requests.Session(), self.url, TIMEOUT
        hide_connection(self.hook.get_connection(self.conn_id))
        session = self.hook.get_conn()
        hide_named(session.headers)
        if self.hook.merged_extra.get("allow_redirects") is False:
            session.max_redirects = 0
        return session, self._below_host(), self._timeout()

    def _below_host(self) -> str:
        if not self.url.startswith(("http://", "https://")):
            return self.hook.url_from_endpoint(self.url)
        if _origin(self.url) != _origin(self.hook.base_url):
            raise AirflowException(
                f"the connection {self.conn_id!r} is for {_origin(self.hook.base_url)}, and its "
                f"credentials go nowhere else: {_origin(self.url)} needs a connection of its own"
            )
        return self.url

    def _timeout(self) -> tuple[float, float]:
        given = self.hook.merged_extra.get("timeout")
        if given is None:
            return TIMEOUT
        try:
            connect, read = given if isinstance(given, list) else (given, given)
            return float(connect), float(read)
        except (TypeError, ValueError):
            raise AirflowException(
                f"the connection {self.conn_id!r} has {given!r} for its timeout: expected seconds, "
                "or [seconds to connect, seconds of silence]"
            ) from None


class SkipIfMissing(Staged):
    """What several downloads have found; the step is skipped when a file was missing.

    :param files: what each of them returned, which this returns, too.
    """

    template_fields: Sequence[str] = ("files", "stage")

    def __init__(self, *, files: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.files = files

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Look whether all are there."""
        found = list(self.files)
        missing = [one[_MISSING] for one in found if _MISSING in one]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise AirflowSkipException(_skipped(f"{missing[0]}{more}"))
        return found


_MISSING = "missing"


def _skipped(reason: str) -> str:
    return f"{reason}: this step is skipped, as `on_missing: skip` says"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or default}"


def _remove_others(file: Place) -> None:
    """What an earlier attempt, whose address had another name, has left."""
    store, folder = file.parent
    others = [Place(store, other.path) for page in store.list(folder) for other in page.files]
    for other in others:
        if other.name != file.name and not other.name.startswith(f".{file.name}."):
            store.delete(other.path)
