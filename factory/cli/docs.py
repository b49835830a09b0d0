"""`factory docs`: the reference pages in `docs/reference/`, from the kinds that come with it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from factory.cli import options

HELP = """\
The pages are generated: commit them, and let CI run `factory docs --check`.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.add_root(parser)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a page is out of date"
    )


def run(args: Namespace) -> int:
    """Write the pages, or compare them."""
    from factory.review import docs

    folder = options.root(args).parent / Path("docs", "reference")
    return options.write_or_check(args, folder, docs, "reference page", "factory docs")
