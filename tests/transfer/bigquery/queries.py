"""What tests ask the server."""

from typing import Any

import requests

from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.jobs import Jobs
from factory_embedded.services import bigquery, gcs


def api(server: bigquery.Server) -> Api:
    """A client."""
    return Api(requests.Session(), server.endpoint, gcs.PROJECT, storage=server.grpc)


def ask(server: bigquery.Server, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return Jobs(api(server), None).asked(query)
