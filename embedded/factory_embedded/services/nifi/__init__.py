"""A real Apache NiFi on the loopback, for the demo and the tests.

`server.running` starts one; `flows.install` uploads a flow definition to it.
"""
