"""What other packages add, each by an entry point: kinds, sources, targets, stores, checks, ….

    [project.entry-points."dag_factory.kinds"]
    greet = "acme_pipelines.greet"

What comes with the product wins over an outside one of its name: look here for what is not there.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from factory.errors import FactoryError, is_fault, said

if TYPE_CHECKING:
    from importlib.metadata import Distribution

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
    found: dict[str, tuple[str, ...]] = {}
    for offer in _offers(group):
        values = (*found.get(offer.name, ()), offer.value)
        found[offer.name] = tuple(dict.fromkeys(values))
    return found


def _packages(group: str, name: str) -> str:
    """The packages that offer it, as pip calls them."""
    found = dict.fromkeys(offer.package for offer in _offers(group) if offer.name == name)
    return f"the package {' and '.join(found)}"


class _Offer(NamedTuple):
    """An entry point, as it is written."""

    name: str
    value: str
    package: str


def _offers(group: str) -> Iterator[_Offer]:
    """The entry points of a group, of each package once: an old `.egg-info` may stand beside it.

    `importlib.metadata.entry_points` fails for all packages when one, whichever, is damaged.
    """
    from importlib.metadata import distributions  # costs as much as reading 60 specs

    seen: set[str] = set()
    for dist in distributions():
        if PREFIX not in _entry_points(dist):
            continue
        package = str(dist.metadata["Name"]) if _is_whole(dist) else "?"
        known = re.sub(r"[-_.]+", "-", package).lower()
        if known not in seen:
            seen |= {known} - {"?"}
            for of, name, value in _read(_entry_points(_first_found(dist, package))):
                if of == PREFIX + group:
                    yield _Offer(name, value, package)


def _entry_points(dist: Distribution) -> str:
    try:
        return dist.read_text("entry_points.txt") or ""
    except UnicodeDecodeError:
        return ""


def _first_found(dist: Distribution, package: str) -> Distribution:
    """What Python imports of the package, unless an update that broke off left nothing of it."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        first = distribution(package)
    except PackageNotFoundError:
        return dist
    return first if _is_whole(first) else dist


def _is_whole(dist: Distribution) -> bool:
    return any(map(dist.read_text, ("METADATA", "PKG-INFO")))


def _read(text: str) -> Iterator[tuple[str, str, str]]:
    """Group, name and value of each; one without a value is told when it is used."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield group, name.strip(), value.partition("[")[0].strip()


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
    if not module:
        raise FactoryError(f"the entry point {name!r} of a {what} names no module")
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
