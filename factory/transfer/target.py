"""What readers are told of where their rows go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.definitions.warehouses import ANYTHING, Holds
from factory.transfer.values.types import Known


@dataclass(frozen=True)
class Target:
    """A table, or anything else: what is not known of it is left out."""

    holds: Holds = ANYTHING  # what it can't hold is a bad value
    known: Mapping[str, Known] = field(default_factory=dict)  # types of columns not declared


ANY = Target()
