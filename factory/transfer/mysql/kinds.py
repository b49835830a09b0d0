"""What the server calls its types."""

from __future__ import annotations

import re

WHOLE = ("tinyint", "smallint", "mediumint", "int", "bigint")
TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json")
BYTES = ("varbinary", "tinyblob", "blob", "mediumblob", "longblob")
TIMES = ("date", "datetime", "timestamp")


def parts_of(kind: str) -> tuple[str, tuple[int, ...], bool]:
    """`decimal(9,3) unsigned` → `decimal`, (9, 3), True. Values of enums stay out."""
    name, _, rest = kind.partition("(")
    digits = re.match(r"[\d,]+", rest)
    size = tuple(int(number) for number in digits[0].split(",")) if digits else ()
    return name.split(" ")[0], size, "unsigned" in kind
