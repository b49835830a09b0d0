"""When a flow is done: a state machine without I/O and without a clock.

STARTING → WAITING → ACTIVE → DRAINING → IDLE × N → a verdict.

An empty queue in one look proves nothing: the source may not have emitted yet, or a flow file may
be in a session that is not committed. So a flow is done when it was seen at work, and then its
queues were empty, no thread ran and no counter rose at N looks in a row. Counters cover the last
five minutes only, so a fall means nothing and a rise means new work.
"""

from factory.nifi.wait.rules import Rules
from factory.nifi.wait.sample import Missed, Sample
from factory.nifi.wait.state import Phase, State
from factory.nifi.wait.step import step
from factory.nifi.wait.verdict import Verdict

__all__ = ["Missed", "Phase", "Rules", "Sample", "State", "Verdict", "step"]
