"""The entry point, `factory …`: it says so when another package's files lie over ours.

factory_boy has the import name `factory`, too. Whichever is installed last overwrites what both
have, and an import fails somewhere far from the reason.
"""

from __future__ import annotations

import sys
from typing import NoReturn

_OTHER = "factory_boy"


def console() -> NoReturn:
    """Run the command line."""
    try:
        from factory.cli.main import console as main
    except ImportError:
        if not is_mixed():
            raise
        sys.exit(
            f"error: {_OTHER} is installed in this environment, too: its import name is `factory`\n"
            "  as ours is, and its files lie over those of airflow-pipeline-factory\n"
            f"  hint: `pip uninstall {_OTHER} airflow-pipeline-factory`, then install the latter "
            "again;\n  tests that need the other one need an environment of their own"
        )
    main()


def is_mixed() -> bool:
    """Whether the other package is installed here."""
    from importlib import metadata  # costs as much as reading a spec

    try:
        metadata.distribution(_OTHER)
    except metadata.PackageNotFoundError:
        return False
    return True
