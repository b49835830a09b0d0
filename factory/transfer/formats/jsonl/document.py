"""A JSON document, piece by piece: where its strings and brackets are, not what it says.

What stands in an array of rows is decoded later, and strictly; this only finds the
way to it, in bounded memory.
"""

from __future__ import annotations

import re
from typing import IO

import msgspec

from factory.transfer import first_bytes
from factory.transfer.errors import BadRow

CHUNK = 1 << 20
LONGEST = 32 << 20

BOM = b"\xef\xbb\xbf"
STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_KEY = re.compile(STRING, re.DOTALL)
_TOKEN = re.compile(STRING + rb'|[\[\]{}"]', re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb"[^ \t\r\n,:\[\]{}\"]+")
_OPEN, _CLOSE = b"{[", b"}]"


class Document:
    """What of a file was not looked at yet."""

    def __init__(self, file: IO[bytes], source: str) -> None:
        self._file = file
        self.source = source
        self.data = file.read(CHUNK)
        self.line = 1  # of the first byte of `data`
        if self.data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise self.wrong("it is UTF-16", "JSON is UTF-8: convert the file")
        self.data = self.data.removeprefix(BOM)
        first_bytes.refuse(self.data, source, "json")

    def wrong(self, said: str, hint: str | None = None, line: int | None = None) -> BadRow:
        """What is wrong at this place, or in another line."""
        return BadRow(f"{self.source}:{line or self.line}: {said}", hint)

    def more(self) -> bool:
        """Read some more; False: there is none."""
        found = self._file.read(CHUNK)
        self.data += found
        return bool(found)

    def take(self, count: int) -> bytes:
        """The first bytes, which are looked at now."""
        taken, self.data = self.data[:count], self.data[count:]
        self.line += taken.count(b"\n")
        return taken

    def next(self) -> bytes:
        """The next byte that is no space; empty at the end of the file."""
        while True:
            space = _SPACE.match(self.data)
            self.take(space.end() if space else 0)
            if self.data or not self.more():
                return self.data[:1]

    def expect(self, *wanted: bytes) -> bytes:
        """Take the next byte, which must be one of these. Raises `BadRow`."""
        found = self.next()
        if not found:
            raise self.wrong("the file ends here, in the middle of the document")
        if found not in wanted:
            named = " or ".join(f"`{one.decode()}`" for one in wanted)
            raise self.wrong(f"expected {named}, not {self.shown()}")
        return self.take(1)

    def key(self) -> str:
        """A string, and the colon behind it. Raises `BadRow`."""
        if self.next() == b"}":
            raise self.wrong("a comma stands before the closing `}`")
        if self.data[:1] != b'"':
            self.expect(b'"')
        while (found := _KEY.match(self.data)) is None:
            self._grow("a key")
        text = self.take(found.end())
        self.expect(b":")
        try:
            key: str = msgspec.json.decode(text, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.wrong(f"a key is no JSON text: {error}") from None
        return key

    def rest(self) -> bytes:
        """All of it. Raises `BadRow` when that is long."""
        while self.more():
            if len(self.data) > LONGEST:
                raise self.wrong(f"the document is longer than {LONGEST >> 20} MiB, for one row")
        return self.take(len(self.data)).rstrip()

    def skip(self) -> None:
        """One value, whatever it is."""
        begun = self.next()
        if begun == b'"':
            while (found := _KEY.match(self.data)) is None:
                self._grow("a text")
            self.take(found.end())
        elif begun and begun in _OPEN:
            self._skip_nested()
        elif (plain := _PLAIN.match(self.data)) is not None:
            self.take(plain.end())
        else:
            self.expect(b"a value")

    def _skip_nested(self) -> None:
        depth = 0
        while True:
            end = 0
            for token in _TOKEN.finditer(self.data):
                mark = token[0]
                if mark == b'"':  # the rest of a text is not there yet
                    break
                end = token.end()
                depth += (mark in _OPEN) - (mark in _CLOSE)
                if not depth:
                    self.take(end)
                    return
            self.take(end)
            self._grow("a text")

    def _grow(self, what: str) -> None:
        if len(self.data) > LONGEST:
            raise self.wrong(f"{what} is longer than {LONGEST >> 20} MiB")
        if not self.more():
            raise self.wrong("the file ends here, in the middle of the document")

    def shown(self) -> str:
        """The beginning of what comes next."""
        if not self.data:
            return "the end of the file"
        text = self.data[:20].decode(errors="replace").splitlines()[0]
        return f"`{text}{'…' if len(self.data) > len(text.encode()) else ''}`"
