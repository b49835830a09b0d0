"""Files in an SQLite database: `acme://<database>/<path>`, in the folder `ACME_HOME`."""

from __future__ import annotations

import errno
import io
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, BinaryIO

from factory.stores.model import Can, File, Folder, Page, Place, Writer, changed, pages

START = "acme://"
TABLE = "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, data BLOB, changed REAL, v TEXT)"
NEW = "INSERT INTO files VALUES (?, ?, ?, hex(randomblob(8)))"
FACTS = "SELECT path, length(data), changed, v FROM files WHERE path"
DATA = "SELECT data, v FROM files WHERE path = ?"


def place(uri: str) -> Place:
    """What `factory.stores.open_uri` calls for an address that begins with `acme://`."""
    name, _, path = uri.removeprefix(START).partition("/")
    return Place(Acme(name), path)


@dataclass(frozen=True)
class Acme:
    """One database. It is equal to another of its name: tasks look at the same files."""

    name: str
    can = Can(pins=True)

    def uri(self, path: str) -> str:
        return f"{START}{self.name}/{path}"

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        above = f"{folder}/" if folder else ""
        begins = above + prefix
        # substr, for `_` and `%` mean something to LIKE
        found = self._rows(f"{FACTS} >= ? AND substr(path, 1, ?) = ?", begins, len(begins), begins)
        entries: dict[str, File | Folder] = {}
        for row in found:
            first, slash, _ = row[0][len(above) :].partition("/")
            inside = slash and not deep
            entry = Folder(above + first) if inside else File(*row)
            entries[entry.path] = entry
        return pages(entries.values())

    def file(self, path: str) -> File | None:
        found = self._rows(f"{FACTS} = ?", path)
        return File(*found[0]) if found else None

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        found = self._rows(DATA, path)
        if not found:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if version not in (None, found[0][1]):
            raise changed(path)
        return io.BytesIO(found[0][0])

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        return _Writer(self, path, only_new)

    def copy(self, source: str, target: str) -> None:
        with self.open(source) as given:
            self.put(target, given.read())

    def delete(self, path: str, *, version: str | None = None) -> None:
        self._rows("DELETE FROM files WHERE path = ? AND v = coalesce(?, v)", path, version)
        if version is not None and self.file(path):
            raise changed(path)

    def delete_below(self, folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        self._rows("DELETE FROM files WHERE substr(path, 1, ?) = ?", len(prefix), prefix)

    def delete_empty(self, folder: str) -> None:
        pass  # there are no folders

    def put(self, path: str, data: bytes, *, only_new: bool = False) -> None:
        try:
            how = NEW if only_new else NEW.replace("INSERT", "INSERT OR REPLACE")
            self._rows(how, path, data, time.time())
        except sqlite3.IntegrityError:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None

    def _rows(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"{os.environ['ACME_HOME']}/{self.name}.db")) as database:
            database.execute(TABLE)
            found = database.execute(query, values).fetchall()
            database.commit()
            return found


class _Writer(Writer):
    """Keeps what is written in a temporary file, and gives it to the database at the end."""

    def __init__(self, store: Acme, path: str, only_new: bool) -> None:
        super().__init__()
        self._store, self._path, self._only_new = store, path, only_new
        self._written = tempfile.TemporaryFile()  # noqa: SIM115

    def write(self, data: Any, /) -> int:
        written = self._written.write(data)
        self.size += written
        return written

    def _publish(self) -> None:
        self._written.seek(0)
        self._store.put(self._path, self._written.read(), only_new=self._only_new)
        self._written.close()

    def _discard(self) -> None:
        self._written.close()
