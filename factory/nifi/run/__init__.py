"""The steps of a run, each a flow: `preflight` → `start` → look again and again → `stop`.

Of a group that is always on: `standby` → `handed_over` → look again and again.
"""

from factory.nifi.run.end import restore, stop
from factory.nifi.run.preflight import preflight
from factory.nifi.run.report import report
from factory.nifi.run.standby import handed_over, standby
from factory.nifi.run.start import start

__all__ = ["handed_over", "preflight", "report", "restore", "standby", "start", "stop"]
