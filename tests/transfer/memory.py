"""The memory that work takes, in a process of its own."""

import subprocess
import sys

from tests.patience import seconds

# Not by getrusage(): on Linux, a child begins with the peak of the process that started it.
TELL = """
def memory(name):
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith(name + ":"))
    return int(line.split()[1]) // 1024

with open("/proc/self/clear_refs", "w") as forget:  # the peak so far is not of the work
    forget.write("5")
before = memory("VmRSS")
work()
print(memory("VmHWM") - before)
"""


def grown(code: str, *arguments: object) -> tuple[str, int]:
    """What `work()` of this code prints, and its peak above what was there before it, in MiB."""
    command = [sys.executable, "-c", code + TELL, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds(120))
    assert done.returncode == 0, done.stderr
    said, _, mebibytes = done.stdout.rstrip().rpartition("\n")
    return said, int(mebibytes)
