"""Zip archives: the table, or the tables, among what else archives hold."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, BinaryIO, cast

from factory.stores.model import Store
from factory.transfer.errors import BadRow

_SYSTEM = re.compile(r"(.*/)?(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(/.*)?", re.DOTALL)
_ABOUT = re.compile(
    r"(.*/)?_*(licen[cs]e|readme|read[_ ]me|copying|copyright|notice|terms|changelog|disclaimer)"
    r"[^/.]*(\.(txt|md|rst|html?|pdf|rtf|docx?))?",
    re.DOTALL | re.IGNORECASE,
)
_OFFICE = "[Content_Types].xml"
_SHOWN = 3
_DAMAGE = (EOFError, OSError, ValueError, NotImplementedError, zlib.error, zipfile.BadZipFile)


def table_of(archive: zipfile.ZipFile, path: str) -> zipfile.ZipInfo:
    """The one table of an archive. Raises `BadRow`."""
    files = _files(archive, path)
    if len(files) > 1:
        files = [info for info in files if not _ABOUT.fullmatch(info.filename)] or files
    if len(files) != 1:
        hint = f"It holds {_named(files)}" if files else None
        if len(files) > 1:
            hint = f'{hint}: `member: "*.csv"` in the format reads those that match as one table'
        raise BadRow(f"{path} holds {len(files)} files, expected 1", hint)
    _refuse_encrypted(path, files)
    return files[0]


def members(
    store: Store, sources: Sequence[str], pattern: str
) -> tuple[Store, dict[str, tuple[str, str]]]:
    """A store that opens what is in archives, and its paths: each with the archive's, and the name.

    Raises `BadRow`: a source is no zip, or holds nothing that matches.
    """
    inside: dict[str, tuple[str, str]] = {}
    for source in sources:
        with store.open(source) as raw, _told(source), zipfile.ZipFile(raw) as archive:
            files = _files(archive, source)
            found = [info for info in files if fnmatchcase(info.filename, pattern)]
            if not found:
                raise BadRow(
                    f"{source} holds no file that matches {pattern!r}", f"It holds {_named(files)}"
                )
            _refuse_encrypted(source, found)
            names = sorted(info.filename for info in found)
        inside |= {f"{source}/{name}": (source, name) for name in names}
    return cast(Store, _Members(store, inside)), inside  # readers do no more than open


@dataclass(frozen=True)
class _Members:
    store: Store
    inside: Mapping[str, tuple[str, str]]

    def open(self, path: str) -> BinaryIO:
        source, name = self.inside[path]
        raw = self.store.open(source)
        try:
            with _told(source):
                return cast(BinaryIO, _Member(zipfile.ZipFile(raw).open(name), raw, source))
        except BaseException:
            raw.close()
            raise


class Bytes(io.RawIOBase):
    """A file that has its own `read`, and is read into buffers by it."""

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As many bytes as `read` gives."""
        data = self.read(len(buffer)) or b""
        buffer[: len(data)] = data
        return len(data)


class _Member(Bytes):
    """A file in an archive, which is closed with it."""

    def __init__(self, file: Any, raw: BinaryIO, source: str) -> None:
        self._file, self._raw, self._source = file, raw, source

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with _told(self._source):
            return cast(int, self._file.seek(offset, whence))

    def read(self, size: int = -1, /) -> bytes:
        with _told(self._source):
            return cast(bytes, self._file.read(size))

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._raw.close()
        super().close()


@contextmanager
def _told(source: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise BadRow(f"{source} is not a whole zip file: {error}") from error


def _files(archive: zipfile.ZipFile, path: str) -> list[zipfile.ZipInfo]:
    """Without folders, and without what systems leave in archives."""
    files = [info for info in archive.infolist() if not info.is_dir()]
    if any(info.filename == _OFFICE for info in files):
        raise BadRow(
            f"{path} is a document of an office program, and no zip of tables",
            "A workbook is read with `format: xlsx`",
        )
    if files and all(info.header_offset for info in archive.infolist()):
        raise BadRow(
            f"{path} is not a whole zip file: something else stands before the archive",
            "Are these several archives in one file? Unpack them, and pack all files in one",
        )
    return [info for info in files if not _SYSTEM.fullmatch(info.filename)]


def _refuse_encrypted(path: str, files: Sequence[zipfile.ZipInfo]) -> None:
    if any(info.flag_bits & 1 for info in files):
        raise BadRow(f"{path} is encrypted", "Encrypted archives are not read")


def _named(files: Sequence[zipfile.ZipInfo]) -> str:
    names = ", ".join(info.filename for info in files[:_SHOWN])
    return (names or "nothing") + (", …" if files[_SHOWN:] else "")
