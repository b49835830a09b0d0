"""`factory schema`: the JSON Schema files in `schemas/`, from the kinds that are installed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from factory.cli import options
from factory.errors import FactoryError

HELP = """\
The files are generated: commit them, and let CI run `factory schema --check`.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.add_root(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where the files go (default: schemas/ beside the configuration folder)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a file is out of date"
    )


def run(args: Namespace) -> int:
    """Write the schemas, or compare them."""
    from factory.lint.paths import shown_path
    from factory.lint.reporters.text import counted
    from factory.review import schema_files

    folder = args.output or options.root(args).parent / "schemas"
    if args.check:
        stale = schema_files.stale(folder)
        if stale:
            raise FactoryError(
                f"out of date: {', '.join(stale)}", "write them again with `factory schema`"
            )
        print("the schemas are up to date")
        return 0
    written = schema_files.write(folder)
    for path in written:
        print(shown_path(path))
    print(f"{counted(len(written), 'schema')} written")
    return 0
