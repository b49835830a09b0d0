"""The parts of a workbook: a zip of XML, of which some tell where the others are."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from xml.parsers import expat

from factory.stores.model import Store
from factory.transfer import first_bytes
from factory.transfer.errors import BadRow

READ = 256 << 10

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS = {
    "xl/workbook.bin": "an Excel binary workbook (.xlsb)",
    "content.xml": "an OpenDocument file (.ods)",
    "word/document.xml": "a Word document",
}
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, expat.ExpatError),
    *(KeyError, ValueError),  # attributes that are not there, or no numbers
)
_SAVE_AS = "Save it as an Excel workbook (.xlsx)"


@dataclass(frozen=True)
class Sheet:
    """A sheet, as the workbook names it."""

    name: str
    part: str
    shown: bool

    def cell(self, letters: str, row: int) -> str:
        """`Sheet1!C7`, quoted as in a formula."""
        plain = self.name.isidentifier()
        name = self.name if plain else "'" + self.name.replace("'", "''") + "'"
        return f"{name}!{letters}{row}"


class Workbook:
    """A workbook that is open."""

    def __init__(self, archive: zipfile.ZipFile, source: str) -> None:
        self._archive = archive
        self._parts = {name.lower(): name for name in archive.namelist()}
        self.source = source
        self.sheets: list[Sheet] = []
        self.from_1904 = False
        self.strings_part: str | None = None
        self.styles_part: str | None = None
        self._read_workbook()

    def parse(
        self, part: str, handlers: Handlers, sieve: Callable[[bytes], bytes] = bytes
    ) -> Iterator[None]:
        """Give what a `sieve` leaves of a part to handlers, a piece at a time.

        Raises `BadRow` for what is damaged.
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = handlers.start
        parser.EndElementHandler = handlers.end
        parser.CharacterDataHandler = handlers.text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        with self._told(part), self._archive.open(self._parts[part.lower()]) as file:
            while data := file.read(READ):
                parser.Parse(sieve(data), False)
                yield
            parser.Parse(sieve(b""), True)
            yield

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return part.lower() in self._parts

    def _refuse_doctype(self, *args: object) -> None:
        raise BadRow(f"{self.source} holds XML with a DOCTYPE, which no workbook has")

    @contextmanager
    def _told(self, part: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise BadRow(f"{self.source} is damaged: {part}: {error}") from error
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by another way
            raise BadRow(f"{self.source}: {part} can't be unpacked: {error}") from error

    def _read_workbook(self) -> None:
        main = next(
            (target for kind, target in self._relations("").values() if kind == "officeDocument"),
            "xl/workbook.xml",
        )
        if not self.has(main):
            raise BadRow(f"{self.source} is no Excel workbook: it has no {main}", _SAVE_AS)
        relations = self._relations(main)
        for kind, target in relations.values():
            if kind == "sharedStrings":
                self.strings_part = target
            elif kind == "styles":
                self.styles_part = target
        found: list[tuple[str, str, bool]] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            tag = local(name)
            if tag == "sheet":
                by_name = {local(key): value for key, value in attributes.items()}
                shown = by_name.get("state", "visible") == "visible"
                found.append((by_name["name"], by_name.get("id", ""), shown))
            elif tag == "workbookPr":
                self.from_1904 = attributes.get("date1904") in ("1", "true")

        for _ in self.parse(main, Handlers(start)):
            pass
        for title, id, shown in found:
            kind, target = relations.get(id, ("", ""))
            if kind == "worksheet" and self.has(target):  # others are charts and dialogs
                self.sheets.append(Sheet(title, target, shown))

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to: by its id, the kind and the part."""
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def start(name: str, given: dict[str, str]) -> None:
            if local(name) == "Relationship" and given.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, given["Target"]))
                kind = given["Type"].rpartition("/")[2]
                found[given["Id"]] = kind, target.lstrip("/")

        if self.has(path):
            for _ in self.parse(path, Handlers(start)):
                pass
        return found


def _nothing(*args: object) -> None:
    return


@dataclass(frozen=True)
class Handlers:
    """What is done at each element."""

    start: Callable[[str, dict[str, str]], None]
    end: Callable[[str], None] = _nothing
    text: Callable[[str], None] = _nothing


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(" ")[2]


@contextmanager
def opened(store: Store, source: str) -> Iterator[Workbook]:
    """A workbook. Raises `BadRow` for what is none."""
    with store.open(source) as raw:
        begun = raw.read(first_bytes.LOOKED_AT)
        raw.seek(0)
        if begun.startswith(_OLE):
            raise BadRow(*_old(raw, source))
        if not begun.startswith(b"PK"):
            first_bytes.refuse(begun, source, "xlsx")
        try:
            archive = zipfile.ZipFile(raw)
        except (zipfile.BadZipFile, EOFError, ValueError, OSError) as error:
            said = f"it begins with {first_bytes.beginning(begun)}"
            if begun.startswith(b"PK"):
                said = f"it is damaged: {error}"
            raise BadRow(f"{source} is no Excel workbook: {said}", _SAVE_AS) from error
        with archive:
            for part, kind in _OTHERS.items():
                if part in archive.namelist():
                    raise BadRow(f"{source} is {kind}, which is not read", _SAVE_AS)
            yield Workbook(archive, source)


def _old(raw: IO[bytes], source: str) -> tuple[str, str]:
    """A compound file is an old workbook, or the envelope of one that is encrypted."""
    encrypted = "EncryptedPackage".encode("utf-16-le")
    before: Any = b""
    while data := raw.read(READ):
        if encrypted in before + data:
            said = f"{source} is protected by a password, and can't be read"
            return said, "Save it without one: File › Info › Protect Workbook"
        before = data[-len(encrypted) :]
    return f"{source} is an old Excel workbook (.xls), which is not read", _SAVE_AS
