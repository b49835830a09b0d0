"""Objects of a bucket on GCS: `gs://bucket/key`, or `gs://conn_id@bucket/key` for a connection.

The client is that of the connection, `google_cloud_default` unless the address names one. An object
is uploaded in chunks and appears when the last one has arrived.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, BinaryIO

from factory.errors import FactoryError
from factory.stores.gcs import copying
from factory.stores.gcs.api import Answer, Api, Query
from factory.stores.gcs.errors import NoBucket, Target, told
from factory.stores.gcs.reader import opened
from factory.stores.gcs.writer import Upload
from factory.stores.model import PAGE, Can, File, Folder, Page, Place, Writer, is_there

CONNECTS = True
START = "gs://"
DEFAULT = "google_cloud_default"
DELETES_AT_ONCE = 8

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_CONN_ID = re.compile(r"[\w.-]+")
_FACTS = "name,size,generation,timeCreated"


def place(uri: str, connect: Callable[[str], Api]) -> Place:
    """The place of this address.

    :raises FactoryError: it names no bucket, or no connection before the `@`.
    """
    authority, _, path = uri.removeprefix(START).partition("/")
    conn_id, at, bucket = authority.rpartition("@")
    if (at and not _CONN_ID.fullmatch(conn_id)) or not _BUCKET.fullmatch(bucket):
        # it is not shown: before the `@` may stand a key
        raise FactoryError(
            "an address on GCS names no bucket, or no connection before the `@`",
            f"write {START}bucket/key, or {START}conn_id@bucket/key; keys are the connection's",
        )
    return Place(GCS(bucket, conn_id or DEFAULT, connect), path)


@dataclass(frozen=True)
class GCS:
    """A bucket, as a connection sees it."""

    bucket: str
    conn_id: str
    connect: Callable[[str], Api] = field(compare=False, repr=False)
    can = Can(pins=True)

    @cached_property
    def api(self) -> Api:
        """Made when it is first needed."""
        with told(self.target("")):
            return self.connect(self.conn_id)

    def uri(self, path: str) -> str:
        """See `Store`."""
        login = "" if self.conn_id == DEFAULT else f"{self.conn_id}@"
        return f"{START}{login}{self.bucket}/{path}"

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        """See `Store`. Empty objects by which consoles show a folder are left out."""
        for answer in self._answers(folder, prefix, {} if deep else {"delimiter": "/"}):
            page = Page(
                tuple(_file(one) for one in answer.get("items", ()) if one["name"][-1] != "/"),
                tuple(Folder(prefix[:-1]) for prefix in answer.get("prefixes", ())),
            )
            if page.entries:
                yield page

    def _answers(self, folder: str, prefix: str, more: Query) -> Iterator[dict[str, Any]]:
        query = {
            "prefix": f"{folder}/{prefix}" if folder else prefix,
            "maxResults": PAGE,
            "fields": f"nextPageToken,prefixes,items({_FACTS})",
            **more,
        }
        while True:
            with told(self.target(folder), of_bucket=True):
                answer = self.api.ask("GET", self.api.objects(self.bucket), query=query).facts
            yield answer
            if not answer.get("nextPageToken"):
                return
            query["pageToken"] = answer["nextPageToken"]

    def file(self, path: str) -> File | None:
        """See `Store`.

        :raises FileNotFoundError: the bucket itself is not there.
        """
        if not path or path.endswith("/"):
            return None
        try:
            with self._told(path):
                return _file(self._object("GET", path, {"fields": _FACTS}).facts)
        except NoBucket:
            raise
        except FileNotFoundError:
            return None

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        """See `Store`. An object that changes while it is read is an error that says so."""
        with self._told(path):
            return opened(self.api, self.target(path), version)

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        """See `Store`."""
        return Upload(self.api, self.target(path), only_new=only_new)

    def copy(self, source: str, target: str) -> None:
        """See `Store`. The server does it; no byte comes here."""
        with self._told(source):
            copying.copy(self.api, self.target(source), self.target(target))

    def delete(self, path: str, *, version: str | None = None) -> None:
        """See `Store`. Emulators take no notice of the condition, and are asked just before."""
        if version is not None and not is_there(self, path, version):
            return
        wanted: Query = {} if version is None else {"ifGenerationMatch": version}
        try:
            with self._told(path):
                self._object("DELETE", path, wanted)
        except NoBucket:
            raise
        except FileNotFoundError:
            pass

    def delete_below(self, folder: str) -> None:
        """See `Store`. Uploads that nobody completed are not seen, and end after a week."""
        with ThreadPoolExecutor(DELETES_AT_ONCE, thread_name_prefix="gcs-delete") as pool:
            for answer in self._answers(folder, "", {}):
                for _ in pool.map(self.delete, [one["name"] for one in answer.get("items", ())]):
                    pass  # the first that fails is told

    def delete_empty(self, folder: str) -> None:
        """See `Store`. There are no folders."""

    def target(self, path: str) -> Target:
        """What an error about this path tells."""
        return Target(self.bucket, path, self.conn_id)

    def _object(self, method: str, path: str, query: Query | None = None) -> Answer:
        return self.api.ask(method, self.api.objects(self.bucket, path), query=query)

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """As `told`; that the bucket is missing is a `NoBucket`."""
        try:
            with told(self.target(path)):
                yield
        except NoBucket:
            raise
        except FileNotFoundError:
            self._look_for_bucket(path)
            raise

    def _look_for_bucket(self, path: str) -> None:
        # what is not there is a 404, be it the object or the bucket
        if "_bucket_is_there" in self.__dict__:
            return
        query: Query = {"maxResults": 1, "fields": "kind"}
        with contextlib.suppress(PermissionError), told(self.target(path), of_bucket=True):
            self.api.ask("GET", self.api.objects(self.bucket), query=query)
        self.__dict__["_bucket_is_there"] = True


def _file(found: Any) -> File:
    changed = datetime.fromisoformat(found["timeCreated"].replace("Z", "+00:00")).timestamp()
    return File(found["name"], int(found["size"]), changed, found["generation"])
