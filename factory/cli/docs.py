"""`factory docs`: the reference pages in `docs/reference/`, from the kinds that come with it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from factory.cli import options
from factory.errors import FactoryError

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
    from factory.lint.paths import shown_path
    from factory.lint.reporters.text import counted
    from factory.review import docs

    folder = options.root(args).parent / Path("docs", "reference")
    if args.check:
        stale = docs.stale(folder)
        if stale:
            raise FactoryError(
                f"out of date: {', '.join(stale)}", "write them again with `factory docs`"
            )
        print("the reference pages are up to date")
        return 0
    written = docs.write(folder)
    for path in written:
        print(shown_path(path))
    print(f"{counted(len(written), 'page')} written")
    return 0
