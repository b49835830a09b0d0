"""`factory docs`: the reference pages in `docs/reference/`, from the kinds that come with it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from factory.cli import options

HELP = """\
The pages are generated: commit them, and let CI run `factory docs --check`.
The kinds of the project's own have theirs beside them, in _kinds/README.md.
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

    root = options.root(args)
    folder = root.parent / Path("docs", "reference")
    pages = docs.OfProject(root)
    return options.write_or_check(args, folder, pages, "reference page", "factory docs")
