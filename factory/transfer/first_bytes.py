"""What a file is by its first bytes, where another format is declared: a login page is no CSV."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass

from factory.definitions import formats
from factory.definitions.formats import Csv, Format, Jsonl
from factory.fields import word_of
from factory.transfer.compression import packed_with
from factory.transfer.errors import BadRow

LOOKED_AT = 4096
_SHOWN = 60


@dataclass(frozen=True)
class Known:
    """What bytes are."""

    what: str
    format: str | None = None  # the word for it, when it holds rows
    text: bool = False
    packed: bool = False  # something else is in it
    hint: str | None = None


_PAGE = "Look into it: a login, an error or a link that has expired comes so"
_HTML = Known("an HTML page", text=True, hint=_PAGE)
_XML = Known("an XML document", text=True, hint=_PAGE)
_OBJECT = Known("a JSON document", "jsonl", text=True, hint=_PAGE)
_ARRAY = Known("a JSON document", "json", text=True, hint=_PAGE)
_POINTER = Known(
    "a Git LFS pointer",
    text=True,
    hint="Fetch what it stands for: `git lfs pull`, or an address that serves the file itself",
)
_IMAGE = Known("an image")

_TAGS = rb"(html|head|body|title|meta|link|script|style|div|h[1-6]|p|br|b|pre|center|table|form)"
# A column may be named `<DATE>`, `[id]`, `PAR1` or `version`: only what no header begins with.
_KNOWN = (
    (rb"version https://git-lfs\.github\.com/", _POINTER),
    (rb"(?i)<!doctype html|<!--|<" + _TAGS + rb"\b(?![^<]*>\s*[,;|\t])", _HTML),
    (rb"(?i)<\?xml\b|<!doctype|<[\w:]+\s[^<>]*\bxmlns", _XML),
    (rb'\{\s*["}]', _OBJECT),
    (rb"\[\s*[\[{\]]", _ARRAY),
    (rb"ORC[^ -~\t\r\n]", Known("an ORC file")),
    (rb"PAR1[^ -~\t\r\n]", Known("a Parquet file", "parquet")),
    (
        rb"(?s)PK\x03\x04(?=.*(\[Content_Types\]\.xml|_rels/\.rels|xl/workbook\.xml))",
        Known("an Excel workbook", "xlsx"),
    ),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", Known("an archive", packed=True)),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Known("an old Office file (.xls, .doc)")),
    (rb"%PDF-", Known("a PDF")),
    (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", _IMAGE),
    (rb"Obj\x01", Known("an Avro file")),
    (rb"ARROW1\x00", Known("an Arrow file")),
    (rb"SQLite format 3\x00", Known("a SQLite database")),
)
_PATTERNS = [(re.compile(pattern), known) for pattern, known in _KNOWN]


def known(first: bytes) -> Known | None:
    """What a file is that begins so; None for any text or bytes."""
    text = _text(first)
    for pattern, found in _PATTERNS:
        if pattern.match(text if found.text else first):
            return found
    packing = packed_with(first)
    return Known(f"packed with {packing.name}", packed=True) if packing else None


def _is_of(found: Known, format: str) -> bool:
    """Is it this format? An object begins a document, too."""
    return found.format == format or (found is _OBJECT and format == "json")


def _text(first: bytes) -> bytes:
    """As UTF-8, from its first character on."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        first = first.decode("utf-16", "replace").encode()
    return first.removeprefix(codecs.BOM_UTF8).lstrip()


def refuse(first: bytes, source: str, format: str, *, header: bool = True, width: int = 0) -> None:
    """Raise `BadRow` for a file that begins as another format's does.

    Of a CSV without a `header`, rows of one field (its `width`) may be any text, and rows of
    several may begin with JSON.
    """
    found = known(first[:LOOKED_AT])
    if found is None or _is_of(found, format):
        return
    if found.text and not header and (width == 1 or not _is_alone(found, first)):
        return
    raise BadRow(
        f"{source} is {found.what}, not {_NAMES.get(format, format)}: it begins with "
        f"{beginning(first)}",
        _hint(found, format),
    )


def refuse_answer(first: bytes, told: str, source: str, given: Format, meant: str | None) -> None:
    """Raise `BadRow` for what a server sends in place of a file.

    `told` is its Content-Type, which text is held against; bytes that are plainly of the format are
    taken, and so is the one Content-Type that is `meant`.
    """
    word, found = word_of(given), known(first[:LOOKED_AT])
    if not first and not _may_be_empty(given):
        raise BadRow(f"{source} is empty: its server sent not one byte", _PAGE)
    if found is not None and found.packed:
        return  # whose name tells what is in it
    if not (isinstance(given, Csv) and given.skip_rows):
        header, width = (given.header, len(given.columns)) if isinstance(given, Csv) else (True, 0)
        refuse(first, source, word, header=header, width=width)
    told = told.partition(";")[0].strip().lower()
    right = found is not None and _is_of(found, word)
    if right or told == (meant or "").lower() or not _CONTRADICTS.fullmatch(told):
        return
    raise BadRow(
        f"{source} is sent as {told}, not as {_NAMES.get(word, word)}: it begins with "
        f"{beginning(first)}",
        f"{_PAGE}. If it holds the rows, say `content_type: {told}`",
    )


def _may_be_empty(given: Format) -> bool:
    """Without a header, declared columns are all that no row needs."""
    if isinstance(given, Csv):
        return not given.header
    return type(given) is Jsonl and bool(given.columns)


_CONTRADICTS = re.compile(r"text/html|application/(json|xml|[\w.+-]+\+(json|xml))|text/xml")


def _is_alone(found: Known, first: bytes) -> bool:
    """Is the first line more, or less, than JSON in a field that others follow?"""
    line = _text(first).partition(b"\n")[0].decode(errors="replace").rstrip()
    try:
        _, end = json.JSONDecoder().raw_decode(line)
    except ValueError:
        return True
    return found not in (_OBJECT, _ARRAY) or end == len(line)


_NAMES = {
    "csv": "CSV",
    "json": "JSON",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "xlsx": "Excel",
}


def _hint(found: Known, format: str) -> str | None:
    if found.packed and format == "parquet":
        return "Parquet is packed within, and read where it is: unpack it"
    meant = f"If it holds the rows, say `format: {found.format}`"
    parts = [found.hint, meant if found.format in formats.WORDS else None]
    return ". ".join(part for part in parts if part) or None


def beginning(first: bytes) -> str:
    """The first line, as it may be shown."""
    text = _text(first[:LOOKED_AT]).decode(errors="replace")
    line = text.partition("\n")[0].rstrip()
    return repr(line[:_SHOWN]) + ("…" if len(line) > _SHOWN else "")
