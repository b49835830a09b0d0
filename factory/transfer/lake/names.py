"""What files of a lake are called, and the folders that tell the values of their columns."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from factory.transfer.errors import BadOption

NULL = "__HIVE_DEFAULT_PARTITION__"
"""What stands in a folder's name for null, as Hive has it."""

HIDDEN = ("_", ".")
"""What names begin with that readers of a folder pass over, as Hive and Spark do."""

_END = r"\.(parquet|csv|jsonl)(\.gz|\.zst)?"
_OURS = re.compile(rf".*-([0-9a-f]{{12}}-[0-9a-f]{{8}})-[0-9]{{5,}}{_END}")
_FORM = re.compile(rf"{_END}$")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")
_ESCAPED = re.compile(r"[\x00-\x1f\x7f\"#%'*/:=?\\{\[\]^]")


@dataclass(frozen=True)
class Attempt:
    """One try of one load. Its files bear both names, so that no other writes them."""

    load: str
    id: str

    @property
    def token(self) -> str:
        """What stands in the names of its files."""
        return f"{self.load}-{self.id}"


def attempt(load_id: str) -> Attempt:
    """A new try of the load that is called so."""
    return Attempt(hashlib.sha256(load_id.encode()).hexdigest()[:12], secrets.token_hex(4))


def refuse_prefix(prefix: str) -> None:
    """Raise `BadOption` for what names of files cannot begin with: a template may have left it."""
    if not _PREFIX.fullmatch(prefix):
        raise BadOption(
            f"names of files cannot begin with {prefix!r}",
            "Take letters, digits, `.` and `-`, a letter or a digit first",
        )


def token(path: str) -> str | None:
    """Whose file it is; None: it is none of ours."""
    found = _OURS.fullmatch(path.rpartition("/")[2])
    return found[1] if found else None


def form(path: str) -> str:
    """`parquet`, `csv` or `jsonl`, as the end of a file's name has it."""
    found = _FORM.search(path)
    return found[1] if found else ""


def is_hidden(below: str) -> bool:
    """Do readers of the folder pass a path over?"""
    return any(part.startswith(HIDDEN) for part in below.split("/"))


def escaped(text: str) -> str:
    """A value in a folder's name."""
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", text)
