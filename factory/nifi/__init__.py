"""Drive Apache NiFi 1.x and 2.x over its REST API: start a flow, know when it is done, stop it."""
