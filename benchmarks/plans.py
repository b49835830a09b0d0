"""The plan of a MERGE as the server made it, from its log (`debug_print_plan`)."""

from __future__ import annotations

import re

OPTIONS = "-c debug_print_plan=on -c debug_pretty_print=off"  # of the connection

_NODES = {
    "HASHJOIN": "Hash",
    "MERGEJOIN": "Merge",
    "NESTLOOP": "Nested Loop",
    "SEQSCAN": "Seq Scan",
    "INDEXSCAN": "Index Scan",
    "BITMAPHEAPSCAN": "Bitmap Heap Scan",
    "HASH": "Hash",
    "SORT": "Sort",
    "MATERIAL": "Materialize",
    "MEMOIZE": "Memoize",
    "GATHER": "Gather",
}
_JOINS = ("Join", "Left Join", "Full Join", "Right Join")
_RELATIONS = {"1": "target", "2": "staged"}
_MERGE = "{PLANNEDSTMT :commandType 5"
_TOKENS = re.compile(r"\{([A-Z]+)\b|:join\.jointype ([0-3])|:scan\.scanrelid ([12])\b")


def merge_plan(logged: str) -> str:
    """The nodes in the words of EXPLAIN, outermost first."""
    logged = logged.partition(_MERGE)[2].partition("STATEMENT:")[0]
    words: list[str] = []
    joins: list[int] = []
    for node, join, scanned in _TOKENS.findall(logged):
        if node in _NODES:
            joins += [len(words)] if node.endswith(("JOIN", "LOOP")) else []
            words.append(_NODES[node])
        elif join and joins:  # told after what is joined
            words[joins.pop()] += f" {_JOINS[int(join)]}"
        elif scanned and words:
            words[-1] += f" {_RELATIONS[scanned]}"
    return " · ".join(words)
