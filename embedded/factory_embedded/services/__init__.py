"""The services, one module each, and those of other packages (`dag_factory.services`)."""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import cast

from factory import registry
from factory.errors import FactoryError
from factory_embedded.service import Service

GROUP = "services"


@cache
def builtin_names() -> tuple[str, ...]:
    """Names of the services here: every module of this package is one."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def names() -> list[str]:
    """Every service that may be named."""
    return sorted({*builtin_names(), *registry.outside(GROUP)})


def find(name: str) -> Service:
    """The service of a name; imported only now.

    :raises KeyError: there is none.
    :raises FactoryError: two packages offer it, or its module does not load.
    """
    if name in builtin_names():
        found = registry.module_of(f"{__name__}.{name}", "service")
    else:
        found = registry.load(GROUP, name)
    if not hasattr(found, "running"):
        raise FactoryError(f"the module {found.__name__} is not a service: it has no `running`")
    return cast("Service", found)
