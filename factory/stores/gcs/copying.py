"""A copy of an object that the server makes, within one bucket."""

from __future__ import annotations

from factory.stores.gcs.api import Api, Query
from factory.stores.gcs.errors import Target, damaged, told

_SAME = ("size", "crc32c")


def copy(api: Api, source: Target, target: Target) -> None:
    """`target` has the bytes of `source` then, or is as it was.

    :raises OSError: the source changed meanwhile, or what arrived is something else.
    """
    with told(source):
        found = api.ask("GET", api.objects(source.bucket, source.path)).facts
        made = _rewritten(api, source, target, {"ifSourceGenerationMatch": found["generation"]})
    if [made.get(name) for name in _SAME] != [found.get(name) for name in _SAME]:
        raise damaged(target, "the copy has another checksum than the object")


def _rewritten(api: Api, source: Target, target: Target, query: Query) -> dict[str, object]:
    """GCS copies for a while, and is asked to go on."""
    start = api.objects(source.bucket, source.path)
    url = (
        f"{start}/rewriteTo/{api.objects(target.bucket, target.path).partition('/storage/v1/')[2]}"
    )
    token: Query = {}
    while True:
        answer = api.ask("POST", url, query={**query, **token}).facts
        if answer["done"]:
            made: dict[str, object] = answer["resource"]
            return made
        token = {"rewriteToken": answer["rewriteToken"]}
