"""Workbooks written by hand, part by part, as other programs than Excel write them, too."""

import io
import zipfile
from collections.abc import Mapping

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# 1: a date, 2: date and time, 3: a time, 4: a duration, 5: 00000, 6: in words
STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="00000"/>'
    '<numFmt numFmtId="165" formatCode="[$-407]d/\\ mmmm\\ yyyy;@"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>'
    + "".join(f'<xf numFmtId="{id}"/>' for id in (0, 14, 22, 21, 46, 164, 165))
    + "</cellXfs>"
)


def workbook(
    *sheets: str,
    after: str = "",
    strings: str | None = None,
    names: Mapping[int, str] = {},
    states: Mapping[int, str] = {},
    main: str = MAIN,
    from_1904: bool = False,
    packed: int = zipfile.ZIP_DEFLATED,
    more: Mapping[str, str] = {},
) -> bytes:
    """A workbook of these sheets' rows; `after` is what follows the rows of the first."""
    listed, related = [], []
    parts: dict[str, str] = {}
    for number, rows in enumerate(sheets, 1):
        state = f' state="{states[number]}"' if number in states else ""
        name = names.get(number, f"Sheet{number}")
        listed.append(f'<sheet name="{name}" sheetId="{number}"{state} r:id="rId{number}"/>')
        related.append(_relation(number, "worksheet", f"worksheets/sheet{number}.xml"))
        tail = after if number == 1 else ""
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData>{tail}</worksheet>'
        )
    related.append(_relation(100, "styles", "/xl/styles.xml"))
    parts["xl/styles.xml"] = f'<styleSheet xmlns="{main}">{STYLES}</styleSheet>'
    if strings is not None:
        related.append(_relation(101, "sharedStrings", "sharedStrings.xml"))
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{main}">{strings}</sst>'
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{main}" xmlns:r="{_KINDS}"><workbookPr date1904="{int(from_1904)}"/>'
        f"<sheets>{''.join(listed)}</sheets></workbook>"
    )
    parts["xl/_rels/workbook.xml.rels"] = _relations(related)
    parts["_rels/.rels"] = _relations([_relation(1, "officeDocument", "xl/workbook.xml")])
    return archive(dict(more) | parts | dict(more), packed)  # of theirs, the first come first


def archive(parts: Mapping[str, str], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as file:
        for name, text in parts.items():
            file.writestr(name, f"<?xml version='1.0' encoding='UTF-8'?>\n{text}")
    return out.getvalue()


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_KINDS}/{kind}" Target="{target}"/>'


def _relations(related: list[str]) -> str:
    return f'<Relationships xmlns="{_RELATIONS}">{"".join(related)}</Relationships>'
