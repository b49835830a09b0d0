"""What a plan names by an import path, and why it cannot be had, in a person's words."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from factory import extras
from factory.diagnostics import did_you_mean, quoted
from factory.errors import is_fault, words


class NotFound(NamedTuple):
    """Why an import path leads nowhere, and what to do."""

    message: str
    hint: str


@lru_cache(maxsize=1024)
def load(path: str) -> Callable[..., Any]:
    """What an import path leads to.

    :raises BaseException: whatever its module raises, which is another package's code.
    """
    module, _, name = path.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def why(path: str, error: BaseException) -> NotFound:
    """Why `load` raised an error."""
    module, _, name = path.rpartition(".")
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        missing = str(error.name)
        return NotFound(f"there is no module {missing}", _instead(missing, module, error))
    if isinstance(error, AttributeError) and (known := _names(module)) and name not in known:
        return NotFound(f"the module {module} has no {quoted(name)}", did_you_mean(name, known))
    hint = extras.hint(error) or "install the package that has it, or correct the path"
    return NotFound(f"{path} cannot be imported: {reason(error)}", hint)


def reason(error: BaseException) -> str:
    """An error in one line; Airflow's own often say only in their cause what is wrong."""
    text, cause = words(error), error.__cause__
    return text if cause is None or cause is error else f"{text} ({words(cause)})"


def _names(module: str) -> list[str]:
    """What a module has, once it was imported."""
    try:
        return [name for name in dir(importlib.import_module(module)) if name[:1] != "_"]
    except BaseException as error:
        if not is_fault(error):
            raise
        return []


def _instead(missing: str, module: str, error: ModuleNotFoundError) -> str:
    """The module beside it that was meant, else the package that brings it."""
    if hint := extras.hint(error):
        return hint
    above, _, name = missing.rpartition(".")
    try:
        places = importlib.import_module(above).__path__ if above else None
    except BaseException as other:
        if not is_fault(other):
            raise
        places = None
    beside = [found.name for found in pkgutil.iter_modules(places)] if places else []
    if hint := did_you_mean(name, beside):
        return hint
    package = extras.provider(module)
    return f"install {package or 'the package that has it'}, or correct the path"
