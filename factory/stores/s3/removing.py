"""An object goes, or what is below a prefix, and the parts of uploads that nobody completed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from factory.stores.s3.errors import Target, code_of, told

AT_ONCE = 8

log = logging.getLogger(__name__)


def delete(client: Any, target: Target, version: str | None) -> None:
    """Remove an object, in this version.

    :raises OSError: it is another one, or none: `model.is_changed`.
    """
    with told(target):
        try:
            client.delete_object(**target.object, **_condition(version))
        except ClientError as error:
            if version is None or code_of(error) != "NotImplemented":
                raise
            client.delete_object(**target.object)


def _condition(version: str | None) -> dict[str, str]:
    return {} if version is None else {"IfMatch": f'"{version}"'}


def delete_below(client: Any, target: Target) -> None:
    """Remove, a thousand in a request.

    :raises OSError: some stay; the first of them is told.
    """
    prefix = f"{target.path}/" if target.path else ""
    with told(target):
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=target.bucket, Prefix=prefix
        )
        for page in pages:
            if keys := [{"Key": one["Key"]} for one in page.get("Contents", ())]:
                _delete(client, target, keys)
    _abort_below(client, target, prefix)


def _delete(client: Any, target: Target, keys: list[dict[str, str]]) -> None:
    if client.meta.config.request_checksum_calculation == "when_required":
        # the one request that boto3 sends with a new checksum all the same
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-delete") as pool:
            list(pool.map(lambda key: client.delete_object(Bucket=target.bucket, **key), keys))
        return
    wanted = {"Objects": keys, "Quiet": True}
    for failed in client.delete_objects(Bucket=target.bucket, Delete=wanted).get("Errors", ()):
        with told(Target(target.bucket, failed["Key"], target.conn_id)):
            raise ClientError({"Error": failed}, "DeleteObjects")


def cut_off(client: Any, target: Target) -> None:
    """End all uploads to an object, as far as the user may see them."""
    try:
        _abort(client, target.bucket, target.path, target.path.__eq__)
    except ClientError as error:
        log.debug("uploads to %s in the bucket %s: %s", target.path, target.bucket, error)


def _abort_below(client: Any, target: Target, prefix: str) -> None:
    """A user who may not see uploads, and a server without, have theirs ended by a rule."""
    try:
        # some servers take the prefix for a whole name, or leave it out
        _abort(client, target.bucket, prefix, lambda key: key.startswith(prefix))
    except ClientError as error:
        log.warning("uploads below %s in the bucket %s: %s", prefix, target.bucket, error)


def _abort(client: Any, bucket: str, prefix: str, means: Callable[[str], bool]) -> None:
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    for upload in (one for page in pages for one in page.get("Uploads", ())):
        if means(upload["Key"]):
            client.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
