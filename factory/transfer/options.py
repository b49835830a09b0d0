"""Typed access to the plain mappings that a pipeline's YAML ends in."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from factory.transfer.errors import BadOption, unknown

T = TypeVar("T")


def only(what: str, options: Mapping[str, object], known: Collection[str]) -> None:
    """Raise `BadOption` for a name that is not known."""
    for name in options:
        if name not in known:
            raise unknown(f"option of {what}", name, known)


def get(options: Mapping[str, object], name: str, kind: type[T], default: T) -> T:
    """Give the option, of type `kind`, or `default` when it is missing or null."""
    value = options.get(name)
    if value is None:
        return default
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        raise BadOption(f"option {name!r} must be {kind.__name__}, not {value!r}")
    return value


def texts(options: Mapping[str, object], name: str) -> list[str]:
    """Give a list of texts, empty when it is missing."""
    values = get(options, name, list, [])
    for value in values:
        if not isinstance(value, str):
            raise BadOption(f"option {name!r} must hold texts, not {value!r}")
    return values
