"""What other packages add, each by an entry point: kinds, sources, targets, stores, checks, ….

    [project.entry-points."dag_factory.kinds"]
    greet = "acme_pipelines.greet"

What comes with the product wins over an outside one of its name: look here for what is not there.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import redirect_stdout
from functools import cache
from typing import Any, NamedTuple

from factory.errors import FactoryError, is_fault, said

PREFIX = "dag_factory."


class Broken(NamedTuple):
    """What another package offers and cannot be used, and why."""

    group: str
    name: str
    message: str

    def __str__(self) -> str:
        what = f"the {self.group.removesuffix('s')} {self.name!r}"
        return f"{what} of {_packages(self.group, self.name)}: {self.message}"


@cache
def outside(group: str) -> dict[str, tuple[str, ...]]:
    """The modules that other packages offer, by name; more than one is an error where it is used.

    :param group: `kinds`, without the prefix.
    """
    from importlib.metadata import entry_points  # costs as much as reading 60 specs

    found: dict[str, tuple[str, ...]] = {}
    for entry in entry_points(group=PREFIX + group):
        found[entry.name] = (*found.get(entry.name, ()), entry.value)
    return found


def _packages(group: str, name: str) -> str:
    """The packages that offer it, as pip calls them."""
    from importlib.metadata import entry_points

    entries = entry_points(group=PREFIX + group, name=name)
    found = dict.fromkeys(entry.dist.name if entry.dist else entry.value for entry in entries)
    return f"the package {' and '.join(found)}"


def load(group: str, name: str) -> Any:
    """The module that one other package offers by this name, or what it names in it (`module:x`).

    :raises KeyError: there is none.
    :raises FactoryError: two packages offer it, or it does not load.
    """
    offers = outside(group)[name]
    what = group.removesuffix("s")
    if len(offers) > 1:
        raise FactoryError(
            f"the {what} {name!r} is offered twice: {', '.join(offers)}",
            "uninstall one of the packages",
        )
    module, _, attribute = offers[0].partition(":")
    found = module_of(module, what)
    if not attribute:
        return found
    try:
        return getattr(found, attribute)
    except AttributeError:
        message = f"the module {module} of a {what} has no {attribute!r}"
        raise FactoryError(message) from None


def module_of(module: str, what: str) -> Any:
    """Import a module that may be another package's.

    :raises FactoryError: it fails, in whatever way: it must not stop other pipelines.
    """
    try:
        with redirect_stdout(sys.stderr):  # what it prints must not stand in a program's JSON
            return importlib.import_module(module)
    except BaseException as error:
        if not is_fault(error):
            raise
        message = f"the module {module} of a {what} does not load: {said(error)}"
        raise FactoryError(message) from error
