"""CRC-32C, as GCS writes it: big-endian, in base64."""

from __future__ import annotations

import base64

from factory.stores.gcs.api import Answer


def sum_of(crc: int) -> str:
    """`AAAAAA==` of 0."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def told_sum(answer: Answer) -> str:
    """The sum that stands in the header of a download: of the whole object; empty when none."""
    for one in answer.headers.get("X-Goog-Hash", "").split(","):
        name, _, value = one.strip().partition("=")
        if name == "crc32c":
            return value
    return ""
