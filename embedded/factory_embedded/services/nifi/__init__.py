"""A real Apache NiFi on the loopback, for the demo and the tests.

`running` starts one; `flows.install` uploads a flow definition to it.
"""

from factory_embedded.services.nifi.server import Server, running

__all__ = ["Server", "running"]
