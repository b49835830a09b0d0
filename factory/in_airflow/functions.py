"""Functions of files beside a spec, for the arguments of any operator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1

from factory.diagnostics import did_you_mean
from factory.in_airflow.beside import world
from factory.spec import links
from factory.spec.discover import KINDS


@contextmanager
def module(place: Path, root: str) -> Iterator[ModuleType]:
    """The module of a file, until the block ends.

    :param root: the configuration root; a link that leads out of its project is not followed.
    :raises AirflowFailException: there is no such file in the project.
    """
    if root and links.leads_outside(place, Path(root)):
        raise AirflowFailException(f"{place.name}: {links.MESSAGE}")
    if not place.is_file():
        raise AirflowFailException(f"there is no file {place}")
    with world(place.parent) as folder:
        yield folder.run(place)


def function(found: ModuleType, name: str, written: str) -> Callable[..., Any]:
    """A function of a module.

    :raises AirflowFailException: it has none of that name.
    """
    one: Any = getattr(found, name, None)
    if not callable(one):
        known = [key for key, value in vars(found).items() if callable(value)]
        hint = did_you_mean(name, known)
        message = f"there is no function {name!r} in {written.removesuffix(name)[:-1]}"
        raise AirflowFailException(message + (f": {hint}" if hint else ""))
    return cast("Callable[..., Any]", one)


def beside(dag: Any, file: str) -> Path:
    """A file beside a spec, or beside the kinds of the project's own."""
    own = file.startswith(f"{KINDS}/")
    return Path(getattr(dag, "spec_root", "") if own else dag.folder) / file


class Beside:
    """A function of a file beside a spec, loaded whenever it is called: never with the DAG."""

    def __init__(self, written: str, folder: str, root: str) -> None:
        file, _, name = written.rpartition(":")
        self.written = written
        self.place = Path(folder) / file
        self.root = root
        self.__name__ = self.__qualname__ = name
        self.__module__ = Path(file).stem

    @property
    def __signature__(self) -> inspect.Signature:
        """That of the function: operators look at what it takes."""
        with module(self.place, self.root) as found:
            return inspect.signature(function(found, self.__name__, self.written))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Load the file and call."""
        with module(self.place, self.root) as found:
            return function(found, self.__name__, self.written)(*args, **kwargs)

    def __repr__(self) -> str:
        """The same in every process: Airflow may store it."""
        return f"<function {self.written}>"

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Beside:
        """Airflow copies what a task is given."""
        return self
