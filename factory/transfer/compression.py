"""Files, unpacked by their suffix: .gz .zst .bz2 .xz .zip (with one member)."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, cast

import fsspec
import pyarrow as pa

from factory.transfer.errors import BadRow

_Opener = Callable[[IO[bytes], str], AbstractContextManager[IO[bytes]]]


@contextmanager
def opened(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[IO[bytes]]:
    """`path` for reading, unpacked. Raises `BadRow` for what is damaged or cut short."""
    suffix = path.rpartition("/")[2].rpartition(".")[2].lower()
    with fs.open(path, "rb") as raw:
        if suffix not in _OPENERS:
            yield raw
            return
        try:
            with _OPENERS[suffix](raw, path) as plain:
                yield plain
        except _DAMAGE as error:
            raise BadRow(
                f"{path} is not a whole {_NAMES[suffix]} file: {error}", "Is it cut short?"
            ) from error


def _gzip(raw: IO[bytes], path: str) -> AbstractContextManager[IO[bytes]]:
    return cast(AbstractContextManager[IO[bytes]], gzip.open(raw, "rb"))


def _bzip2(raw: IO[bytes], path: str) -> AbstractContextManager[IO[bytes]]:
    return cast(AbstractContextManager[IO[bytes]], bz2.open(raw, "rb"))


def _xz(raw: IO[bytes], path: str) -> AbstractContextManager[IO[bytes]]:
    return cast(AbstractContextManager[IO[bytes]], lzma.open(raw, "rb"))


@contextmanager
def _zstandard(raw: IO[bytes], path: str) -> Iterator[IO[bytes]]:
    with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as plain:
        yield cast(IO[bytes], plain)


@contextmanager
def _zip(raw: IO[bytes], path: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(raw) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) != 1:
            raise BadRow(f"{path} holds {len(members)} files, expected 1", _shown(members))
        if members[0].flag_bits & 1:
            raise BadRow(f"{path} is encrypted", "Encrypted archives are not read")
        with archive.open(members[0]) as plain:
            yield plain


def _shown(members: list[zipfile.ZipInfo]) -> str | None:
    names = [member.filename for member in members]
    return f"It holds {', '.join(names[:3])}{', …' if names[3:] else ''}" if names else None


_OPENERS: dict[str, _Opener] = {
    "gz": _gzip,
    "bz2": _bzip2,
    "xz": _xz,
    "zst": _zstandard,
    "zip": _zip,
}
_NAMES = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "Zstandard", "zip": "zip"}
_DAMAGE = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
    pa.ArrowInvalid,
)
