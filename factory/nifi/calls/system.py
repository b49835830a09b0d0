"""NiFi itself: version, cluster."""

from __future__ import annotations

from factory.nifi import model
from factory.nifi.flow import Flow, get
from factory.nifi.model import Cluster


def version() -> Flow[str]:
    """Such as `2.3.0`."""
    return str((yield from get("/flow/about"))["about"]["version"])


def cluster() -> Flow[Cluster]:
    """How many nodes are connected."""
    return model.cluster((yield from get("/flow/cluster/summary"))["clusterSummary"])
