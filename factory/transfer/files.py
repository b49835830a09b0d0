"""The source `file`: which files does a path, a pattern or a list mean, and who reads which?"""

from collections.abc import Sequence

import fsspec

from factory.transfer.errors import Missing


def expand(fs: fsspec.AbstractFileSystem, paths: str | Sequence[str]) -> list[str]:
    """The existing files, each once; matches of a pattern in the order of their names.

    Every path and every pattern must match. Raises `Missing`.
    """
    found: dict[str, None] = {}
    missing: list[str] = []
    for path in [paths] if isinstance(paths, str) else paths:
        matches = _matches(fs, path)
        if not matches:
            missing.append(path)
        found |= dict.fromkeys(matches)
    if missing:
        raise Missing(f"no file matches {', '.join(map(repr, missing))}")
    if not found:
        raise Missing("the list of files is empty")
    return list(found)


def shares(files: Sequence[str], sizes: Sequence[int], most: int, worth: int) -> list[list[str]]:
    """Cut `files`, in their order, into at most `most` parts of about the same size.

    `worth` is the size, in bytes, of which a part should have at least as much.
    """
    total = sum(sizes)
    parts = max(1, min(most, len(files), -(-total // worth)))
    shared: list[list[str]] = [[] for _ in range(parts)]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        # a file belongs where its middle falls
        shared[min(parts - 1, (2 * before + size) * parts // (2 * total or 1))].append(file)
        before += size
    return [part for part in shared if part]


def _matches(fs: fsspec.AbstractFileSystem, path: str) -> list[str]:
    # First as it is written: a file's own name may hold a `[`.
    if fs.isfile(path):
        return [str(fs._strip_protocol(path))]
    return sorted(str(match) for match in fs.glob(path) if fs.isfile(match))
