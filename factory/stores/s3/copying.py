"""A copy of an object that the server makes, within one bucket."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from factory.stores.s3.errors import Target, told

IN_ONE = 5 << 30
"""S3 copies larger objects only in parts."""
PART = 512 << 20
AT_ONCE = 4


def copy(client: Any, source: Target, target: Target) -> None:
    """`target` has the bytes of `source` then, or is as it was.

    :raises OSError: the source changed meanwhile, or what arrived has another size.
    """
    with told(source):
        found = client.head_object(**source.object)
    given = {"CopySource": source.object, "CopySourceIfMatch": found["ETag"]}
    with told(target):
        if found["ContentLength"] <= IN_ONE:
            client.copy_object(**target.object, **given)
        else:
            _in_parts(client, target, given, found)
        arrived = client.head_object(**target.object)["ContentLength"]
    if arrived != found["ContentLength"]:
        what = f"{arrived:,} of {found['ContentLength']:,} bytes arrived: repeat the task"
        raise OSError(errno.EIO, what, target.path)


def _in_parts(client: Any, target: Target, given: Any, found: Any) -> None:
    facts = {name: found[name] for name in ("ContentType", "Metadata") if name in found}
    upload = client.create_multipart_upload(**target.object, **facts)["UploadId"]
    more = {**target.object, "UploadId": upload}

    def part(start: int) -> dict[str, Any]:
        end = min(start + PART, found["ContentLength"]) - 1
        number = start // PART + 1
        wanted = {"PartNumber": number, "CopySourceRange": f"bytes={start}-{end}"}
        done = client.upload_part_copy(**more, **given, **wanted)["CopyPartResult"]
        return {"PartNumber": number, "ETag": done["ETag"]}

    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-copy") as pool:
            parts = list(pool.map(part, range(0, found["ContentLength"], PART)))
        client.complete_multipart_upload(**more, MultipartUpload={"Parts": parts})
    except BaseException:
        client.abort_multipart_upload(**more)
        raise
