"""NiFi itself: version, cluster."""

from __future__ import annotations

import time

from factory.nifi import model
from factory.nifi.flow import Flow, Request, get
from factory.nifi.model import Cluster


def version() -> Flow[str]:
    """Such as `2.3.0`."""
    return str((yield from get("/flow/about"))["about"]["version"])


def clock() -> Flow[float]:
    """NiFi's clock, seconds since 1970, up to one second behind."""
    answer = yield Request("GET", "/flow/about", repeat=True)
    return time.time() - 1 if answer.date is None else answer.date


def cluster() -> Flow[Cluster]:
    """How many nodes are connected."""
    return model.cluster((yield from get("/flow/cluster/summary"))["clusterSummary"])
