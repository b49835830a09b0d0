"""`factory sniff`: the format of a file that is new to you, ready to paste below a source."""

from __future__ import annotations

import json
import os.path
import re
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory import extras, stores
from factory.cli.stored import reached
from factory.errors import FactoryError, UsageError

if TYPE_CHECKING:
    from factory.transfer.sniff import Sniffed

HELP = """\
It reads all of the file: .csv, .json, .jsonl, .parquet or .xlsx, packed (.gz, .zst, .bz2, .xz,
.zip) or not. What it is not sure of stands in comments. What has an http(s) address is downloaded
into a temporary folder; a file in a store is read by Airflow's connection. What a file must be read
with goes behind it, as KEY=VALUE of its format: the sheet of a workbook, the `member` of a zip; a
VALUE may be JSON.

for example:
  factory sniff trips.csv.gz
  factory sniff report.xlsx sheet=Q1 skip_rows=2
  factory sniff https://example.org/trips.csv
  factory sniff s3://lake/trips.parquet
"""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\([0-9]+, [0-9]+\))?")
_ASKED = re.compile("`(sheet|range|skip_rows|merged|rename|select|member|nulls)[:`]")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="a file, or an address: http(s), s3, gs, sftp")
    parser.add_argument(
        "options", metavar="KEY=VALUE", nargs="*", help="an option of the format, taken as it is"
    )


def run(args: Namespace) -> int:
    """Look at the file and print its format."""
    found, name = look(args.file, dict(map(_option, args.options)))
    for line in _lines(found, name):
        print(line)
    return 0


def address(file: str) -> dict[str, str]:
    """A file, or an address, as a source of a pipeline."""
    if _is_remote(file):
        return {"type": "http", "url": file}
    if _is_stored(file):
        return {"type": "file", "path": file}
    return {"type": "file", "path": f"file://{os.path.abspath(file.removeprefix('file://'))}"}


def look(file: str, given: dict[str, Any]) -> tuple[Sniffed, str]:
    """What a file, or an address, holds, and its name; `given` are options of its format.

    :raises FactoryError: it cannot be read, or what reads it is not installed.
    """
    from factory.definitions.errors import TransferError

    try:
        if _is_remote(file):
            return _remote(file, given)
        if _is_stored(file):
            return _stored(file, given)
        return _local(Path(file.removeprefix("file://")), given)
    except ModuleNotFoundError as error:
        said = f"a look at a file needs {error.name}, which is not installed here"
        raise FactoryError(said, extras.hint(error)) from error
    except TransferError as error:
        raise FactoryError(error.message, _hint(error.hint or "")) from None


def _is_remote(file: str) -> bool:
    return file.startswith(("http://", "https://"))


def _is_stored(file: str) -> bool:
    return stores.scheme_of(file) not in ("", "file") and stores.is_address(file)


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is no option: expected KEY=VALUE, such as sheet=Q1")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _hint(said: str) -> str:
    """An option that an error asks for is given here, too."""
    return f"{said}. Here: `factory sniff FILE KEY=VALUE`" if _ASKED.search(said) else said


def _local(path: Path, given: dict[str, Any]) -> tuple[Sniffed, str]:
    from factory.stores.disk import Disk
    from factory.transfer.sniff import sniff

    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    return sniff(Disk(), str(path), given), path.name


def _stored(uri: str, given: dict[str, Any]) -> tuple[Sniffed, str]:
    from factory.transfer.sniff import sniff

    with reached(uri) as file:
        return sniff(file.store, file.path, given), file.name


def _remote(url: str, given: dict[str, Any]) -> tuple[Sniffed, str]:
    import requests

    from factory.stores.disk import Disk
    from factory.transfer.download import download, file_name
    from factory.transfer.sniff import sniff

    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        name = file_name(url)
        path = str(Path(folder) / name)
        download(session, url, Disk(), path, attempts=2)
        return sniff(Disk(), path, given), name


def _lines(found: Sniffed, name: str) -> Iterator[str]:
    from factory.definitions import formats

    yield f"# {name}: {len(found.types)} columns, {found.rows} rows"
    if found.bad:
        yield f"# {found.bad} more rows do not fit: `on_bad_row: quarantine` tells which"
    for note in found.notes:
        yield f"# unsure: {note}"
    options: dict[str, Any] = formats.plain(found.format)
    columns = options.pop("columns", {})
    if len(options) == 1 and not columns:
        yield f"format: {options.pop('type')}"
    else:
        yield "format:"
    for key, value in options.items():
        yield f"  {key}: {_value(value)}"
    yield from _columns(found, "  ", columns)


def _columns(found: Sniffed, indent: str, declared: dict[str, str]) -> Iterator[str]:
    """As options, or as comments where the file itself says its types."""
    yield f"{indent}columns:" if declared else f"{indent}# columns, by the file itself:"
    start = indent + ("  " if declared else "#   ")
    entries = {name: f"{_scalar(name)}: {word}" for name, word in found.types.items()}
    width = max(map(len, entries.values()), default=0)
    for name, entry in entries.items():
        doubt = found.doubts.get(name)
        yield f"{start}{entry:<{width}}  # {doubt}" if doubt else f"{start}{entry}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    return json.dumps(text)
