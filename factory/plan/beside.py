"""Files beside a spec, by the names that it gives them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from factory.diagnostics import did_you_mean
from factory.spec import links
from factory.spec.problem import Problem

_ROOT: ContextVar[Path | None] = ContextVar("root", default=None)


@contextmanager
def below(root: Path) -> Iterator[None]:
    """In this block, files beside specs must not be links that lead out of the root's project."""
    token = _ROOT.set(root)
    try:
        yield
    finally:
        _ROOT.reset(token)


def missing(name: str, folder: Path) -> Problem | None:
    """Why `name` is no file in `folder` or below it; None when it is one.

    Airflow's template loader does not look above the folder of a spec either.
    """
    written = PurePosixPath(name)
    if written.is_absolute() or ".." in written.parts:
        return Problem(
            (),
            "file",
            f"the file {name!r} is outside of the folder of this spec",
            expected="a file beside this one, or below its folder",
        )
    root, there = _ROOT.get(), (folder / written).parent
    if root is not None and links.leads_outside(folder / written, root):
        return Problem((), links.CODE, links.MESSAGE, links.EXPECTED, "put the file itself here")
    if (folder / written).is_file():
        return None
    others = there.glob(f"*{written.suffix}") if there.is_dir() else folder.rglob(written.name)
    names = [path.relative_to(folder).as_posix() for path in others if path.is_file()]
    return Problem(
        (),
        "file",
        f"there is no file {name!r} beside this one",
        expected="a file beside this one, or below its folder",
        hint=did_you_mean(name, names) or (f"there is {names[0]}" if len(names) == 1 else ""),
    )
