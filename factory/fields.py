"""Types of fields that the Structs of all rooms share: what a person may write there, and how."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

MAX_INT = 2**31 - 1
"""The largest number that a column of Airflow's database takes."""

Duration = Annotated[
    str,
    Meta(
        # at most 9999 days: a moment so far from now still is one for every part of Airflow
        pattern=r"^([0-9]{1,8}(\.[0-9]{1,6})?s|[0-9]{1,7}(\.[0-9]{1,6})?m"
        r"|[0-9]{1,5}(\.[0-9]{1,6})?h|[0-9]{1,4}(\.[0-9]{1,6})?d)$",
        title="duration",
        description="A length of time: `90s`, `5m`, `2h` or `1d`; at most `9999d`.",
        examples=["90s", "5m", "2h", "1d"],
    ),
]
DATE_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
)
Date = Annotated[
    str,
    Meta(
        pattern=DATE_PATTERN,
        title="ISO date",
        description="An ISO date, or a date and a time.",
        examples=["2024-01-01", "2024-01-01T06:00:00"],
    ),
]
Size = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,5}(\.[0-9]{1,3})?(kB|MB|GB)$",
        title="size",
        description="A size: `500kB`, `256MB` or `1.5GB`; a kB is 1000 bytes.",
        examples=["256MB", "1GB"],
    ),
]
Positive = Annotated[int, Meta(ge=1, le=MAX_INT)]
Uri = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+.-]*://", title="URI")]

ConnId = Annotated[
    str,
    Meta(
        max_length=250,
        pattern=r"^[^ \t\r\n]+$|\{\{",
        title="connection's id, which is one word",
        extra={"names": "connection"},
    ),
]
"""An Airflow connection. Which ones a field takes, `connects` says beside it."""
DagId = Annotated[str, Meta(extra={"names": "pipeline"})]
"""Another pipeline."""
VariableKey = Annotated[str, Meta(extra={"names": "variable"})]
"""An Airflow Variable."""


def connects(*types: str) -> Meta:
    """The Airflow connection types that a `ConnId` takes: `Annotated[ConnId, connects("http")]`.

    Without it, any will do. `factory.plan.names` finds the values, so that the plan tells them.
    """
    return Meta(extra={"conn_types": types})


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Plain frozen data; an unknown key is an error."""


def word_of(struct: Any) -> str:
    """What tells a Struct, or an instance of one, from the others of its choice: its `type`."""
    return str(struct.__struct_config__.tag)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> float:
    """`5m` as 300.0."""
    return float(duration[:-1]) * _UNITS[duration[-1]]


_SIZES = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


def in_bytes(size: str) -> int:
    """`256MB` as 256,000,000."""
    return round(float(size[:-2]) * _SIZES[size[-2:]])
