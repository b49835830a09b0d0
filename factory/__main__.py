"""`python -m factory`: the command line."""

from factory.cli.start import console

console()
