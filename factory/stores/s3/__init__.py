"""Objects of an S3 bucket: `s3://bucket/key`, or `s3://conn_id@bucket/key` for a connection.

The client is that of the connection, `aws_default` unless the address names one. An object is
uploaded in parts and appears when the upload completes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

from factory.errors import FactoryError
from factory.stores.model import Can, File, Folder, Page, Place, Writer, is_changed, is_there
from factory.stores.s3 import copying, removing
from factory.stores.s3.errors import Target, told
from factory.stores.s3.reader import opened
from factory.stores.s3.writer import Upload, smallest_part

CONNECTS = True
START = "s3://"
DEFAULT = "aws_default"
SETTINGS: dict[str, Any] = {
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 6},
    "max_pool_connections": 16,
    "tcp_keepalive": True,
}
"""What a client is made with, as botocore's `Config` takes it; times in seconds."""

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_CONN_ID = re.compile(r"[\w.-]+")


def place(uri: str, connect: Callable[[str], Any]) -> Place:
    """The place of this address.

    :raises FactoryError: it names no bucket, or holds a key instead of a connection's id.
    """
    authority, _, path = uri.removeprefix(START).partition("/")
    conn_id, at, bucket = authority.rpartition("@")
    if (at and not _CONN_ID.fullmatch(conn_id)) or not _BUCKET.fullmatch(bucket):
        # it is not shown: before the `@` may stand a key and its secret
        raise FactoryError(
            "an address on S3 names no bucket, or no connection before the `@`",
            f"write {START}bucket/key, or {START}conn_id@bucket/key; keys are the connection's",
        )
    return Place(S3(bucket, conn_id or DEFAULT, connect), path)


@dataclass(frozen=True)
class S3:
    """A bucket, as a connection sees it."""

    bucket: str
    conn_id: str
    connect: Callable[[str], Any] = field(compare=False, repr=False)
    can = Can(pins=True, parts=True)

    @cached_property
    def client(self) -> Any:
        """boto3's, made when it is first needed."""
        return self.connect(self.conn_id)

    def uri(self, path: str) -> str:
        """See `Store`."""
        login = "" if self.conn_id == DEFAULT else f"{self.conn_id}@"
        return f"{START}{login}{self.bucket}/{path}"

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        """See `Store`. Empty objects by which consoles show a folder are left out."""
        above = f"{folder}/" if folder else ""
        for answer in self._answers(folder, above + prefix, deep):
            page = Page(
                tuple(_file(one) for one in answer.get("Contents", ()) if one["Key"][-1] != "/"),
                tuple(Folder(one["Prefix"][:-1]) for one in answer.get("CommonPrefixes", ())),
            )
            if page.entries:
                yield page

    def _answers(self, folder: str, prefix: str, deep: bool) -> Iterator[Any]:
        wanted = {"Bucket": self.bucket, "Prefix": prefix} | ({} if deep else {"Delimiter": "/"})
        with told(self.target(folder)):
            yield from self.client.get_paginator("list_objects_v2").paginate(**wanted)

    def file(self, path: str) -> File | None:
        """See `Store`.

        :raises FileNotFoundError: the bucket itself is not there.
        """
        if not path or path.endswith("/"):
            return None
        try:
            with told(self.target(path)):
                answer = self.client.head_object(Bucket=self.bucket, Key=path)
        except FileNotFoundError:
            with told(self.target(path, of_bucket=True)):
                self._look_for_bucket()
            return None
        return _file({**answer, "Key": path, "Size": answer["ContentLength"]})

    def _look_for_bucket(self) -> None:
        # a HEAD does not tell whether the key or the bucket is missing
        if "_bucket_is_there" not in self.__dict__:
            self.client.head_bucket(Bucket=self.bucket)
            self.__dict__["_bucket_is_there"] = True

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        """See `Store`. An object that changes while it is read is an error that says so."""
        return opened(self.client, self.target(path), version)

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        """See `Store`. One of parts cuts off an earlier writer of this path, unless `only_new`."""
        return Upload(self.client, self.target(path), only_new=only_new)

    def copy(self, source: str, target: str) -> None:
        """See `Store`. The server does it; no byte comes here."""
        copying.copy(self.client, self.target(source), self.target(target))

    def delete(self, path: str, *, version: str | None = None) -> None:
        """See `Store`. A server that takes no notice of `If-Match` is asked just before."""
        if version is not None and not is_there(self, path, version):
            return
        try:
            removing.delete(self.client, self.target(path), version)
        except OSError as error:
            # S3 says the same of one that its first, lost answer was about
            if version is None or not is_changed(error) or is_there(self, path, version):
                raise

    def delete_below(self, folder: str) -> None:
        """See `Store`. Uploads that nobody completed go, too."""
        removing.delete_below(self.client, self.target(folder))

    @property
    def leaves_from(self) -> int:
        """See `KeepsParts`."""
        return smallest_part()

    def cut_off(self, path: str) -> None:
        """See `KeepsParts`: uploads that nobody completed."""
        removing.cut_off(self.client, self.target(path))

    def delete_empty(self, folder: str) -> None:
        """See `Store`. There are no folders."""

    def target(self, path: str, *, of_bucket: bool = False) -> Target:
        """What an error about this path tells."""
        return Target(self.bucket, path, self.conn_id, of_bucket)


def _file(found: Any) -> File:
    changed = found["LastModified"].timestamp()
    return File(found["Key"], found["Size"], changed, found["ETag"].strip('"'))
