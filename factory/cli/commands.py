"""The commands by name; the module of one is imported when it is called."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, Namespace
from typing import Protocol, cast

COMMANDS = {
    "init": "make a project in an empty folder, or bring one up to date",
    "lint": "check pipelines: all problems at once, without Airflow",
    "new": "write a new pipeline of a kind, ready to run",
    "sniff": "look at a file and print its format, ready to paste",
    "put": "copy files of this machine into a store, to try a pipeline on them",
    "render": "show the tasks that a pipeline becomes",
    "explain": "show every value of a pipeline and the line it came from",
    "run": "run a pipeline here and now, in this process",
    "doctor": "look at an installation: what is right, what is wrong, what to do",
    "verify": "try on a warehouse of yours what is promised of its kind",
    "services": "run a real PostgreSQL, and other servers, here, to try pipelines on",
    "schema": "write the JSON Schemas that editors complete from",
    "docs": "write the reference pages of the grammar and the kinds",
    "demo": "run everything here, from sample data to rows, on a real Airflow",
    "completion": "print the shell's completion script",
}


class Command(Protocol):
    """A module of this package; it may have a text `HELP`, the last part of its help."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, args: Namespace) -> int:
        """Do it; the exit code."""


def command(name: str) -> Command:
    """The module of a command: imported only when it is called."""
    return cast("Command", importlib.import_module(f"factory.cli.{name}"))


def about(name: str) -> str:
    """A command in one sentence."""
    return f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}."
