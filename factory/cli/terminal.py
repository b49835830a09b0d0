"""What a person sees: colours where they can be shown, problems with their lines."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from argparse import Namespace

    from factory.errors import SpecError
    from factory.lint.reporters import Paint

CHOICES = ("auto", "always", "never")
_CODES = {
    "error": "1;31",
    "warning": "1;33",
    "good": "32",
    "strong": "1",
    "note": "36",
    "faint": "2",
}


def painter(choice: str, stream: TextIO) -> Paint:
    """A paint for a stream: colours on a terminal, unless NO_COLOR or the choice says no."""
    from factory.lint.reporters import plain

    wanted = choice == "always" or (
        choice == "auto"
        and stream.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
    return _colour if wanted else plain


def print_problems(error: SpecError, args: Namespace) -> None:
    """The problems of specs that a command cannot do without, on standard error."""
    from factory.amounts import counted
    from factory.cli.options import root
    from factory.lint.report import Finding
    from factory.lint.reporters.text import findings

    paint = painter("auto", sys.stderr)
    found = [Finding(diagnostic=entry) for entry in sorted(error.diagnostics)]
    for line in findings(found, root(args).parent, paint):
        print(line, file=sys.stderr)
    print(paint("error", counted(len(found), "problem")), file=sys.stderr)


def _colour(style: str, text: str) -> str:
    return f"\033[{_CODES[style]}m{text}\033[0m"


def for_programs(text: str, stream: TextIO) -> str:
    """JSON as it is, or with escapes where the stream could not say all of it."""
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        import json

        return json.dumps(json.loads(text), indent=2)
    return text
