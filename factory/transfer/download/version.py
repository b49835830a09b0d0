"""Which version of a file is this? Validators by RFC 9110, and the note that keeps them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from factory.stores.model import Facts
from factory.transfer.download.retries import parsed_date

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_SETTLED = timedelta(seconds=60)
_STORED_AS = {
    "gzip": (".gz", ".tgz"),
    "x-gzip": (".gz", ".tgz"),
    "zstd": (".zst",),
    "bzip2": (".bz2",),
    "xz": (".xz",),
}


@dataclass(frozen=True)
class Version:
    """The headers of an answer that tell one version of a file from another."""

    etag: str | None = None
    last_modified: str | None = None
    date: str | None = None
    encoding: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Version":
        """Of the answer with these headers."""
        encoding = headers.get("Content-Encoding", "").strip().lower()
        return cls(
            headers.get("ETag"),
            headers.get("Last-Modified"),
            headers.get("Date"),
            None if encoding in ("", "identity") else encoding,
        )

    def if_range(self) -> str | None:
        """A validator that holds byte for byte (13.1.5): never a weak tag, no date beside a tag."""
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        return self.last_modified if self._settled() else None

    def conditions(self) -> dict[str, str]:
        """Headers that ask for the file only if it is another version."""
        if self.etag is not None:
            return {"If-None-Match": self.etag}
        if self.last_modified is not None and self._settled():
            return {"If-Modified-Since": self.last_modified}
        return {}

    def known(self) -> bool:
        """Whether it can be told from another version at all."""
        return bool(self.conditions())

    def same(self, other: "Version") -> bool:
        """Whether both are surely one version, encoded alike."""
        if self.encoding != other.encoding:
            return False
        if self.etag is not None or other.etag is not None:
            return self.etag == other.etag
        return self._settled() and self.last_modified == other.last_modified

    def decoded(self, name: str) -> bool:
        """Whether the body must be decoded to be the file of this name.

        A stored `.gz` is often served with `Content-Encoding: gzip`: its bytes are the file.
        Anything else so encoded, though `identity` was asked for, is not.
        """
        return self.encoding is not None and not name.endswith(_STORED_AS.get(self.encoding, ()))

    def _settled(self) -> bool:
        # A date counts seconds: a file changed twice within one shows the same (8.8.2.2).
        changed, served = parsed_date(self.last_modified), parsed_date(self.date)
        return changed is not None and served is not None and served - changed >= _SETTLED


@dataclass(frozen=True)
class Note:
    """What is known of a file on the stage, whole or not yet.

    `url` is a digest, `length` is that of the whole file.
    """

    url: str
    length: int | None
    version: Version

    def facts(self) -> Facts:
        """As a store keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Facts | None) -> "Note | None":
        """The note, or None when these are no facts of a download."""
        try:
            return cls(**{**facts, "version": Version(**facts["version"])}) if facts else None
        except (TypeError, KeyError):
            return None


def continues(headers: Mapping[str, str], note: Note, start: int) -> int | None:
    """The whole file's length, when a 206 is of the noted version and begins at `start`; else None.

    Some servers ignore `If-Range` and send a part of another file.
    """
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None
    first, last, total = map(int, found.groups())
    if first != start or not first <= last < total:
        return None
    if note.length not in (None, total) or not note.version.same(_dated(headers, note)):
        return None
    return total


def _dated(headers: Mapping[str, str], note: Note) -> Version:
    served = Version.of(headers)
    # a 206 may leave out the encoding, never the validator
    return Version(
        served.etag,
        served.last_modified,
        note.version.date,
        served.encoding or note.version.encoding,
    )
