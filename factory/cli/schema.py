"""`factory schema`: the JSON Schema files in `schemas/`, from the kinds that are installed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from factory.cli import options

HELP = """\
The files are generated: commit them, and let CI run `factory schema --check`.
What another package offers and cannot be used is left out, with a warning.
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
    from factory.review import schema_files
    from factory.review.own_kinds import OfProject

    for broken in schema_files.left_out():
        print(f"warning: left out: {broken}", file=sys.stderr)
    root = options.root(args)
    folder = args.output or root.parent / "schemas"
    return options.write_or_check(args, folder, OfProject(root), "schema", "factory schema")
