"""`factory put`: files of this machine into a store, to try a pipeline on them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from factory import stores
from factory.amounts import counted, size
from factory.cli.stored import reached
from factory.errors import FactoryError, UsageError

if TYPE_CHECKING:
    from factory.stores.model import Place
    from factory.transfer.files import Named

HELP = """\
The address is reached by Airflow's connection, as in a pipeline. With a `/` at its end it is a
folder, in which files keep their names. A file appears there as a whole, or not at all. One that
is there already with the same bytes counts; another one of its name stays unless --replace says
otherwise.

for example:
  factory put orders.csv s3://lake@lake/in/
  factory put 2024-01-*.csv gs://drop@drop/orders/
  factory put --replace orders.csv sftp://partner/in/orders.csv
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="a file here")
    parser.add_argument("to", metavar="ADDRESS", help="where to: s3, gs, sftp, file:///")
    parser.add_argument("--replace", action="store_true", help="write over files of the same names")


def run(args: Namespace) -> int:
    """Copy, and say how many files and bytes."""
    from factory.definitions.errors import TransferError

    files = [_file(path) for path in dict.fromkeys(args.files)]
    if not stores.is_address(args.to):
        raise UsageError(
            f"{args.to!r} is not in a store",
            f"the last word is where the files go: it begins with {stores.beginnings()}",
        )
    try:
        with reached(args.to) as place:
            _put(files, place, args.replace)
    except TransferError as error:
        raise FactoryError(error.message, error.hint or "") from None
    total = size(sum(each.file.size for each in files))
    print(f"{counted(len(files), 'file')}, {total}, at {args.to}")
    return 0


def _file(path: Path) -> Named:
    from factory.stores.disk import Disk
    from factory.transfer.files import Named

    found = Disk().file(str(path.absolute()))
    if found is None:
        raise UsageError(f"there is no file {path}")
    return Named(path.name, found)


def _put(files: list[Named], place: Place, replace: bool) -> None:
    from factory.stores.disk import Disk
    from factory.transfer.copies import copy, pairs

    disk = Disk()
    given = pairs(disk, files, place)
    done = copy(disk, given, place.store, "replace" if replace else "skip")
    if done.kept:
        names = ", ".join(place.store.uri(pair.target) for pair in done.kept)
        raise FactoryError(
            f"there is another file at {names}: it stays", "`--replace` writes over it"
        )
