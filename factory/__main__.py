"""`python -m factory`: the command line."""

from factory.cli.main import console

console()
