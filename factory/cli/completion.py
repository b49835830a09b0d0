"""`factory completion`: what a shell needs to complete `factory …`."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentParser, Namespace

from factory.cli import commands

HELP = """\
for example:
  bash:  echo 'eval "$(factory completion bash)"' >> ~/.bashrc
  zsh:   echo 'eval "$(factory completion zsh)"' >> ~/.zshrc
  fish:  factory completion fish > ~/.config/fish/completions/factory.fish
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that you use")


def run(args: Namespace) -> int:
    """Print the script."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["factory"], shell=args.shell))
    return 0


def complete() -> None:
    """Answer a shell that asks for completions, and end the process."""
    import argcomplete

    argcomplete.autocomplete(parser(os.environ.get("COMP_LINE", "")))


def parser(line: str) -> ArgumentParser:
    """A parser of every command's name, and of the arguments of the one that `line` calls."""
    called = [*line.split(), "", ""][1]
    top = argparse.ArgumentParser(prog="factory")
    subparsers = top.add_subparsers()
    for name, about in commands.COMMANDS.items():
        below = subparsers.add_parser(name, help=about)
        if name == called:
            commands.command(name).add_arguments(below)
    return top
