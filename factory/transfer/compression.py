"""Files, unpacked by their suffix: .gz .zst .bz2 .xz .zip (with one member)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pyarrow as pa

from factory.stores.model import Store
from factory.transfer.errors import BadRow

NAMES = {"gz": "gzip", "zst": "Zstandard", "bz2": "bzip2", "xz": "xz", "zip": "zip"}

_READ = 256 << 10
_DAMAGE = (
    *(EOFError, OSError, ValueError, NotImplementedError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException),
)


@contextmanager
def opened(store: Store, path: str) -> Iterator[IO[bytes]]:
    """`path` for reading, unpacked. Reading raises `BadRow` for what is damaged or cut short."""
    suffix = path.rpartition("/")[2].rpartition(".")[2].lower()
    with store.open(path) as raw:
        if suffix not in NAMES:
            yield raw
            return
        with _translated(path, suffix):
            if not raw.seek(0, io.SEEK_END):
                raise EOFError("it is empty")
            raw.seek(0)
            plain = _members(raw, path) if suffix == "zip" else _OPENERS[suffix](raw)
        with plain:
            yield cast(IO[bytes], _Whole(plain, path, suffix))


@contextmanager
def _translated(path: str, suffix: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise BadRow(f"{path} is not a whole {NAMES[suffix]} file: {error}") from error


class _Whole(io.RawIOBase):
    """A file whose damage is told with its name. Nothing but reads is translated."""

    def __init__(self, plain: Any, path: str, suffix: str) -> None:
        self._plain, self._path, self._suffix = plain, path, suffix

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        with _translated(self._path, self._suffix):
            return cast(bytes, self._plain.read(size))

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Streams(io.RawIOBase):
    """Streams of bzip2 or xz, one after the other.

    The standard library's files take garbage behind the first stream for its end, in silence.
    """

    def __init__(self, raw: IO[bytes], new: Callable[[], Any]) -> None:
        self._raw, self._new, self._decompressor = raw, new, new()
        self._left = b""
        self._begun = True  # an empty file is no stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._some(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _some(self, most: int) -> bytes:
        while True:
            if self._decompressor.eof:
                self._left = self._decompressor.unused_data.lstrip(b"\0")  # xz may be padded
                self._decompressor, self._begun = self._new(), False
            if not self._left and self._decompressor.needs_input:
                self._left = self._raw.read(_READ)
                if not self._left:
                    if self._begun:
                        raise EOFError("it ends before its end-of-stream marker")
                    return b""
                if not self._begun:
                    self._left = self._left.lstrip(b"\0")
                    if not self._left:
                        continue
            self._begun = True
            taken, self._left = self._left, b""
            if data := self._decompressor.decompress(taken, most):
                return cast(bytes, data)


def _members(raw: IO[bytes], path: str) -> Any:
    archive = zipfile.ZipFile(raw)
    members = [info for info in archive.infolist() if not info.is_dir()]
    if len(members) != 1:
        names = ", ".join(info.filename for info in members[:3])
        more = ", …" if members[3:] else ""
        hint = f"It holds {names}{more}" if names else None
        raise BadRow(f"{path} holds {len(members)} files, expected 1", hint)
    if members[0].flag_bits & 1:
        raise BadRow(f"{path} is encrypted", "Encrypted archives are not read")
    return archive.open(members[0])


_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gz": lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),
    "zst": lambda raw: pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"),
    "bz2": lambda raw: io.BufferedReader(_Streams(raw, bz2.BZ2Decompressor), _READ),
    "xz": lambda raw: io.BufferedReader(_Streams(raw, lzma.LZMADecompressor), _READ),
}
