"""The Python files of one folder as a world of their own.

What a file of the folder imports is looked for in the folder first, then where Python looks: a
`calendar.py` beside it wins over Python's own, as it does for a script, whatever the process has
imported already. Nobody else sees the folder: `sys.path` stays as it is, the names in
`sys.modules` are this world's alone (`_beside_7.lib.helper`) and go with it. So several worlds
live in one process, also at once in its threads, and each finds the files as they are now.

It rests on one fact: `import` calls the `__import__` of the builtins that a module was given.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_NUMBERS = itertools.count(1)
_NAMESPACE = "_beside_"


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """The folder's world, until the block ends."""
    made = World(folder)
    sys.meta_path.insert(0, made)
    try:
        made.load("")
        yield made
    finally:
        sys.meta_path.remove(made)
        for name in [*sys.modules]:
            if made.holds(name):
                del sys.modules[name]


class World:
    """A finder for the modules of one folder, and the imports that they make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"{_NAMESPACE}{next(_NUMBERS)}"
        self.builtins = {**vars(builtins), "__import__": self._import}
        self._importlib: ModuleType | None = None

    def load(self, name: str) -> ModuleType:
        """A module of the folder, by its name there; the empty name is the folder itself."""
        return importlib.import_module(self._named(name))

    def run(self, file: Path) -> ModuleType:
        """The module of a file in the folder, whatever it is called."""
        name = self._named(file.stem.replace(".", "_"))
        loader = _Loader(name, str(file), self.builtins)
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        assert spec is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module

    def holds(self, name: str) -> bool:
        """Whether a full name is one of this world's."""
        return name == self.name or name.startswith(f"{self.name}.")

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module of this world is; of others nothing is known here."""
        if not self.holds(name):
            return None
        place = self.folder.joinpath(*name.split(".")[1:])
        file = None if name == self.name else _file(place)
        if file is None:
            if not place.is_dir():
                return None
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        inside = [str(place)] if file.parent == place else None
        loader = _Loader(name, str(file), self.builtins) if file.suffix == ".py" else None
        return importlib.util.spec_from_file_location(
            name, file, loader=loader, submodule_search_locations=inside
        )

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """What `import` means in this folder."""
        if level == 0 and self._is_own(name, fromlist or ()):
            found = builtins.__import__(self._named(name), globals, locals, fromlist or (), 0)
            return found if fromlist else sys.modules[self._named(name.partition(".")[0])]
        found = builtins.__import__(name, globals, locals, fromlist or (), level)
        return self._own_importlib() if found is importlib else found

    def _import_module(self, name: str, package: str | None = None) -> ModuleType:
        """`importlib.import_module`, as the folder's files see it."""
        if not name.startswith(".") and self._is_own(name, ()):
            return self.load(name)
        return importlib.import_module(name, package)

    def _own_importlib(self) -> ModuleType:
        if self._importlib is None:
            self._importlib = ModuleType(importlib.__name__, importlib.__doc__)
        vars(self._importlib).update(vars(importlib), import_module=self._import_module)
        return self._importlib

    def _is_own(self, name: str, fromlist: Sequence[str]) -> bool:
        top, _, below = name.partition(".")
        place = self.folder / top
        if _file(place) is not None:
            return True
        if not place.is_dir():
            return False
        # a folder without `__init__.py` may have the name of a package by chance
        wanted = [below] if below else fromlist
        if any(_is_module(place.joinpath(*part.split("."))) for part in wanted):
            return True
        return top not in sys.modules and importlib.util.find_spec(top) is None

    def _named(self, name: str) -> str:
        return f"{self.name}.{name}" if name else self.name


class _Loader(SourceFileLoader):
    """Gives a module this world's builtins. No byte code is kept: it would outlive an edit."""

    def __init__(self, name: str, path: str, builtins: dict[str, Any]) -> None:
        super().__init__(name, path)
        self.builtins = builtins

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self.builtins
        super().exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _file(place: Path) -> Path | None:
    """The file of a module or of a package, by its place without a suffix."""
    names = [place / "__init__.py", place.with_name(f"{place.name}.py")]
    names += [place.with_name(f"{place.name}{suffix}") for suffix in EXTENSION_SUFFIXES]
    return next((file for file in names if file.is_file()), None)


def _is_module(place: Path) -> bool:
    return _file(place) is not None or place.is_dir()
