"""The command line: one module per command, and the one place that turns errors into exit codes.

Exit codes: 0 fine, 1 findings or an error that the message explains, 2 used wrongly,
3 a defect of this program, 130 stopped by Ctrl-C, 141 the reader of the output went away,
143 `run` stopped by SIGTERM.
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

from factory.cli.commands import COMMANDS, about, command
from factory.errors import FactoryError, SpecError, Terminated, UsageError

FINE, FINDINGS, USAGE, INTERNAL = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143
_COLUMNS = 80  # where there is no terminal


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are UsageErrors."""

    def error(self, message: str) -> NoReturn:
        """Instead of printing the whole usage.

        :raises UsageError: always.
        """
        raise UsageError(message, f"see `{self.prog} --help`")


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse makes one for each argument, and asks `shutil`, which
    loads what unpacks archives."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size().columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def console() -> NoReturn:
    """The entry point: `factory …`."""
    if "_ARGCOMPLETE" in os.environ:
        from factory.cli.completion import complete

        complete()
    for name in ("stdout", "stderr"):  # None where the caller closed it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        unicode = (stream.encoding or "").lower().startswith("utf")
        # a file's name may hold what UTF-8 cannot say
        errors = "backslashreplace" if unicode else "replace"
        stream.reconfigure(errors=errors)  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command; its exit code."""
    gc.set_threshold(100_000)  # a command ends soon, and almost nothing that it makes is garbage
    try:
        code = _run(list(argv))
        sys.stdout.flush()
        return code
    except SystemExit as exit:  # argparse's --help
        return exit.code if isinstance(exit.code, int) else FINE
    except FactoryError as error:
        _complain(error)
        return USAGE if isinstance(error, UsageError) else FINDINGS
    except KeyboardInterrupt as stop:
        print("\nstopped", file=sys.stderr)
        return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
            print("factory: the output cannot be written: no space is left", file=sys.stderr)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FINDINGS
        import traceback

        traceback.print_exc()
        print("\nfactory: this is a bug; please report it with the lines above", file=sys.stderr)
        return INTERNAL


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(overview())
        return FINE
    if argv[0] in ("-V", "--version"):
        from importlib.metadata import version

        from factory.extras import NAME

        print(f"factory {version(NAME)}")
        return FINE
    name, rest = argv[0], argv[1:]
    if name not in COMMANDS:
        raise _unknown(name)
    module = command(name)
    parser = Parser(
        prog=f"factory {name}",
        description=about(name),
        epilog=getattr(module, "HELP", ""),
        formatter_class=Help,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    args, extra = parser.parse_known_args(rest)
    if extra:
        raise _extra(parser, extra)
    try:
        return module.run(args)
    except SpecError as error:
        from factory.cli.terminal import print_problems

        print_problems(error, args)
        return FINDINGS


def overview() -> str:
    """What `factory` alone prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: factory COMMAND …",
            "",
            "Data pipelines from YAML files in dag_factory_configs/, on Apache Airflow.",
            "",
            *lines,
            "",
            "for example:",
            "  factory init && factory new bash hello && factory lint && factory run hello",
            "",
            "`factory COMMAND --help` tells more; `factory --version` the version.",
        ]
    )


def _unknown(name: str) -> UsageError:
    if name.startswith("-"):
        return UsageError(f"the command comes before its options: {name}", "see `factory --help`")
    near = _nearest(name, COMMANDS)
    if near:
        return UsageError(f"there is no command {name!r}", f"did you mean {near!r}?")
    if name.endswith((".yaml", ".yml")) or os.path.exists(name):
        return UsageError(
            f"{name!r} is not a command", f"to check that file: `factory lint {name}`"
        )
    return UsageError(f"there is no command {name!r}", f"there is {', '.join(COMMANDS)}")


def _extra(parser: Parser, extra: list[str]) -> UsageError:
    first = extra[0].partition("=")[0]
    if not first.startswith("-"):
        return UsageError(
            f"one word too many for `{parser.prog}`: {first}", f"see `{parser.prog} --help`"
        )
    known = [word for action in parser._actions for word in action.option_strings]
    near = _nearest(first, known)
    hint = f"did you mean {near!r}?" if near else f"see `{parser.prog} --help`"
    return UsageError(f"`{parser.prog}` has no option {first}", hint)


def _nearest(word: str, choices: Iterable[str]) -> str:
    from factory.diagnostics import nearest  # costs more than all of `factory --help`

    return nearest(word, choices)


def _complain(error: FactoryError) -> None:
    from factory.cli.terminal import painter
    from factory.diagnostics import printable

    paint = painter("auto", sys.stderr)
    print(f"{paint('error', 'error:')} {printable(error.message, lines=True)}", file=sys.stderr)
    if error.hint:
        hint = printable(error.hint, lines=True)
        print(f"  {paint('note', 'hint:')} {hint}", file=sys.stderr)
