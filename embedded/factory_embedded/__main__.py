"""Run services by their names, and print Airflow's connections to them, until Ctrl-C.

python -m factory_embedded FOLDER SERVICE…
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from factory.diagnostics import did_you_mean
from factory.errors import FactoryError, UsageError
from factory_embedded import services
from factory_embedded.service import Cancelled
from factory_embedded.stop import Stop


def main(arguments: Sequence[str]) -> int:
    """Run the services below a folder; the exit code."""
    with Stop() as stop:
        try:
            if len(arguments) < 2:
                raise UsageError((__doc__ or "").strip(), f"there is {', '.join(services.names())}")
            _run(Path(arguments[0]), arguments[1:], stop)
        except Cancelled:
            return 128 + stop.signal
        except FactoryError as error:
            print("\n  hint: ".join(filter(None, (error.message, error.hint))), file=sys.stderr)
            return 2 if isinstance(error, UsageError) else 1


def _run(folder: Path, names: Sequence[str], stop: Stop) -> NoReturn:
    known = services.names()
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"there is {', '.join(known)}"
            raise UsageError(f"there is no service {name!r}", hint)
    with ExitStack() as stack:
        for name in names:
            found = services.find(name).running(folder / name, cancelled=stop.received)
            connection = stack.enter_context(found).connection
            print(f"AIRFLOW_CONN_{name.upper()}={shlex.quote(connection.json)}", flush=True)
        while True:
            stop.obey()
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
