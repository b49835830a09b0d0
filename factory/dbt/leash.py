"""Hold a command on a leash: it ends when whoever began it lets go, or is no more.

    python leash.py GRACE COMMAND [ARGUMENT …]

The leash is standard input. When it is closed, also because the process at its other end was
killed, the command is interrupted (SIGINT: dbt cancels its queries then, which SIGTERM does not
let it do), and after GRACE seconds killed with all that it began. What it says goes through here:
it must not end at a broken pipe before it has cancelled. Run as a file: nothing of this package is
imported.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

_BLOCK = 1 << 16
_PAUSE = 0.1


def main(grace: float, command: list[str]) -> int:
    """Run the command; its exit code, or 128 and the signal that ended it."""
    # what began this may ignore it, and so would the command
    signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        _hold(child, child.stdout.fileno(), grace)
    finally:
        _kill(child.pid)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _hold(child: "subprocess.Popen[bytes]", output: int, grace: float) -> None:
    """Pass on what it says until it has ended; interrupt it once the leash is let go."""
    leash, patience = [0], float("inf")
    while child.poll() is None and time.monotonic() < patience:
        ready, _, _ = select.select([*leash, output], [], [], _PAUSE)
        if output in ready and not _passed_on(output):
            time.sleep(_PAUSE)  # it has closed its output, and works on
        if 0 in ready and not os.read(0, _BLOCK):
            leash, patience = [], time.monotonic() + grace
            child.send_signal(signal.SIGINT)
    while select.select([output], [], [], 0)[0] and _passed_on(output):
        pass


def _passed_on(output: int) -> bool:
    """Whether it had something to say."""
    left = said = os.read(output, _BLOCK)
    with contextlib.suppress(OSError):  # nobody reads it any more
        while left:
            left = left[os.write(1, left) :]
    return bool(said)


def _kill(group: int) -> None:
    """All that is left of a session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
