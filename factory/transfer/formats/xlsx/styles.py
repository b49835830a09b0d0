"""What the numbers of a workbook are: their formats tell dates and times from other numbers."""

from __future__ import annotations

import re

from factory.transfer.formats.xlsx.cells import DATE, ELAPSED, NUMBER, STAMP, TIME
from factory.transfer.formats.xlsx.workbook import Handlers, Workbook, local

# Excel's own formats, which no file spells out; 27 to 36 and 50 to 58 are dates of East Asia.
_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 34, 35, 36, *range(50, 59)), DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47), TIME),
    22: STAMP,
    46: ELAPSED,
}
_UNSAID = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


def kind_of(code: str) -> int:
    """What a number is that is shown by this format."""
    shown = _UNSAID.sub("", code.partition(";")[0]).lower()
    if _ELAPSED.search(shown):
        return ELAPSED
    if "general" in shown:
        return NUMBER
    shown = shown.replace("am/pm", "h").replace("a/p", "h")
    dated, timed = re.search("[ydeg]", shown), re.search("[hs]", shown)
    if dated is None and "m" in shown and timed is None:
        return DATE
    if "e" in shown and not re.search("[yd]", shown):  # 0.00E+00
        dated = re.search(r"e(?![+-])", shown) if not re.search(r"[0#?]", shown) else None
    if dated:
        return STAMP if timed else DATE
    return TIME if timed else NUMBER


def kinds(workbook: Workbook) -> list[int]:
    """What a number is, by the index of its cell's style."""
    own: dict[int, str] = {}
    used: list[int] = []
    inside: list[str] = []

    def start(name: str, given: dict[str, str]) -> None:
        tag = local(name)
        if tag == "numFmt":
            own[int(given["numFmtId"])] = given["formatCode"]
        elif tag == "xf" and inside[-1:] == ["cellXfs"]:
            used.append(int(given.get("numFmtId", 0)))
        inside.append(tag)

    def end(name: str) -> None:
        inside.pop()

    if workbook.styles_part and workbook.has(workbook.styles_part):
        for _ in workbook.parse(workbook.styles_part, Handlers(start, end)):
            pass
    return [kind_of(own[id]) if id in own else _BUILT_IN.get(id, NUMBER) for id in used]
