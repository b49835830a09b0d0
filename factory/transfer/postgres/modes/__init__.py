"""How rows are written into a target. A write mode is a module, named in `MODES`."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown
from factory.transfer.postgres.modes.parts import Changed, Given, Mode, Staged

__all__ = ["MODES", "Changed", "Given", "Mode", "Staged", "parse"]

MODES = ("append", "merge", "partition", "replace")


class Module(Protocol):
    """What a write mode's module provides."""

    OPTIONS: Sequence[str]

    def parse(self, options: Mapping[str, object], given: Given) -> Mode:
        """Read the options. Raises `BadOption`."""


def parse(write: Mapping[str, object], given: Given) -> Mode:
    """`{mode: merge, key: [id]}`. Raises `BadOption`."""
    word = write.get("mode")
    if not isinstance(word, str):
        raise BadOption("write needs a `mode`", f"Known are: {', '.join(MODES)}")
    if word not in MODES:
        raise unknown("write mode", word, MODES)
    module = cast(Module, importlib.import_module(f"{__name__}.{word}"))
    opt.only(f"write mode {word}", write, ("mode", *module.OPTIONS))
    return module.parse(write, given)
