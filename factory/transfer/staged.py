"""Files that appear whole or not at all."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import fsspec


@contextmanager
def whole(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[str]:
    """Give a temporary name beside `path`, renamed to it when the block succeeds.

    What killed writers of the same path left behind is removed first.
    """
    folder, _, name = path.rpartition("/")
    if folder:
        fs.makedirs(folder, exist_ok=True)
    prefix = f".{name}."
    for left in fs.ls(folder, detail=False) if folder else []:
        base = str(left).rstrip("/").rpartition("/")[2]
        if base.startswith(prefix) and base.endswith(".part"):
            with suppress(FileNotFoundError):
                fs.rm(left)
    # A new name each time: a writer that was thought dead must not write into ours.
    temporary = f"{folder}/{prefix}{uuid.uuid4().hex}.part".lstrip("/" if not folder else "")
    try:
        yield temporary
        fs.mv(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            fs.rm(temporary)
        raise
