"""A file → its text: what is no readable UTF-8 file of a sensible size is refused."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

from factory.diagnostics import Diagnostic
from factory.errors import SpecError
from factory.spec import links

MAX_BYTES = 1024 * 1024


_MARK = b"\xef\xbb\xbf"


def text_of(path: Path, name: str, root: Path | None = None, *, marked: bool = False) -> str:
    """The text of a file that may be anything; never waits, never reads more than is allowed.

    :param root: the configuration root that it is in; what links to elsewhere is not read.
    :param marked: a byte order mark may stand first, and is left out.
    :raises SpecError: there is no such text.
    """
    try:
        data, size = bytes_of(path, root)
    except Unreadable as error:
        fail_whole(name, error.code, str(error), *_EXPECTED.get(error.code, ()))
    if len(data) > MAX_BYTES:
        fail_whole(
            name,
            "too-large",
            f"the file has {size / MAX_BYTES:.1f} MiB",
            "at most 1 MiB: a spec describes data, it does not hold it",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:2].count(b"\0") == 1:
        fail_whole(
            name,
            "not-utf-8",
            "the file is UTF-16 or UTF-32, as some editors and PowerShell's `>` write",
            "UTF-8 without a byte order mark",
            "save it again as UTF-8",
        )
    if marked:
        data = data.removeprefix(_MARK)
    if data.startswith(_MARK):
        fail_whole(
            name,
            "byte-order-mark",
            "the file starts with a byte order mark",
            "UTF-8 without a byte order mark",
            "save it again as plain UTF-8",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        fail(
            name,
            line,
            column,
            "not-utf-8",
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            expected="a file saved as UTF-8",
        )
    return text


class Unreadable(Exception):
    """A path that is no file that can be read."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_EXPECTED = {
    "not-a-file": ("a YAML file",),
    "broken-link": ("a link to a file",),
    links.CODE: (links.EXPECTED, "put the file itself here"),
}


def bytes_of(path: Path, root: Path | None = None) -> tuple[bytes, int]:
    """At most MAX_BYTES and one more, and the size of the whole file; never waits.

    :param root: the configuration root that it is in; what links to elsewhere is not read.
    :raises Unreadable: it is no file that can be read.
    """
    try:
        descriptor = links.opened(path)
        try:
            if root is not None:
                links.require_inside(descriptor, path, root)
            return _read(descriptor)
        finally:
            os.close(descriptor)
    except links.Outside:
        raise Unreadable(links.CODE, links.MESSAGE) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError as error:  # a NUL in the name
        raise Unreadable("unreadable", f"the file cannot be read: {error}") from None


def _read(descriptor: int) -> tuple[bytes, int]:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable("not-a-file", "this is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("not-a-file", "this is a pipe or a device")
    with open(descriptor, "rb", closefd=False) as file:
        data = file.read(MAX_BYTES + 1)
    return data, max(status.st_size, len(data))


def _unreadable(path: Path, error: OSError) -> Unreadable:
    if error.errno == errno.ENXIO:
        return Unreadable("not-a-file", "this is a socket or a device")
    if error.errno == errno.ELOOP or (error.errno == errno.ENOENT and os.path.islink(path)):
        return Unreadable("broken-link", "this link leads nowhere, or in a circle")
    return Unreadable("unreadable", f"the file cannot be read: {error.strerror or error}")


def fail_whole(name: str, code: str, message: str, expected: str = "", hint: str = "") -> NoReturn:
    """Refuse a file as a whole.

    :raises SpecError: always.
    """
    fail(name, 1, 1, code, message, expected=expected, hint=hint, width=0)


def fail(
    name: str,
    line: int,
    column: int,
    code: str,
    message: str,
    *,
    expected: str = "",
    hint: str = "",
    width: int = 1,
) -> NoReturn:
    """Refuse a file.

    :raises SpecError: always.
    """
    raise SpecError(
        [
            Diagnostic(
                file=name,
                line=line,
                column=column,
                code=code,
                message=message,
                expected=expected,
                hint=hint,
                width=width,
            )
        ]
    )
