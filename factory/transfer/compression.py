"""Files, unpacked as their first bytes say, whatever their names do: gzip, Zstandard, bzip2, xz,
and zip with one table in it."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import IO, Any, BinaryIO, NamedTuple, cast

import pyarrow as pa

from factory.stores.model import Store
from factory.transfer.errors import BadRow
from factory.transfer.zips import Bytes, table_of

log = logging.getLogger(__name__)

_READ = 256 << 10
_HEAD = 512
_MOST = 3  # packings around one table
_DAMAGE = (
    *(EOFError, OSError, ValueError, NotImplementedError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException),
)


class Packing(NamedTuple):
    """What a file may be packed with."""

    name: str
    suffix: str
    begins: re.Pattern[bytes]
    magic: bytes  # what it begins with, or one of several such


def _packing(name: str, suffix: str, magic: bytes, begins: bytes = b"") -> Packing:
    return Packing(name, suffix, re.compile(begins or re.escape(magic), re.DOTALL), magic)


PACKINGS = (
    _packing("gzip", "gz", b"\x1f\x8b"),
    _packing("Zstandard", "zst", b"\x28\xb5\x2f\xfd", rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
    _packing("bzip2", "bz2", b"BZh91AY&SY", rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    _packing("xz", "xz", b"\xfd7zXZ\0"),
    _packing("zip", "zip", b"PK\x03\x04", rb"PK(\x03\x04|\x05\x06|\x07\x08)"),
)
_BY_SUFFIX = {packing.suffix: packing for packing in PACKINGS}
_ZIP = _BY_SUFFIX["zip"]
_UNREAD = {
    what: re.compile(begins, re.DOTALL)
    for what, begins in (
        ("a 7z archive", rb"7z\xbc\xaf\x27\x1c"),
        ("a RAR archive", rb"Rar!\x1a\x07"),
        ("a tar archive", rb".{257}ustar"),
        ("packed with LZ4", rb"\x04\x22\x4d\x18"),
        ("packed with compress", rb"\x1f[\x9d\xa0]"),
        ("packed with lzip", rb"LZIP[\x00\x01]"),
        ("packed with LZMA", rb"\x5d\x00\x00.{2}[^\x00]"),
        ("packed with Snappy", rb"\xff\x06\x00\x00sNaPpY"),
    )
}
_ANY = re.compile(
    b"|".join(begins.pattern for begins in (*(p.begins for p in PACKINGS), *_UNREAD.values())),
    re.DOTALL,
)
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")


def packed_with(head: bytes) -> Packing | None:
    """What a file that begins so is packed with; None: nothing that is read."""
    return next((packing for packing in PACKINGS if packing.begins.match(head)), None)


@contextmanager
def opened(store: Store, path: str) -> Iterator[IO[bytes]]:
    """`path` for reading, unpacked. Reading raises `BadRow` for what is damaged or cut short."""
    with store.open(path) as raw:
        head = _head(raw)
        packing = _first(path, head)
        if packing is None:
            yield raw
            return
        with _opened(raw, path, packing) as file:
            yield file


@contextmanager
def _opened(raw: IO[bytes], path: str, packing: Packing | None) -> Iterator[IO[bytes]]:
    """The table in what is packed once, or some times."""
    file = raw
    with ExitStack() as files:
        for _ in range(_MOST):
            if packing is None:
                yield file
                return
            whole = files.enter_context(_Whole(_unpacked(file, path, packing), path, packing))
            file, head = cast(IO[bytes], whole), whole.peek(_HEAD)
            inner = packed_with(head)
            if inner is None:
                _refuse_unread(path, head)
            else:
                _tell(f"{path} holds what is packed with {inner.name} in what is {packing.name}")
            packing = inner
        raise BadRow(f"{path} is packed more than {_MOST} times", "Pack it once")


def _head(raw: BinaryIO) -> bytes:
    """The first bytes, which stay to be read."""
    if isinstance(raw, io.BufferedReader) and len(head := raw.peek(_HEAD)) >= _HEAD:
        return head[:_HEAD]
    head = raw.read(_HEAD)
    raw.seek(0)
    return head


def _first(path: str, head: bytes) -> Packing | None:
    """What the file itself is packed with, and what is to be said of its name."""
    named = _BY_SUFFIX.get(path.rpartition("/")[2].rpartition(".")[2].lower())
    if named is None and not _ANY.match(head):
        return None
    found = packed_with(head)
    if found is not None:
        if found is not named:
            _tell(f"{path} is packed with {found.name}, though its name does not say so")
        return found
    _refuse_unread(path, head)
    if named is None:
        return None
    if not head:
        raise BadRow(f"{path} is not a whole {named.name} file: it is empty")
    if named.magic.startswith(head):  # cut short within
        return named
    text = head[:2] in (b"\xff\xfe", b"\xfe\xff") or not _NO_TEXT.search(head)
    if not text:
        raise BadRow(f"{path} is not a whole {named.name} file: it begins neither so nor as text")
    _tell(f"{path} is named as {named.name}, and is not packed: it is read as it is")
    return None


def _refuse_unread(path: str, head: bytes) -> None:
    for what, begins in _UNREAD.items():
        if begins.match(head):
            raise BadRow(
                f"{path} is {what}, which is not read",
                "Pack the table by itself: with gzip, Zstandard, bzip2, xz or zip",
            )


@lru_cache(maxsize=4096)
def _tell(message: str) -> None:
    """Once: a file is opened several times, to look at it and to read it."""
    log.warning(message)


def _unpacked(file: IO[bytes], path: str, packing: Packing) -> Any:
    with _translated(path, packing):
        if packing is not _ZIP:
            return _OPENERS[packing.suffix](file)
        if not file.seekable():
            raise BadRow(f"{path} holds a zip that is packed once more", "Pack it once")
        archive = zipfile.ZipFile(file)
        return archive.open(table_of(archive, path))


@contextmanager
def _translated(path: str, packing: Packing) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise BadRow(f"{path} is not a whole {packing.name} file: {error}") from error


class _Whole(Bytes):
    """A file whose damage is told with its name. Nothing but reads is translated."""

    def __init__(self, plain: Any, path: str, packing: Packing) -> None:
        self._plain, self._path, self._packing = plain, path, packing
        self._head = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which stay to be read."""
        while len(self._head) < size and (more := self.read_on(size - len(self._head))):
            self._head += more
        return self._head

    def read_on(self, size: int) -> bytes:
        with _translated(self._path, self._packing):
            return cast(bytes, self._plain.read(size))

    def read(self, size: int = -1, /) -> bytes:
        if not self._head:
            return self.read_on(size)
        head, self._head = self._head, b""
        if 0 <= size < len(head):
            head, self._head = head[:size], head[size:]
            return head
        return head + self.read_on(size - len(head) if size >= 0 else -1)

    def close(self) -> None:
        if not self.closed:
            self._plain.close()
        super().close()


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


_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gz": lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),
    "zst": lambda raw: pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"),
    "bz2": lambda raw: io.BufferedReader(_Streams(raw, bz2.BZ2Decompressor), _READ),
    "xz": lambda raw: io.BufferedReader(_Streams(raw, lzma.LZMADecompressor), _READ),
}
