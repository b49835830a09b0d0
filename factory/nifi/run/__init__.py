"""The steps of a run, each a flow: `preflight` → `start` → look again and again → `stop`."""

from factory.nifi.run.end import restore, stop
from factory.nifi.run.preflight import preflight
from factory.nifi.run.report import report
from factory.nifi.run.start import start

__all__ = ["preflight", "report", "restore", "start", "stop"]
