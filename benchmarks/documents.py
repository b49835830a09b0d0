"""A JSON array of 1 GB and a sheet of 100 MB, converted: how long, and in how much memory."""

from __future__ import annotations

import json
import os
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from benchmarks.measure import Line, Side, cost

MEGABYTES = int(os.environ.get("BENCH_MEGABYTES", 1000))  # fewer, to try the part itself
PIECES = 20  # that are made of each file; then they repeat
SHEET_ROWS = 1_000_000  # Excel has 1,048,576
_SHEET = "xl/worksheets/sheet1.xml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def lines(folder: Path) -> Iterator[Line]:
    """Ratios, speeds and peaks of memory."""
    array, flat, sheet = folder / "rows.json", folder / "rows.jsonl", folder / "rows.xlsx"
    write_json(array, flat)
    plain = cost(converting(flat, '{"type": "jsonl"}'), folder)
    found = cost(converting(array, '{"type": "json"}'), folder)
    size = array.stat().st_size / 1e6
    speed = f"{found.seconds:.1f} s ({size / found.seconds:.0f} MB/s)"
    yield Line(
        name=f"convert a JSON array of {size:,.0f} MB, against the same JSON Lines",
        value=found.seconds / plain.seconds,
        bound=1.5,
        detail=f"{speed} against {plain.seconds:.1f}",
    )
    yield peak(found.megabytes)
    cells = write_sheet(sheet)
    found = cost(converting(sheet, '{"type": "xlsx"}'), folder)
    size = sheet.stat().st_size / 1e6
    yield Line(
        name=f"convert a sheet of {size:,.0f} MB, {cells:,} cells",
        value=found.seconds,
        unit="s",
        detail=f"{1e6 * found.seconds / cells:.2f} µs a cell",
    )
    yield peak(found.megabytes)


def peak(megabytes: float) -> Line:
    return Line(name="  its peak memory above its start", value=megabytes, unit="MB", bound=300)


def converting(path: Path, format: str) -> Side:
    code = "import sys; from benchmarks.transfers import convert; convert(*sys.argv[1:])"
    return Side(code=code, arguments=(str(path), f"{path}.parquet", format))


def write_json(array: Path, flat: Path) -> None:
    """The same objects, in an array and in lines."""
    pieces = [list(map(json.dumps, _objects(random.Random(n)))) for n in range(PIECES)]
    times = -(-MEGABYTES * 10**6 // sum(len(text) + 2 for piece in pieces for text in piece))
    with array.open("w") as one, flat.open("w") as other:
        for number in range(times):
            for index, piece in enumerate(pieces):
                one.write(", " if number or index else "[")
                one.write(", ".join(piece))
                other.write("\n".join(piece) + "\n")
        one.write("]\n")


def _objects(chance: random.Random) -> Iterator[dict[str, object]]:
    for _ in range(5000):
        yield {
            "id": chance.randrange(10**9),
            "at": f"2024-0{chance.randrange(1, 9)}-1{chance.randrange(9)}T10:00:00",
            "name": f"customer {chance.randrange(10**6)}",
            "price": chance.randrange(10**6) / 100,
            "note": 'some text, "quoted" {or [not' if chance.randrange(10) else None,
            "tags": ["a", {"b": chance.randrange(100)}],
            "ok": True,
        }


def write_sheet(path: Path) -> int:
    """A workbook of as many cells as it says, a tenth of the texts of which are others."""
    rows = SHEET_ROWS * MEGABYTES // 1000
    parts = {
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": _relations(
            ("worksheet", "worksheets/sheet1.xml"),
            ("sharedStrings", "sharedStrings.xml"),
            ("styles", "styles.xml"),
        ),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_KINDS}"><sheets>'
        '<sheet name="Rows" sheetId="1" r:id="r0"/></sheets></workbook>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="22"/></cellXfs></styleSheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        with archive.open("xl/sharedStrings.xml", "w") as out:
            _write_strings(out, rows // 5)
        with archive.open(_SHEET, "w", force_zip64=True) as out:
            return _write_rows(out, rows)


def _relations(*related: tuple[str, str]) -> str:
    found = (
        f'<Relationship Id="r{number}" Type="{_KINDS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(related)
    )
    return f'<Relationships xmlns="{_PACKAGE}">{"".join(found)}</Relationships>'


def _write_strings(out: IO[bytes], count: int) -> None:
    chance = random.Random(0)
    out.write(f'<sst xmlns="{_MAIN}">'.encode())
    for number in range(count):
        out.write(f"<si><t>text {number} {chance.random()}</t></si>".encode())
    out.write(b"</sst>")


def _write_rows(out: IO[bytes], rows: int) -> int:
    """Ten columns: numbers, texts, a date and a boolean."""
    chance = random.Random(1)
    names = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{letter}</t></is></c>' for letter in "ABCDEFGHIJ"
    )
    head = f'<worksheet xmlns="{_MAIN}"><sheetData><row r="1">{names}</row>'
    out.write(head.encode())
    for row in range(2, rows + 2):
        floats = "".join(
            f'<c r="{letter}{row}"><v>{chance.random() * 1000!r}</v></c>' for letter in "BCDEF"
        )
        texts = "".join(
            f'<c r="{letter}{row}" t="s"><v>{chance.randrange(rows // 5)}</v></c>'
            for letter in "GH"
        )
        out.write(
            f'<row r="{row}" spans="1:10"><c r="A{row}"><v>{row}</v></c>{floats}{texts}'
            f'<c r="I{row}" s="1"><v>{45000 + chance.randrange(10**6) / 86400!r}</v></c>'
            f'<c r="J{row}" t="b"><v>{row % 2}</v></c></row>'.encode()
        )
    out.write(b"</sheetData></worksheet>")
    return rows * 10
