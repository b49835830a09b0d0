"""The sheet of a workbook that is to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from factory.definitions.formats import Xlsx
from factory.definitions.formats.xlsx import Area, nulls
from factory.stores.model import Store
from factory.transfer.errors import BadRow, unknown
from factory.transfer.formats.xlsx import sheet as sheets
from factory.transfer.formats.xlsx.cells import Book
from factory.transfer.formats.xlsx.sheet import Block, blocks
from factory.transfer.formats.xlsx.strings import strings
from factory.transfer.formats.xlsx.styles import kinds as kinds_of
from factory.transfer.formats.xlsx.workbook import Sheet, Workbook
from factory.transfer.formats.xlsx.workbook import opened as opened_workbook


@dataclass(frozen=True)
class File:
    """A sheet that is open."""

    workbook: Workbook
    sheet: Sheet
    book: Book
    kinds: Sequence[int]

    def blocks(self, area: Area, shared: Sequence[Area] = ()) -> Iterator[Block]:
        """Its rows, and the refusal of none."""
        return blocks(self.workbook, self.sheet, sheets.Reader(area, self.kinds, shared))


@contextmanager
def opened(fs: Store, source: str, given: Xlsx) -> Iterator[File]:
    """The sheet of a file that is meant. Raises `BadRow`."""
    with opened_workbook(fs, source) as workbook:
        sheet = _sheet(workbook, given.sheet)
        with strings(workbook) as found:
            book = Book(found, workbook.from_1904, nulls(given))
            yield File(workbook, sheet, book, kinds_of(workbook))


def _sheet(workbook: Workbook, wanted: str | int | None) -> Sheet:
    """The sheet of a name or number, else the only one that holds something."""
    known = {sheet.name: sheet for sheet in workbook.sheets}
    if isinstance(wanted, int):
        if wanted > len(known):
            hint = f'Its name is a text: `sheet: "{wanted}"`' if str(wanted) in known else None
            raise BadRow(f"{workbook.source} has {len(known)} sheets, and no sheet {wanted}", hint)
        return workbook.sheets[wanted - 1]
    if wanted is not None:
        if wanted not in known:
            raise unknown(f"sheet, {workbook.source} has no", wanted, known)
        return known[wanted]
    there = [sheet for sheet in workbook.sheets if sheet.shown]
    if len(there) > 1:
        there = [sheet for sheet in there if not _is_empty(workbook, sheet)] or there[:1]
    if len(there) == 1:
        return there[0]
    said = f"has several sheets: {', '.join(s.name for s in there)}" if there else "shows no sheet"
    raise BadRow(f"{workbook.source} {said}", f"Say which (`sheet: {next(iter(known), 1)}`)")


def _is_empty(workbook: Workbook, sheet: Sheet) -> bool:
    return next(blocks(workbook, sheet, sheets.Reader(Area(), ())), None) is None
